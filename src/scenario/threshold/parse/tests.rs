//! Thresholds as users write them.

use super::*;
use crate::scenario::model::{
    CheckId, CheckInfo, CustomId, CustomInfo, CustomKind, GroupId, GroupInfo, PollId, PollInfo, PollKind,
    RowId, RowInfo, StageId, StepId,
};
use crate::scenario::monitor::{ChosenSeries, Endpoint, Selector, WatchKind};
use crate::scenario::threshold::{Aggregate, Comparison, Filter, OutcomeFilter};

fn catalog() -> Catalog {
    let row = |name: &str, business: &[&str]| RowInfo {
        name: name.into(),
        scenario: 0,
        groups: Vec::new(),
        business: business.iter().map(|name| (*name).to_owned()).collect(),
    };
    let check = |name: &str, measured| CheckInfo {
        name: name.into(),
        scenario: 0,
        row: None,
        invariant: false,
        measured,
    };
    let poll = |name: &str, kind| PollInfo {
        name: name.into(),
        scenario: 0,
        groups: Vec::new(),
        kind,
        has_position: kind == PollKind::Turn,
    };
    let custom = |name: &str, kind| CustomInfo { name: name.into(), kind };
    Catalog {
        rows: vec![row("issue token", &[]), row("reserve seat", &["seat taken"]), row("a, b", &[])],
        groups: vec![GroupInfo { name: "checkout".into(), scenario: 0 }],
        polls: vec![poll("order done", PollKind::Poll), poll("waiting room", PollKind::Turn)],
        checks: vec![check("fast", true), check("once", false), check("fast", true)],
        customs: vec![
            custom("cache hit", CustomKind::Share),
            custom("queue length", CustomKind::Observe),
            custom("tickets", CustomKind::Count),
        ],
        stages: vec!["peak".into()],
    }
}

fn monitor() -> Vec<Watch> {
    let series = |name: &str, taken_as| ChosenSeries {
        name: name.into(),
        selector: Selector { metric: "m".into(), labels: vec![] },
        taken_as,
    };
    let chosen = vec![series("pool", TakenAs::Value), series("orders", TakenAs::Rate)];
    let watch = |name: &str, kind| Watch { name: name.into(), kind };
    vec![
        watch("bundled", WatchKind::Bundled),
        watch("db", WatchKind::Container("db".into())),
        watch("prometheus", WatchKind::Prometheus(Endpoint { url: "/metrics".into(), series: chosen })),
    ]
}

fn key(text: &str) -> Result<(Metric, Filter)> {
    let scenarios = ["stress".to_owned()];
    let names = Names { catalog: &catalog(), scenarios: &scenarios, monitor: &monitor() };
    metric_and_filter(text, names, Implied::default())
}

fn demand(metric: &str, text: &str) -> Result<Condition> {
    let metric = key(metric)?.0;
    condition(text, metric, Names { catalog: &catalog(), scenarios: &[], monitor: &monitor() })
}

#[test]
fn keys_are_resolved() {
    let none = Filter::default;
    for (text, metric, filter) in [
        ("latency", Metric::Latency, none()),
        (" cache hit ", Metric::Custom(CustomId(0)), none()),
        ("latency{step=reserve seat}", Metric::Latency, Filter { rows: vec![RowId(1)], ..none() }),
        ("latency{step=\"a, b\"}", Metric::Latency, Filter { rows: vec![RowId(2)], ..none() }),
        (
            "latency{ step = 'a, b' , stage=peak }",
            Metric::Latency,
            Filter { rows: vec![RowId(2)], stages: vec![StageId(0)], ..none() },
        ),
        (
            "business{step=reserve seat, outcome=seat taken}",
            Metric::Business,
            Filter {
                rows: vec![RowId(1)],
                outcome: Some(OutcomeFilter::Named("seat taken".into())),
                ..none()
            },
        ),
        (
            "latency{outcome=answered}",
            Metric::Latency,
            Filter { outcome: Some(OutcomeFilter::Answered), ..none() },
        ),
        (
            "failures{outcome=timeout}",
            Metric::Failures,
            Filter { outcome: Some(OutcomeFilter::Named("timeout".into())), ..none() },
        ),
        (
            "failures{outcome=status 503}",
            Metric::Failures,
            Filter { outcome: Some(OutcomeFilter::Named("status 503".into())), ..none() },
        ),
        ("checks{check=fast}", Metric::Checks, Filter { checks: vec![CheckId(0), CheckId(2)], ..none() }),
        (
            "group_duration{group=checkout}",
            Metric::GroupDuration,
            Filter { groups: vec![GroupId(0)], ..none() },
        ),
        ("iterations{scenario=stress}", Metric::Iterations, Filter { scenarios: vec![0], ..none() }),
        ("latency{}", Metric::Latency, none()),
        ("poll_duration{step=order done}", Metric::PollDuration, Filter { polls: vec![PollId(0)], ..none() }),
        ("time_to_turn{step=waiting room}", Metric::TimeToTurn, Filter { polls: vec![PollId(1)], ..none() }),
        ("failures{step=waiting room}", Metric::Failures, Filter { polls: vec![PollId(1)], ..none() }),
        ("given_up{step=order done}", Metric::GivenUp, Filter { polls: vec![PollId(0)], ..none() }),
        (
            "failures{outcome=poll}",
            Metric::Failures,
            Filter { outcome: Some(OutcomeFilter::Named("poll".into())), ..none() },
        ),
    ] {
        assert_eq!(key(text), Ok((metric, filter)), "{text}");
    }
}

