//! The report of runs of every kind, as it looks.

use super::*;
use crate::result::{
    CauseResult, CheckResult, CustomResult, CustomValue, Distribution, DriftResult, DriftVerdict, Ended,
    Environment, ExampleResult, FORMAT, GaugeResult, GeneratorResult, GroupResult, InvariantResult,
    InvariantState, OutcomeKind, OutcomeResult, PollKind, PollResult, PollSeries, PositionResult, RowResult,
    ScenarioInfo, ScenarioResult, Series, TargetInfo, ThresholdResult, Totals, TrendResult, Unit, Validity,
    WatchedKind, WatchedResult,
};

fn times(count: u64, p50_ms: f64) -> Distribution {
    Distribution {
        count,
        min_ms: p50_ms * 0.5,
        avg_ms: p50_ms * 1.1,
        p50_ms,
        p90_ms: p50_ms * 1.8,
        p95_ms: p50_ms * 2.3,
        p99_ms: p50_ms * 4.1,
        p999_ms: p50_ms * 7.0,
        max_ms: p50_ms * 9.4,
        stddev_ms: p50_ms * 0.4,
    }
}

fn outcome(kind: OutcomeKind, name: &str, count: u64, p50_ms: f64) -> OutcomeResult {
    let seen = (count > 0).then(|| times(count, p50_ms));
    OutcomeResult {
        response_windows: None,
        kind,
        name: name.into(),
        count,
        rate_per_s: count as f64 / 130.0,
        share: 0.0,
        response: seen,
        service: seen,
        ttfb: None,
        connect: None,
        tls: None,
        response_histogram: None,
        service_histogram: None,
    }
}

fn row(name: &str, mut outcomes: Vec<OutcomeResult>) -> RowResult {
    let of = |outcomes: &[OutcomeResult], kind| {
        outcomes.iter().filter(|outcome| outcome.kind == kind).map(|outcome| outcome.count).sum::<u64>()
    };
    let all: u64 = outcomes.iter().map(|outcome| outcome.count).sum();
    for outcome in &mut outcomes {
        outcome.share = outcome.count as f64 / all.max(1) as f64;
    }
    RowResult {
        optional: false,
        name: name.into(),
        method: Some("POST".into()),
        path: None,
        scenario: "reservation-stress".into(),
        groups: vec![],
        attempted: all,
        success: of(&outcomes, OutcomeKind::Success),
        business: of(&outcomes, OutcomeKind::Business),
        failure: of(&outcomes, OutcomeKind::Failure),
        interrupted: 0,
        in_doubt: 0,
        sent_bytes: all * 310,
        received_bytes: all * 280,
        outcomes,
    }
}

fn threshold(text: &str, unit: Unit, observed: Option<f64>, limit: f64, met: bool) -> ThresholdResult {
    ThresholdResult {
        text: text.into(),
        unit,
        observed,
        limit,
        met,
        samples: 0,
        reason: observed.is_none().then(|| "no samples".into()),
        implied: false,
        aborted: false,
        over_s: None,
        broken_at_s: None,
    }
}

fn invariant(name: &str, state: InvariantState, detail: Option<&str>) -> InvariantResult {
    InvariantResult { name: name.into(), state, detail: detail.map(Into::into) }
}

