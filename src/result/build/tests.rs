//! A small run of the reservation test, from what was measured to the record.

use super::*;
use crate::metrics::Exchange;
use crate::outcome::{Cause, Outcome, OwnFault, Phase};
use crate::result::{InvariantState, Soundness};
use crate::scenario::model::{
    CheckId, CheckInfo, CustomId, CustomInfo, CustomKind, Feeds, GroupId, GroupInfo, Http, Load, LoadKind,
    Profile, RowId, RowInfo, Shape, StageId, Target,
};
use crate::scenario::monitor::{Gauge, Watch, WatchKind};
use crate::scenario::threshold::{Aggregate, Comparison, Filter, Metric, Threshold};
use crate::template::Env;
use crate::threshold::{Data, Gate};

fn test() -> Test {
    let threshold = |text: &str, metric, aggregate, comparison, limit, implied| Threshold {
        text: text.into(),
        metric,
        filter: Filter::default(),
        aggregate,
        comparison,
        limit,
        abort: false,
        after: Duration::ZERO,
        over: None,
        implied,
        line: None,
    };
    let row = |name: &str, groups: &[u16], business: &[&str]| RowInfo {
        name: name.into(),
        scenario: 0,
        groups: groups.iter().map(|&id| GroupId(id)).collect(),
        optional: false,
        business: business.iter().map(|&name| name.into()).collect(),
    };
    Test {
        name: "reservation-stress".into(),
        description: Some("50 seats and 50 users.".into()),
        file: "scenarios/reservation-stress.yaml".into(),
        env: Env::default(),
        target: Target {
            kind: TargetKind::Bundled,
            ready: Some("/healthz".into()),
            ready_timeout: Duration::from_secs(10),
            socket: None,
            specs: vec![],
            spec: None,
        },
        http: Http::default(),
        data: vec![],
        scenarios: vec![Scenario {
            start: crate::scenario::model::Start::At(Duration::ZERO),
            is_measured: true,
            name: "reservation-stress".into(),
            load: Load {
                kind: Some(LoadKind::Stress),
                shape: Shape::Users(Profile::constant(50.0, Duration::from_secs(10))),
                graceful_stop: Duration::from_secs(30),
                pace: None,
                throttle: None,
                max_duration: None,
            },
            vars: vec![],
            setup: vec![],
            on_start: vec![],
            flow: vec![],
            verify: vec![],
            teardown: vec![],
            slots: vec![],
            flow_slots: vec![],
            http: None,
            feeds: Feeds::default(),
        }],
        thresholds: vec![
            threshold(
                "latency: p95 < 500ms",
                Metric::Latency,
                Aggregate::Percentile(95.0),
                Comparison::Less,
                0.5,
                false,
            ),
            threshold("failures: rate < 1%", Metric::Failures, Aggregate::Rate, Comparison::Less, 0.01, true),
        ],
        monitor: vec![Watch { name: "bundled".into(), kind: WatchKind::Bundled }],
        catalog: Catalog {
            unmeasured: Vec::new(),
            rows: vec![
                row("issue token", &[], &[]),
                row("reserve seat", &[0], &["seat taken", "token expired"]),
            ],
            groups: vec![GroupInfo { name: "buy".into(), scenario: 0, optional: false }],
            polls: vec![],
            checks: vec![CheckInfo {
                name: "has an id".into(),
                scenario: 0,
                row: Some(RowId(1)),
                optional: false,
                invariant: false,
                measured: true,
            }],
            customs: vec![CustomInfo { name: "seats".into(), kind: CustomKind::Count }],
            stages: vec![],
        },
    }
}

fn totals(test: &Test) -> Staged {
    let mut totals = Staged::new(&test.catalog, 1);
    let recorder = totals.at(None);
    let mut answer = |row, outcome, millis: u64| {
        let exchange = Exchange {
            response: Duration::from_millis(millis),
            service: Some(Duration::from_millis(millis)),
            bytes_sent: 300,
            bytes_received: 200,
            ..Exchange::default()
        };
        recorder.attempt(RowId(row));
        recorder.answer(RowId(row), outcome, &exchange);
    };
    (0..100).for_each(|_| answer(0, Outcome::Success, 3));
    (0..50).for_each(|_| answer(1, Outcome::Success, 12));
    (0..47).for_each(|_| answer(1, Outcome::Business(0), 2));
    (0..2).for_each(|_| answer(1, Outcome::Failure(Cause::Timeout(Phase::Wait)), 10_000));
    recorder.attempt(RowId(1));
    recorder.interrupt(RowId(1), true);
    recorder.group(GroupId(0), Duration::from_millis(15));
    recorder.check(CheckId(0), true);
    recorder.tally(CustomId(0), 50.0);
    let scenario = &mut recorder.scenarios[0];
    scenario.started = 100;
    scenario.interrupted = 1;
    scenario.ended_early = 2;
    (0..97).for_each(|_| scenario.iterations.record(Duration::from_millis(15)));
    scenario.lateness.record(Duration::from_micros(80));
    totals
}