#[test]
fn conditions_have_the_unit_of_their_metric() {
    use Aggregate::{Average, Count, Drift, Maximum, Percentile, Rate};
    for (metric, text, aggregate, comparison, limit) in [
        ("latency", "p95 < 500ms", Percentile(95.0), Comparison::Less, 0.5),
        ("latency", "p99.9<=1s", Percentile(99.9), Comparison::LessOrEqual, 1.0),
        ("latency", "avg < 1m", Average, Comparison::Less, 60.0),
        ("latency", "max != 2s", Maximum, Comparison::NotEqual, 2.0),
        ("latency", "drift < 120%", Drift, Comparison::Less, 1.2),
        ("latency", "count == 3", Count, Comparison::Equal, 3.0),
        ("failures", "rate < 1%", Rate, Comparison::Less, 0.01),
        ("business", "count > 0", Count, Comparison::Greater, 0.0),
        ("requests", "rate >= 500/s", Rate, Comparison::GreaterOrEqual, 500.0),
        ("requests", "rate >= 300/min", Rate, Comparison::GreaterOrEqual, 5.0),
        ("cache hit", "rate > 80%", Rate, Comparison::Greater, 0.8),
        ("queue length", "p50 < 12.5", Percentile(50.0), Comparison::Less, 12.5),
        ("tickets", "count > 100", Count, Comparison::Greater, 100.0),
        ("time_to_turn", "p95 < 30s", Percentile(95.0), Comparison::Less, 30.0),
        ("queue_position", "max < 500", Maximum, Comparison::Less, 500.0),
        ("abandoned", "rate < 5%", Rate, Comparison::Less, 0.05),
        ("given_up", "count == 0", Count, Comparison::Equal, 0.0),
    ] {
        let limit = Ok(Condition { aggregate, comparison, limit });
        assert_eq!(demand(metric, text), limit, "{metric}: {text}");
    }
}