/// A result of these rows and judgements, its verdict as the program would give it.
fn result(
    rows: Vec<RowResult>,
    thresholds: Vec<ThresholdResult>,
    invariants: Vec<InvariantResult>,
    validity: (Soundness, &[&str]),
) -> RunResult {
    let sum = |pick: fn(&RowResult) -> u64| rows.iter().map(pick).sum::<u64>();
    let totals = Totals {
        optional: 0,
        attempted: sum(|row| row.attempted),
        success: sum(|row| row.success),
        business: sum(|row| row.business),
        failure: sum(|row| row.failure),
        interrupted: 0,
        in_doubt: 0,
        rate_per_s: sum(|row| row.attempted) as f64 / 130.0,
        sent_bytes: sum(|row| row.sent_bytes),
        received_bytes: sum(|row| row.received_bytes),
    };
    let validity =
        Validity { verdict: validity.0, reasons: validity.1.iter().map(|&reason| reason.into()).collect() };
    let iterations = rows.first().map_or(0, |row| row.attempted);
    RunResult {
        time_scale: Some(1.0),
        window_s: Some(1),
        format: FORMAT,
        loadtest: "0.1.0".into(),
        scenario: ScenarioInfo {
            name: "reservation-stress".into(),
            description: Some(
                "50 seats and 50 users. Who wins each seat, and how fast are the others told?".into(),
            ),
            file: "scenarios/reservation-stress.yaml".into(),
        },
        command: vec!["loadtest".into(), "run".into()],
        seed: 7,
        workers: 1,
        started: "2026-03-01T09:30:05.250Z".into(),
        wall_s: 131.2,
        load_s: 130.0,
        target: TargetInfo {
            url: "http://127.0.0.1:8080".into(),
            bundled: true,
            socket: None,
            insecure: false,
        },
        environment: Environment { os: "linux".into(), arch: "x86_64".into(), cpus: 2 },
        totals,
        scenarios: vec![ScenarioResult {
            name: "reservation-stress".into(),
            kind: Some("stress".into()),
            model: LoadModel::Closed,
            load_s: 130.0,
            started: iterations,
            completed: iterations,
            completed_per_s: iterations as f64 / 130.0,
            cut: 0,
            abandoned: 0,
            ended_early: 0,
            interrupted: 0,
            dropped: 0,
            duration: (iterations > 0).then(|| times(iterations, 2010.0)),
            lateness: None,
            throttled: None,
        }],
        rows,
        groups: vec![],
        polls: vec![],
        checks: vec![],
        metrics: vec![],
        causes: vec![],
        verdict: crate::result::verdict::verdict(
            Ended::Completed,
            &thresholds,
            &invariants,
            &validity,
            false,
        ),
        thresholds,
        invariants,
        validity,
        generator: GeneratorResult {
            cpu_s: 3.2,
            cpu_share: Some(0.04),
            peak_rss_bytes: Some(21 << 20),
            lateness_p99_ms: Some(0.081),
        },
        own_faults: vec![],
        series: Series::default(),
        monitor: vec![],
        drift: None,
    }
}

/// A source of these gauges, each with its p95, maximum, first and last figure.
fn watched(name: &str, kind: WatchedKind, gauges: &[(&str, Unit, [f64; 4])]) -> WatchedResult {
    let gauge = |(name, unit, [p95, max, first, last]): &(&str, Unit, [f64; 4])| GaugeResult {
        name: (*name).into(),
        unit: *unit,
        samples: 130,
        first: Some(*first),
        last: Some(*last),
        min: Some(*first),
        avg: Some(*p95 / 2.0),
        p50: Some(*p95 / 2.0),
        p95: Some(*p95),
        p99: Some(*max),
        max: Some(*max),
        values: vec![],
    };
    WatchedResult {
        name: name.into(),
        kind,
        cpu_limit_cores: None,
        memory_limit_bytes: None,
        failed: 0,
        problem: None,
        gauges: gauges.iter().map(gauge).collect(),
    }
}

const MIB: f64 = 1024.0 * 1024.0;

fn bundled() -> WatchedResult {
    let gauges = [
        ("cpu", Unit::Share, [0.4321, 0.61, 0.1, 0.2]),
        ("memory", Unit::Bytes, [15.0 * MIB, 15.2 * MIB, 12.0 * MIB, 15.1 * MIB]),
        ("descriptors", Unit::Number, [61.0, 61.0, 11.0, 61.0]),
        ("threads", Unit::Number, [3.0, 3.0, 3.0, 3.0]),
    ];
    watched("bundled", WatchedKind::Process, &gauges)
}

const VALID: (Soundness, &[&str]) = (Soundness::Valid, &[]);

