//! Runs of which not every test makes one: with queues, of endurance, and of two scenarios.

use super::{MIB, VALID, business_heavy, failing, outcome, result, row, times};
use crate::result::{
    DriftResult, DriftVerdict, OutcomeKind, PollKind, PollResult, PollSeries, PositionResult, RunResult,
    TrendResult, Unit,
};

fn poll(name: &str, kind: PollKind, [got, given_up, abandoned, ended, interrupted]: [u64; 5]) -> PollResult {
    PollResult {
        optional: false,
        name: name.into(),
        scenario: "reservation-stress".into(),
        kind,
        groups: vec![],
        started: got + given_up + abandoned + ended + interrupted,
        got,
        given_up,
        abandoned,
        ended,
        interrupted,
        duration: (got > 0).then(|| times(got, 12_000.0)),
        duration_histogram: None,
        abandoned_after: (abandoned > 0).then(|| times(abandoned, 48_000.0)),
        position: None,
        series: PollSeries::default(),
    }
}

/// A run whose users wait for their turn, and some of whom would wait no longer.
pub(crate) fn waiting() -> RunResult {
    let mut waiting = business_heavy();
    let position = PositionResult { samples: 9000, min: 0.0, avg: 120.5, p50: 98.0, p95: 412.0, max: 1498.0 };
    waiting.polls = vec![
        poll("order completed", PollKind::Poll, [1200, 0, 0, 0, 0]),
        PollResult {
            position: Some(position),
            series: PollSeries {
                waiting: (0..60).map(|second| second * (60 - second)).collect(),
                position_avg: (0..60).map(|second| (second > 5).then(|| f64::from(second))).collect(),
                ..PollSeries::default()
            },
            ..poll("waiting room", PollKind::WaitForTurn, [950, 20, 35, 2, 3])
        },
        poll("second queue", PollKind::WaitForTurn, [0, 0, 0, 0, 0]),
    ];
    waiting.scenarios[0].abandoned = 35;
    waiting.series.at_s = (0..60).collect();
    waiting
}

/// A run of endurance in which some figures went somewhere.
pub(crate) fn drifting() -> RunResult {
    let trend = |name: &str, verdict, text: &str, unit, [low, high]: [f64; 2]| TrendResult {
        name: name.into(),
        verdict,
        text: text.into(),
        unit,
        per_minute: Some(f64::midpoint(low, high)),
        low: Some(low),
        high: Some(high),
        p_value: Some(0.0001),
        begins: Some(20.0 * MIB),
        windows: 60,
    };
    let unknown =
        trend("db memory", DriftVerdict::Unknown, "too few seconds to tell", Unit::BytesPerMinute, [0.0; 2]);
    let mut drifting = result(vec![row("get", vec![])], vec![], vec![], VALID);
    drifting.drift = Some(DriftResult {
        from_s: 12.0,
        to_s: 120.0,
        trends: vec![
            trend("latency p99", DriftVerdict::NoDrift, "no drift", Unit::SecondsPerMinute, [-0.001, 0.001]),
            trend(
                "bundled memory",
                DriftVerdict::Grows,
                "grows 3.0MiB/min",
                Unit::BytesPerMinute,
                [2.9 * MIB, 3.1 * MIB],
            ),
            trend(
                "bundled descriptors",
                DriftVerdict::Falls,
                "falls 2/min",
                Unit::NumberPerMinute,
                [-2.5, -1.5],
            ),
            TrendResult { low: None, high: None, ..unknown },
        ],
    });
    drifting
}

/// Two scenarios whose steps, groups, checks, polls, causes and invariants have the same names; of the second, some
/// stand apart.
pub(crate) fn two_scenarios() -> RunResult {
    let mut two = failing();
    two.polls = vec![poll("order completed", PollKind::Poll, [1200, 7, 0, 0, 0])];
    // Its one request waited before it was sent as well.
    let mut waited = outcome(OutcomeKind::Success, "success", 900, 90.0);
    waited.service = Some(times(900, 8.0));
    let mut other_row = row("reserve seat", vec![waited]);
    other_row.optional = true;
    other_row.attempted = 900;
    two.totals.optional = 900;
    two.rows.push(other_row);
    let browse = || "browse".to_owned();
    let mut other = two.scenarios[0].clone();
    (other.name, other.abandoned, other.throttled) = (browse(), 4, Some(times(120, 3.0)));
    two.scenarios.push(other);
    if let Some(last) = two.rows.last_mut() {
        last.scenario = browse();
    }
    let again = |name: &mut String| *name = browse();
    let mut groups = two.groups.clone();
    groups.iter_mut().for_each(|group| {
        again(&mut group.scenario);
        group.optional = true;
    });
    two.groups.append(&mut groups);
    let mut checks = two.checks.clone();
    checks.iter_mut().for_each(|check| again(&mut check.scenario));
    two.checks.append(&mut checks);
    let mut polls = two.polls.clone();
    polls.iter_mut().for_each(|poll| again(&mut poll.scenario));
    two.polls.append(&mut polls);
    let mut causes = two.causes.clone();
    causes.iter_mut().for_each(|cause| again(&mut cause.scenario));
    two.causes.append(&mut causes);
    let mut invariants = two.invariants.clone();
    invariants.iter_mut().for_each(|invariant| again(&mut invariant.scenario));
    two.invariants.append(&mut invariants);
    two
}