#[test]
fn errors_point_at_the_word_and_say_what_to_write() {
    for (metric, text, word, help) in [
        ("latency", "p95 < 500", "500", "write `500s` for seconds or `500ms` for milliseconds"),
        ("latency", "p(95) < 1s", "p(95)", "write `p95`"),
        (
            "latency",
            "p100 < 1s",
            "p100",
            "percentiles lie between 0 and 100, like `p50` or `p99.9`; the greatest value is `max`",
        ),
        ("latency", "mean < 1s", "mean", "write `avg`"),
        ("latency", "p95", "p95", "write an aggregate, a comparison and a limit, like `p95 < 500ms`"),
        ("latency", "p95 = 1s", "=", "write `==` for `equal`"),
        ("latency", "p95 <", "", "write one like `500ms`"),
        ("failures", "p95 < 1s", "p95", "it has `count`, `rate`"),
        ("failures", "rate < 0.01", "0.01", "write `1%` if you mean that share, or `0.01%`"),
        ("requests", "rate > 20", "20", "write `20/s` or `20/min`"),
        (
            "requests",
            "rate > 20%",
            "20%",
            "write a rate, like `rate >= 50/s`; shares are those of `failures`, `business` and `checks`",
        ),
        ("business", "rate > 5/s", "5/s", "write a share, like `rate < 1%`"),
        ("business", "cuont > 0", "cuont", "did you mean `count`? `business` has `count`, `rate`"),
        ("dropped", "rate < 1%", "rate", "it has `count`"),
        ("queue length", "p95 < 5s", "5s", "these are plain numbers: write one without a unit"),
    ] {
        let error = demand(metric, text).unwrap_err();
        assert_eq!((&text[error.at], error.help.as_deref()), (word, Some(help)), "{metric}: {text}");
    }
    for (text, word, help) in [
        ("latencies", "latencies", "did you mean `latency`?"),
        ("http_req_failed", "http_req_failed", "did you mean `failures`?"),
        ("latency{step=reserv seat}", "reserv seat", "did you mean `reserve seat`?"),
        ("latency{stage=paek}", "paek", "did you mean `peak`?"),
        ("business{outcome=seat tkaen}", "seat tkaen", "did you mean `seat taken`?"),
        (
            "business{step=issue token, outcome=seat taken}",
            "seat taken",
            "give the outcome a name under `expect.business` of the step",
        ),
        ("latency{stepp=x}", "stepp", "did you mean `step`?"),
        (
            "latency{reserve seat}",
            "reserve seat",
            "write `key=value`, like `step=pay`; put a value that contains a comma in quotes",
        ),
        ("latency{step=reserve seat", "{step=reserve seat", "write `}` at its end, like `latency{step=pay}`"),
        ("iterations{step=reserve seat}", "step", "it can be filtered by `scenario`, `stage`"),
        ("checks{check=once}", "once", "a name stands here as it stands in the file"),
        (
            "latency{step=waiting room}",
            "waiting room",
            "it has `time_to_turn`, `queue_position`, `abandoned`, `given_up` and `failures`; its requests have \
             names of their own",
        ),
        (
            "time_to_turn{step=order done}",
            "order done",
            "it has `poll_duration`, `given_up` and `failures`; its requests have names of their own",
        ),
        ("abandoned{step=waiting rom}", "waiting rom", "did you mean `waiting room`?"),
        ("given_up{step=a}", "a", "a name stands here as it stands in the file"),
        (
            "time_to_turn{step=reserve seat}",
            "reserve seat",
            "it is measured for polls; requests have `latency`",
        ),
    ] {
        let error = key(text).unwrap_err();
        assert_eq!((&text[error.at], error.help.as_deref()), (word, Some(help)), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_brings_it_down(text in "[a-z0-9{}=, <>!'\"%é.]{0,40}") {
        if let Err(error) = key(&text) {
            assert!(text.get(error.at).is_some());
        }
        if let Err(error) = demand("latency", &text) {
            assert!(text.get(error.at).is_some());
        }
    }
}

#[test]
fn what_is_watched_is_resolved() {
    let none = Filter::default;
    let peak = Filter { stages: vec![StageId(0)], ..none() };
    let watched = |source, gauge| Metric::Watched { source, gauge };
    for (text, metric, filter) in [
        ("target_descriptors", watched(0, Gauge::Descriptors), none()),
        ("target_throttled", watched(1, Gauge::Throttled), none()),
        ("target_memory{of=db}", watched(1, Gauge::Memory), none()),
        ("target_cpu{ of = 'bundled', stage=peak }", watched(0, Gauge::Cpu), peak.clone()),
        ("target{series=orders, stage=peak}", watched(2, Gauge::Series(1)), peak.clone()),
    ] {
        assert_eq!(key(text), Ok((metric, filter)), "{text}");
    }
}

#[test]
fn what_is_wrong_with_what_is_watched_is_said() {
    for (text, problem, help) in [
        (
            "target_cpu",
            "it is not said whose `target_cpu` is meant",
            "`bundled`, `db` tell it: write `target_cpu{of=bundled}`, or another of them",
        ),
        ("target_cpu{of=dbs}", "nothing named `dbs` is watched", "did you mean `db`?"),
        ("target_cpu{of=web}", "nothing named `web` is watched", "it is told by `bundled`, `db`"),
        ("target_descriptors{of=db}", "`db` does not tell its `descriptors`", "it is told by `bundled`"),
        (
            "target_cpu{step=pay}",
            "`target_cpu` cannot be filtered by `step`",
            "it can be filtered by `of`, `stage`",
        ),
        ("target_cpu{stage=peek}", "no stage is named `peek`", "did you mean `peak`?"),
        ("target", "it is not said which series is meant", "write `target{series=pool}`"),
        ("target{series=poll}", "no series is named `poll`", "did you mean `pool`?"),
        ("target{series=heap}", "no series is named `heap`", "the series are `pool`, `orders`"),
        ("target{of=db}", "`target` cannot be filtered by `of`", "it can be filtered by `series`, `stage`"),
        ("target_cpus", "there is no metric `target_cpus`", "did you mean `target_cpu`?"),
        (
            "target_memory{of=db",
            "this filter is never closed",
            "write `}` at its end, like `latency{step=pay}`",
        ),
    ] {
        let error = key(text).unwrap_err();
        assert_eq!((error.problem.as_str(), error.help.as_deref()), (problem, Some(help)), "{text}");
    }
    let nothing = Names { catalog: &catalog(), scenarios: &[], monitor: &[] };
    for (text, help) in [
        (
            "target_memory",
            "write `monitor: { process: { port: 8080 } }` or `monitor: { container: NAME }` to watch the target",
        ),
        ("target_sent", "containers tell it: write `monitor: { container: NAME }`"),
        (
            "target{series=x}",
            "write `monitor: { prometheus: { url: /metrics, series: [process_open_fds] } }`",
        ),
    ] {
        let error = metric_and_filter(text, nothing, Implied::default()).unwrap_err();
        assert_eq!(error.help.as_deref(), Some(help), "{text}");
    }
    let at_a_step = Implied { step: Some(StepId::Requests(RowId(0))), scenario: None };
    let of_a_scenario = Implied { step: None, scenario: Some(1) };
    for (implied, problem) in [
        (at_a_step, "`target_memory` is not measured for each step"),
        (of_a_scenario, "`target_memory` is not measured for each scenario"),
    ] {
        assert_eq!(metric_and_filter("target_memory", nothing, implied).unwrap_err().problem, problem);
    }
}

#[test]
fn limits_of_what_is_watched_have_its_unit() {
    use Aggregate::{Last, Maximum, Percentile, Slope};
    const MIB: f64 = 1024.0 * 1024.0;
    for (metric, text, aggregate, limit) in [
        ("target_cpu{of=db}", "p95 < 80%", Percentile(95.0), 0.8),
        ("target_cpu{of=db}", "max < 250 %", Maximum, 2.5),
        ("target_cpu{of=db}", "slope < 0.5%/min", Slope, 0.005),
        ("target_throttled", "max < 5%", Maximum, 0.05),
        ("target_memory{of=db}", "last < 512MiB", Last, 512.0 * MIB),
        ("target_memory{of=db}", "slope < 1MB/min", Slope, 1e6),
        ("target_memory{of=db}", "slope < 60MB/h", Slope, 1e6),
        ("target_memory{of=db}", "slope < -2 MB/s", Slope, -120e6),
        ("target_sent", "p95 < 10MB/s", Percentile(95.0), 1e7),
        ("target_descriptors", "max < 500", Maximum, 500.0),
        ("target_descriptors", "slope < 5/min", Slope, 5.0),
        ("target{series=pool}", "max < -0.5", Maximum, -0.5),
        ("target{series=orders}", "max < 300/min", Maximum, 5.0),
    ] {
        let condition = demand(metric, text).unwrap();
        assert_eq!(condition.aggregate, aggregate, "{metric} {text}");
        assert!((condition.limit - limit).abs() < 1e-6, "{metric} {text}: {condition:?}");
    }
    for (metric, text, problem) in [
        ("target_cpu{of=db}", "p95 < 0.8", "`0.8` is not a share"),
        ("target_cpu{of=db}", "slope < 5%", "`5%` is no growth per time"),
        ("target_memory{of=db}", "max < 512", "`512` is not a size"),
        ("target_memory{of=db}", "slope < 1MB", "`1MB` is no growth per time"),
        ("target_memory{of=db}", "slope < 1/min", "`1/min` is no growth per time"),
        ("target_memory{of=db}", "drift < 5%", "`target_memory` has no `drift`"),
        ("target_memory{of=db}", "rate < 5%", "`target_memory` has no `rate`"),
        ("target_sent", "max < 5MB", "`5MB` is not a size per second"),
        ("target_sent", "slope < 5MB/min", "`target_sent` has no `slope`"),
        ("target_descriptors", "max < 5%", "`5%` is not a number"),
        ("target{series=orders}", "max < 5", "`5` does not say per what"),
        ("latency", "slope < 5ms/min", "`latency` has no `slope`"),
        ("latency", "last < 5ms", "`latency` has no `last`"),
    ] {
        assert_eq!(demand(metric, text).unwrap_err().problem, problem, "{metric} {text}");
    }
    let drift = demand("target_descriptors", "drift < 5%").unwrap_err();
    assert_eq!(drift.help.as_deref(), Some("write `slope`, its growth per minute"));
}