fn implied(observed: Option<f64>, met: bool) -> ThresholdResult {
    ThresholdResult { implied: true, ..threshold("failures: rate < 1%", Unit::Share, observed, 0.01, met) }
}

/// The run that other tools call failed: 1,229 right refusals.
fn business_heavy() -> RunResult {
    use OutcomeKind::{Business, Success};
    result(
        vec![
            row("issue token", vec![outcome(Success, "success", 1279, 1.24)]),
            row(
                "reserve seat",
                vec![
                    outcome(Success, "success", 50, 3.71),
                    outcome(Business, "seat taken", 1229, 1.08),
                    outcome(Business, "token expired", 0, 0.0),
                ],
            ),
        ],
        vec![
            threshold("latency: p95 < 1s", Unit::Seconds, Some(0.002_85), 1.0, true),
            threshold("latency{step=reserve seat}: p99 < 2s", Unit::Seconds, Some(0.015_2), 2.0, true),
            threshold(
                "business{step=reserve seat, outcome=seat taken}: count > 0",
                Unit::Number,
                Some(1229.0),
                0.0,
                true,
            ),
            implied(Some(0.0), true),
        ],
        vec![
            invariant("no seat sold twice", InvariantState::Held, None),
            invariant("a seat for every success", InvariantState::Held, None),
        ],
        VALID,
    )
}

/// All that a report can hold, and most of it bad.
fn failing() -> RunResult {
    use OutcomeKind::{Business, Failure, Success};
    let mut slow = outcome(Success, "success", 41_270, 181.0);
    slow.service = Some(times(41_270, 12.0));
    let mut failing = result(
        vec![
            row("issue token", vec![outcome(Success, "success", 43_310, 1.24)]),
            row(
                "reserve seat",
                vec![
                    slow,
                    outcome(Business, "seat taken", 1229, 1.08),
                    outcome(Failure, "timeout (wait)", 801, 10_000.0),
                    outcome(Failure, "status 503", 10, 4.0),
                ],
            ),
            row("POST /api/v1/payments/confirmations", vec![outcome(Success, "success", 0, 0.0)]),
        ],
        vec![
            ThresholdResult {
                over_s: Some(30.0),
                broken_at_s: Some(72.0),
                ..threshold("latency: p95 < 300ms", Unit::Seconds, Some(0.812_3), 0.3, false)
            },
            threshold("latency{step=pay}: p99 < 2s", Unit::Seconds, None, 2.0, false),
            threshold("requests: rate > 300/s", Unit::PerSecond, Some(666.3), 300.0, true),
            implied(Some(0.0093), true),
        ],
        vec![
            invariant("no seat sold twice", InvariantState::Held, None),
            invariant(
                "a seat for every success",
                InvariantState::NotAsked,
                Some("GET /admin/audit: refused"),
            ),
        ],
        (
            Soundness::Suspect,
            &["the generator was late: p99 23.0ms (limit 10ms); give it more cores or less load"],
        ),
    );
    failing.scenarios[0].cut = 12;
    failing.scenarios[0].ended_early = 811;
    failing.scenarios[0].dropped = 1200;
    failing.scenarios[0].interrupted = 3;
    failing.totals.interrupted = 3;
    failing.totals.in_doubt = 804;
    failing.groups = vec![GroupResult {
        optional: false,
        name: "buy".into(),
        scenario: "reservation-stress".into(),
        duration: Some(times(41_270, 195.0)),
    }];
    let check = |name: &str, step: Option<&str>, passed, failed| CheckResult {
        optional: false,
        name: name.into(),
        scenario: "reservation-stress".into(),
        step: step.map(Into::into),
        passed,
        failed,
    };
    failing.checks = vec![
        check("has an id", Some("reserve seat"), 41_270, 0),
        check("queue moves", None, 990, 10),
        check("paid in full", Some("POST /api/v1/payments/confirmations"), 0, 0),
    ];
    let metric = |name: &str, value| CustomResult { name: name.into(), value };
    failing.metrics = vec![
        metric("seats", CustomValue::Count { sum: 41_270.0, samples: 41_270 }),
        metric(
            "price",
            CustomValue::Observe {
                samples: 8,
                min: Some(9.5),
                avg: Some(12.25),
                p50: Some(11.0),
                p95: Some(20.0),
                p99: Some(20.0),
                max: Some(20.0),
            },
        ),
        metric("cached", CustomValue::Share { passed: 25, failed: 75 }),
    ];
    let cause = |cause: &str, count, status, detail: &str, body: &str| CauseResult {
        step: "reserve seat".into(),
        cause: cause.into(),
        count,
        example: Some(ExampleResult {
            at_s: 72.4,
            request: "POST /api/v1/reservations".into(),
            status,
            detail: detail.into(),
            body: body.into(),
        }),
    };
    failing.causes = vec![
        cause("timeout (wait)", 801, None, "no answer within 10s", ""),
        cause(
            "status 503",
            10,
            Some(503),
            "the step expects 200..399",
            "\n<html><head><title>503 Service Unavailable</title></head>\n<body>",
        ),
    ];
    failing
}