fn result_of(change: impl FnOnce(&mut Staged, &mut Facts<'_>)) -> RunResult {
    let test = test();
    let mut totals = totals(&test);
    let load = LoadTime::planned(&test).between(Duration::ZERO, Duration::from_secs(10));
    let judgements = Gate::new(&test.thresholds, &test.catalog, load.clone()).judge_all(&Data {
        totals: &totals,
        load: &load,
        seconds: &[],
        watched: &Watched::default(),
    });
    let samples = [Sample {
        step: StepId::Requests(RowId(1)),
        cause: Cause::Timeout(Phase::Wait),
        at: Duration::from_millis(4_200),
        request: "POST /api/v1/reservations?token=tok-4711".into(),
        status: None,
        detail: "no answer within 10s, sent with key hunter2".into(),
        body: "\x1b[2Jgone\nsecond line".into(),
        captured: Vec::new(),
    }];
    let seconds = [Second { at: 0, users: 50, attempted: 100, success: 90, ..Second::default() }];
    let command = ["loadtest".to_string(), "run".into(), "--target".into(), "http://u:p@host".into()];
    let (secrets, captured) = (["hunter2".to_string()], ["tok-4711".to_string()]);
    let mut watched = Watched::new(1);
    watched.sources[0].record(0, Gauge::Memory, 15_000_000.0);
    watched.sources[0].record(0, Gauge::Cpu, 0.437_219);
    let empty = Staged::new(&test.catalog, 1);
    let mut windows = Windows::new(&test.catalog);
    windows.add(0, &totals);
    let mut facts = Facts {
        test: &test,
        totals: &empty,
        seconds: &seconds,
        windows: &windows,
        watched: &watched,
        samples: &samples,
        judgements: &judgements,
        invariants: vec![InvariantResult {
            scenario: "reservation-stress".into(),
            name: "no seat sold twice".into(),
            state: InvariantState::Held,
            detail: None,
        }],
        ended: Ended::Completed,
        load: &load,
        time_scale: 1.0,
        command: &command,
        seed: 7,
        workers: 1,
        cpus: 2,
        cpu_model: None,
        memory_bytes: Some(8 << 30),
        started: "2026-03-01T09:30:05.25Z".parse().unwrap(),
        wall: Duration::from_millis(10_432),
        target_url: "http://127.0.0.1:8080",
        cpu_time: Duration::from_millis(812),
        cpu_share: Some(0.08),
        peak_rss_bytes: Some(24 << 20),
        secrets: &secrets,
        data_ran_out: &[],
        strict: false,
        captured: &captured,
    };
    change(&mut totals, &mut facts);
    RunResult::new(Facts { totals: &totals, ..facts })
}

/// A result made of a whole run, for tests of what writes and reads one.
pub(crate) fn sample_result() -> RunResult {
    result_of(|_, _| {})
}

#[test]
fn the_books_balance() {
    let result = sample_result();
    let Totals { attempted, success, business, failure, interrupted, in_doubt, .. } = result.totals;
    assert_eq!((attempted, success, business, failure, interrupted, in_doubt), (200, 150, 47, 2, 1, 1));
    assert!((result.totals.rate_per_s - 19.9).abs() < 1e-9);
    assert_eq!(result.validity.verdict, Soundness::Valid, "{:?}", result.validity);
    let reserve = &result.rows[1];
    let seen: Vec<_> = reserve.outcomes.iter().map(|one| (one.kind, one.name.as_str(), one.count)).collect();
    assert_eq!(
        seen,
        [
            (OutcomeKind::Success, "success", 50),
            (OutcomeKind::Business, "seat taken", 47),
            (OutcomeKind::Business, "token expired", 0),
            (OutcomeKind::Failure, "timeout (wait)", 2),
        ]
    );
    assert!((reserve.outcomes[1].share - 47.0 / 99.0).abs() < 1e-9);
    let scenario = &result.scenarios[0];
    assert_eq!((scenario.completed, scenario.ended_early, scenario.model), (97, 2, LoadModel::Closed));
    assert_eq!(result.started, "2026-03-01T09:30:05.250Z");
}

#[test]
fn stages_as_they_were_planned() {
    let stages = |name: Option<u16>, target, seconds| Stage {
        duration: Duration::from_secs(seconds),
        target,
        name: name.map(StageId),
    };
    let catalog = Catalog { stages: vec!["peak".into()], ..Catalog::default() };
    let profile = Profile { from: 0.0, stages: vec![stages(None, 50.0, 10), stages(Some(0), 50.0, 60)] };
    let seen = super::stages(&Shape::Users(profile.clone()), Some(Duration::ZERO), &catalog);
    let flat: Vec<_> = seen.iter().map(|s| (s.name.as_deref(), s.from_s, s.to_s, s.from, s.to)).collect();
    assert_eq!(flat, [(None, 0.0, 10.0, 0.0, 50.0), (Some("peak"), 10.0, 70.0, 50.0, 50.0)]);
    let later = super::stages(&Shape::Users(profile.clone()), Some(Duration::from_secs(30)), &catalog);
    assert_eq!((later[0].from_s, later[1].to_s), (30.0, 100.0));
    assert!(super::stages(&Shape::Users(profile), None, &catalog).is_empty(), "it never began");
    let shared = Shape::SharedIterations { users: 5, iterations: 9 };
    assert!(super::stages(&shared, Some(Duration::ZERO), &catalog).is_empty());
}

#[test]
fn histograms_are_kept_whole() {
    use hdrhistogram::{Histogram, serialization::Deserializer};
    let result = sample_result();
    let text = result.rows[1].outcomes[0].response_histogram.as_ref().unwrap();
    let bytes = STANDARD.decode(text).unwrap();
    let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
    assert_eq!(histogram.len(), 50);
    assert_eq!(histogram.value_at_percentile(50.0) / 1_000_000, 12);
    let text = result.rows[1].outcomes[3].response_windows.as_ref().unwrap();
    let windows = crate::result::windows::decode(text).unwrap();
    assert_eq!(windows.slots().map(|slot| slot.count).sum::<u64>(), 2);
}

#[test]
fn secrets_and_escape_sequences_stay_out() {
    let result = sample_result();
    let example = result.causes[0].example.as_ref().unwrap();
    assert_eq!(example.request, "POST /api/v1/reservations?token=[redacted]");
    assert_eq!(example.detail, "no answer within 10s, sent with key [redacted]");
    assert_eq!(example.body, "\\x1b[2Jgone\nsecond line");
    let json = serde_json::to_string(&result).unwrap();
    for secret in ["hunter2", "tok-4711", "u:p@", "\\u001b"] {
        assert!(!json.contains(secret), "{secret}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let result = sample_result();
    let json = serde_json::to_string(&result).unwrap();
    assert_eq!(serde_json::from_str::<RunResult>(&json).unwrap(), result);
    let schema = serde_json::to_value(schemars::schema_for!(RunResult)).unwrap();
    assert!(schema["properties"]["series"].is_object());
}

#[test]
fn each_end_has_its_exit_code_and_its_line() {
    let broken = |state, detail: Option<&str>| InvariantResult {
        scenario: "reservation-stress".into(),
        name: "a seat for every success".into(),
        state,
        detail: detail.map(Into::into),
    };
    let seen = |change: fn(&mut Staged, &mut Facts<'_>)| result_of(change).verdict;

    let verdict = seen(|_, _| {});
    assert_eq!(verdict.exit_code, 99);
    assert_eq!(verdict.line, "FAILED (exit 99): failures rate was 1.01%, limit 1%");
    let verdict = seen(|totals, _| totals.at(None).own_fault(OwnFault::NoPorts));
    assert_eq!(verdict.exit_code, 97);
    assert!(verdict.line.starts_with("NOT VALID (exit 97): out of local ports (1×)"), "{}", verdict.line);
    let verdict = seen(|_, facts| facts.ended = Ended::Interrupted);
    assert_eq!(verdict.line, "INTERRUPTED (exit 130): and not all was met");
    let verdict = seen(|_, facts| facts.ended = Ended::NotReady("connection refused, hunter2".into()));
    assert_eq!(verdict.line, "NOT RUN (exit 96): the target never got ready: connection refused, [redacted]");
    let verdict = result_of(|_, facts| facts.invariants = vec![broken(InvariantState::Broken, None)]).verdict;
    assert_eq!(
        verdict.line,
        "FAILED (exit 98): invariant broken: a seat for every success; 1 threshold not met"
    );
    let verdict = result_of(|_, facts| {
        facts.invariants = vec![broken(InvariantState::NotAsked, Some("503"))];
        facts.judgements = &[];
    })
    .verdict;
    assert_eq!(verdict.exit_code, 97);
    let met = Judgement { observed: Some(0.1), met: true, samples: 9, ..Judgement::default() };
    let all_met = [met.clone(), met];
    let leaked: &'static [Judgement] = Vec::from(all_met).leak();
    let verdict = result_of(|_, facts| facts.judgements = leaked).verdict;
    assert_eq!(verdict.line, "PASSED: 2 thresholds met, 1 invariant holds, run valid");
    let busy = |strict| {
        result_of(|_, facts| {
            facts.judgements = leaked;
            facts.cpu_share = Some(0.97);
            facts.strict = strict;
        })
        .verdict
    };
    let verdict = busy(false);
    assert_eq!(verdict.exit_code, 0);
    assert_eq!(verdict.line, "PASSED: 2 thresholds met, 1 invariant holds, but the run is suspect");
    let verdict = busy(true);
    assert_eq!(verdict.exit_code, 97);
    assert!(verdict.line.starts_with("SUSPECT (exit 97, by --strict): "), "{}", verdict.line);
}