/// The lines of a report from the one that begins so up to an empty one.
fn section(report: &str, begins: &str) -> String {
    let lines = report.lines().skip_while(|line| !line.trim_start().starts_with(begins));
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_the_target_used() {
    let mut result = result(vec![row("get", vec![])], vec![], vec![], VALID);
    assert_eq!(section(&render(&result, Style::default()), "target"), "", "nothing was watched");
    result.monitor = vec![bundled()];
    let wide = section(&render(&result, Style::default()), "target");
    let narrow = section(&render(&result, Style { width: 60, color: false }), "target");
    result.monitor.push(WatchedResult {
        cpu_limit_cores: Some(0.5),
        memory_limit_bytes: Some(512 << 20),
        ..watched(
            "db",
            WatchedKind::Container,
            &[
                ("cpu", Unit::Share, [0.97, 1.0, 0.1, 0.2]),
                ("throttled", Unit::Share, [0.8, 0.9, 0.0, 0.0]),
                ("memory", Unit::Bytes, [200.0 * MIB, 210.0 * MIB, 190.0 * MIB, 205.0 * MIB]),
            ],
        )
    });
    let two = section(&render(&result, Style::default()), "target");
    result.monitor.truncate(1);
    result.monitor[0].gauges.clear();
    result.monitor[0].failed = 130;
    result.monitor[0].problem = Some("it has ended".into());
    let nothing = section(&render(&result, Style::default()), "!");
    insta::assert_snapshot!([wide, narrow, two, nothing].join("\n\n"));
}

#[test]
fn series_of_endpoints() {
    let mut result = result(vec![row("get", vec![])], vec![], vec![], VALID);
    let gauges = [
        ("queue length", Unit::Number, [31.0, 40.0, 0.0, 2.5]),
        ("orders", Unit::PerSecond, [512.25, 600.0, 1.0, 480.0]),
    ];
    let mut endpoint = watched("prometheus", WatchedKind::Prometheus, &gauges);
    endpoint.problem = Some("it never told heap\u{1b}[2J".into());
    result.monitor = vec![endpoint];
    let report = render(&result, Style::default());
    insta::assert_snapshot!([section(&report, "!"), section(&report, "series")].join("\n\n"));
}

#[test]
fn where_an_endurance_run_went() {
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
    let mut result = result(vec![row("get", vec![])], vec![], vec![], VALID);
    result.drift = Some(DriftResult {
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
            TrendResult {
                low: None,
                high: None,
                ..trend(
                    "db memory",
                    DriftVerdict::Unknown,
                    "too few seconds to tell",
                    Unit::BytesPerMinute,
                    [0.0; 2],
                )
            },
        ],
    });
    insta::assert_snapshot!(section(&render(&result, Style::default()), "Drift"));
}

#[test]
fn all_good() {
    let mut good = business_heavy();
    good.rows.truncate(1);
    (good.totals.business, good.totals.success, good.totals.attempted) = (0, 1279, 1279);
    good.thresholds.remove(2);
    good.verdict.line = "PASSED: 3 thresholds met, 2 invariants hold, run valid".into();
    insta::assert_snapshot!(render(&good, Style::default()));
}

#[test]
fn right_refusals_are_no_failures() {
    let result = business_heavy();
    assert_eq!(result.verdict.exit_code, 0);
    insta::assert_snapshot!(render(&result, Style::default()));
}

#[test]
fn a_run_that_fails_in_every_way() {
    insta::assert_snapshot!(render(&failing(), Style::default()));
}

#[test]
fn a_narrow_place() {
    let text = render(&failing(), Style { color: false, width: 72 });
    // All but the verdict, which is one line wherever it stands.
    let lines = text.trim_end().lines().rev().skip(1);
    for line in lines {
        assert!(line.chars().count() <= 72, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_happened() {
    let empty = result(
        vec![row("issue token", vec![outcome(OutcomeKind::Success, "success", 0, 0.0)])],
        vec![threshold("latency: p95 < 1s", Unit::Seconds, None, 1.0, false), implied(None, false)],
        vec![],
        (
            Soundness::Invalid,
            &["nothing was attempted; look at the steps' `when` and at the length of the load"],
        ),
    );
    insta::assert_snapshot!(render(&empty, Style::default()));
}

#[test]
fn never_ready() {
    let mut result = business_heavy();
    let why = "nothing listens at http://127.0.0.1:8080 after 10s";
    result.verdict = crate::result::verdict::verdict(
        Ended::NotReady(why.into()),
        &result.thresholds,
        &result.invariants,
        &result.validity,
        false,
    );
    insta::assert_snapshot!(render(&result, Style::default()));
}

#[test]
fn two_scenarios() {
    let mut two = business_heavy();
    let mut other = two.scenarios[0].clone();
    other.name = "browse".into();
    two.scenarios.push(other);
    two.rows[1].scenario = "browse".into();
    insta::assert_snapshot!(render(&two, Style::default()));
}

#[test]
fn polls_and_waits() {
    let mut waiting = business_heavy();
    let poll = |name: &str, kind, [got, given_up, abandoned, ended, interrupted]: [u64; 5]| PollResult {
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
    };
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
    insta::assert_snapshot!(render(&waiting, Style::default()));
    waiting.polls[1].name = "\x1b[2J".into();
    assert!(!render(&waiting, Style::default()).contains('\x1b'));
}

#[test]
fn what_a_server_says_cannot_act_on_the_terminal() {
    let mut hostile = failing();
    let evil = "\x1b]0;owned\x07\x1b[2J\r\u{202e}dne\u{9b}31m\ttab";
    hostile.scenario.name = evil.into();
    hostile.rows[0].name = evil.into();
    hostile.rows[1].outcomes[3].name = evil.into();
    hostile.thresholds[0].text = evil.into();
    hostile.invariants[1].detail = Some(evil.into());
    hostile.validity.reasons[0] = evil.into();
    hostile.verdict.line = evil.into();
    hostile.target.url = evil.into();
    hostile.checks[0].name = evil.into();
    hostile.metrics[0].name = evil.into();
    hostile.groups[0].name = evil.into();
    let example = hostile.causes[1].example.as_mut().unwrap();
    example.request = evil.into();
    example.body = format!("{evil}{}", "x".repeat(100_000));
    example.detail = evil.into();
    let text = render(&hostile, Style::default());
    let harmful = |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{202e}');
    assert!(!text.contains(harmful), "{text:?}");
    insta::assert_snapshot!(text);
}

#[test]
fn colours_only_when_asked() {
    assert!(!render(&failing(), Style::default()).contains('\x1b'));
    let coloured = render(&failing(), Style { color: true, ..Style::default() });
    assert!(coloured.contains("\x1b[1;31m✗ "));
    // The same text underneath.
    let mut bare = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        bare += before;
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    bare += rest;
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_string()).collect::<Vec<_>>();
    assert_eq!(trimmed(&bare), trimmed(&render(&failing(), Style::default())));
}
