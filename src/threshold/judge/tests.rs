//! Every metric with every aggregate, on one small run.

use super::*;
use crate::metrics::Exchange;
use crate::outcome::{Outcome, Phase};
use crate::scenario::model::{
    CheckId, CheckInfo, CustomId, CustomInfo, CustomKind, GroupId, GroupInfo, PollId, RowId, StageId,
};

fn catalog() -> Catalog {
    let row = |name: &str, scenario, groups: &[u16], business: &[&str]| RowInfo {
        name: name.into(),
        scenario,
        groups: groups.iter().map(|&id| GroupId(id)).collect(),
        optional: false,
        business: business.iter().map(|&name| name.into()).collect(),
    };
    let poll = |name: &str, kind| PollInfo {
        name: name.into(),
        scenario: 0,
        optional: false,
        groups: vec![GroupId(0)],
        kind,
        has_position: kind == PollKind::Turn,
    };
    let custom = |name: &str, kind| CustomInfo { name: name.into(), kind };
    let check = |name: &str, scenario, row: Option<u16>| CheckInfo {
        name: name.into(),
        scenario,
        row: row.map(RowId),
        optional: false,
        invariant: false,
        measured: true,
    };
    Catalog {
        unmeasured: Vec::new(),
        rows: vec![row("reserve", 0, &[0], &["seat taken", "token expired"]), row("browse", 1, &[], &[])],
        groups: vec![GroupInfo { name: "buy".into(), scenario: 0, optional: false }],
        polls: vec![poll("order done", PollKind::Poll), poll("waiting room", PollKind::Turn)],
        checks: vec![check("has id", 0, Some(0)), check("free", 1, None)],
        customs: vec![
            custom("sold", CustomKind::Count),
            custom("price", CustomKind::Observe),
            custom("cached", CustomKind::Share),
        ],
        stages: vec!["peak".into()],
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Row 0: 2 successes (10, 30 ms), 5 seat taken (1 ms), 2 timeouts, 1 status 503; in the peak a success of
/// 90 ms. Row 1, in another scenario: 10 successes of 5 ms.
fn totals() -> Staged {
    let mut totals = Staged::new(&catalog(), 2);
    let mut answer = |stage: Option<StageId>, row, outcome, response: u64| {
        let exchange = Exchange {
            response: ms(response),
            service: Some(ms(response / 2)),
            ttfb: Some(ms(1)),
            connect: Some(ms(2)),
            ..Exchange::default()
        };
        totals.at(stage).attempt(RowId(row));
        totals.at(stage).answer(RowId(row), outcome, &exchange);
    };
    answer(None, 0, Outcome::Success, 10);
    answer(None, 0, Outcome::Success, 30);
    (0..5).for_each(|_| answer(None, 0, Outcome::Business(0), 1));
    answer(None, 0, Outcome::Failure(Cause::Timeout(Phase::Wait)), 1000);
    answer(None, 0, Outcome::Failure(Cause::Timeout(Phase::Connect)), 1000);
    answer(None, 0, Outcome::Failure(Cause::Status(503)), 4);
    answer(Some(StageId(0)), 0, Outcome::Success, 90);
    (0..10).for_each(|_| answer(None, 1, Outcome::Success, 5));

    let recorder = totals.at(None);
    recorder.group(GroupId(0), ms(200));
    for held in [true, true, true, false] {
        recorder.check(crate::scenario::model::CheckId(0), held);
    }
    recorder.check(crate::scenario::model::CheckId(1), false);
    for (metric, value) in [(0, 2.0), (0, 4.0), (1, 7.5), (1, 2.5), (2, 1.0), (2, 0.0), (2, 0.0), (2, 0.0)] {
        recorder.tally(CustomId(metric), value);
    }
    let scenario = &mut recorder.scenarios[0];
    (scenario.dropped, scenario.cut, scenario.interrupted) = (3, 2, 1);
    scenario.iterations.record(ms(400));
    scenario.iterations.record(ms(600));
    scenario.lateness.record(ms(8));
    recorder.scenarios[1].iterations.record(ms(100));
    totals
}

fn threshold(metric: Metric, aggregate: Aggregate, filter: Filter) -> Threshold {
    Threshold {
        text: "under test".into(),
        metric,
        filter,
        aggregate,
        comparison: Comparison::Less,
        limit: 1e9,
        abort: false,
        after: Duration::ZERO,
        over: None,
        implied: false,
        line: None,
    }
}

fn observed(metric: Metric, aggregate: Aggregate, filter: Filter) -> Option<f64> {
    let load = LoadTime::for_tests(&[(0, 10), (5, 20)], &[&[(5, 7)]]);
    let data = Data { totals: &totals(), load: &load, seconds: &[], watched: &Watched::default() };
    judge(&threshold(metric, aggregate, filter), &catalog(), &data).observed
}

fn check_table(table: &[(Metric, Aggregate, Filter, Option<f64>)]) {
    for (metric, aggregate, filter, expected) in table {
        let seen = observed(*metric, *aggregate, filter.clone());
        let close = match (seen, expected) {
            (Some(seen), Some(expected)) => (seen - expected).abs() <= 0.002 * expected.abs(),
            (seen, expected) => seen == *expected,
        };
        assert!(close, "{metric:?} {aggregate:?} {filter:?}: {seen:?}, expected {expected:?}");
    }
}

fn all() -> Filter {
    Filter::default()
}
fn row(id: u16) -> Filter {
    Filter { rows: vec![RowId(id)], ..Filter::default() }
}
fn scenario(id: u16) -> Filter {
    Filter { scenarios: vec![id], ..Filter::default() }
}
fn stage() -> Filter {
    Filter { stages: vec![StageId(0)], ..Filter::default() }
}
fn group() -> Filter {
    Filter { groups: vec![GroupId(0)], ..Filter::default() }
}
fn outcome(outcome: OutcomeFilter) -> Filter {
    Filter { outcome: Some(outcome), ..Filter::default() }
}
fn check(id: u16) -> Filter {
    Filter { checks: vec![CheckId(id)], ..Filter::default() }
}
fn named(name: &str) -> Filter {
    outcome(OutcomeFilter::Named(name.into()))
}

#[test]
fn times_are_those_of_successes_unless_asked() {
    use Aggregate::{Average, Count, Maximum, Minimum, Percentile, Rate};
    use Metric::{Connect, Latency, ServiceTime, Tls, Ttfb};
    check_table(&[
        (Latency, Percentile(50.0), row(0), Some(0.030)),
        (Latency, Percentile(99.0), all(), Some(0.090)),
        (Latency, Minimum, row(0), Some(0.010)),
        (Latency, Maximum, row(1), Some(0.005)),
        (Latency, Average, row(0), Some(0.130 / 3.0)),
        (Latency, Count, row(0), Some(3.0)),
        (Latency, Rate, row(0), None),
        (Latency, Maximum, stage(), Some(0.090)),
        (Latency, Maximum, group(), Some(0.090)),
        (Latency, Maximum, scenario(1), Some(0.005)),
        (Latency, Maximum, named("seat taken"), Some(0.001)),
        (Latency, Maximum, named("timeout"), Some(1.0)),
        (Latency, Maximum, outcome(OutcomeFilter::Business), Some(0.001)),
        (Latency, Minimum, outcome(OutcomeFilter::Failure), Some(0.004)),
        (Latency, Minimum, outcome(OutcomeFilter::Answered), Some(0.001)),
        (Latency, Maximum, outcome(OutcomeFilter::Any), Some(1.0)),
        (ServiceTime, Maximum, all(), Some(0.045)),
        (Ttfb, Maximum, all(), Some(0.001)),
        (Connect, Maximum, all(), Some(0.002)),
        (Tls, Maximum, all(), None),
        (Tls, Count, all(), Some(0.0)),
    ]);
}

#[test]
fn shares_are_of_all_that_came_to_an_outcome() {
    use Aggregate::{Count, Percentile, Rate};
    use Metric::{Business, Checks, Failures};
    check_table(&[
        (Failures, Rate, all(), Some(3.0 / 21.0)),
        (Failures, Count, all(), Some(3.0)),
        (Failures, Rate, row(0), Some(3.0 / 11.0)),
        (Failures, Rate, row(1), Some(0.0)),
        (Failures, Count, named("timeout"), Some(2.0)),
        (Failures, Count, named("timeout (wait)"), Some(1.0)),
        (Failures, Count, named("status"), Some(1.0)),
        (Failures, Count, named("status 503"), Some(1.0)),
        (Failures, Count, named("status 500"), Some(0.0)),
        (Failures, Percentile(50.0), all(), None),
        (Business, Rate, row(0), Some(5.0 / 11.0)),
        (Business, Count, named("seat taken"), Some(5.0)),
        (Business, Count, named("token expired"), Some(0.0)),
        (Checks, Rate, all(), Some(3.0 / 5.0)),
        (Checks, Rate, row(0), Some(3.0 / 4.0)),
        (Checks, Rate, row(1), None),
        (Checks, Rate, scenario(1), Some(0.0)),
        (Checks, Count, check(0), Some(3.0)),
        (Checks, Rate, check(1), Some(0.0)),
        (Checks, Rate, Filter { scenarios: vec![0], ..check(1) }, None),
    ]);
}

#[test]
fn counts_and_rates_of_the_load_s_own_time() {
    use Aggregate::{Average, Count, Maximum, Rate};
    use Metric::{
        Custom, Cut, Dropped, GroupDuration, Interrupted, IterationDuration, Iterations, Lateness, Requests,
    };
    check_table(&[
        (Requests, Count, all(), Some(21.0)),
        (Requests, Count, outcome(OutcomeFilter::Answered), Some(18.0)),
        (Requests, Rate, all(), Some(21.0 / 20.0)),
        (Requests, Rate, row(0), Some(1.1)),
        (Requests, Rate, row(1), Some(10.0 / 15.0)),
        (Requests, Rate, stage(), Some(0.5)),
        (Iterations, Count, all(), Some(3.0)),
        (Iterations, Rate, scenario(0), Some(0.2)),
        (IterationDuration, Maximum, scenario(0), Some(0.6)),
        (GroupDuration, Maximum, group(), Some(0.2)),
        (GroupDuration, Maximum, scenario(1), None),
        (Lateness, Maximum, all(), Some(0.008)),
        (Dropped, Count, all(), Some(3.0)),
        (Dropped, Count, scenario(1), Some(0.0)),
        (Cut, Count, all(), Some(2.0)),
        (Interrupted, Count, all(), Some(1.0)),
        (Custom(CustomId(0)), Count, all(), Some(6.0)),
        (Custom(CustomId(0)), Rate, all(), Some(0.3)),
        (Custom(CustomId(1)), Average, all(), Some(5.0)),
        (Custom(CustomId(1)), Count, all(), Some(2.0)),
        (Custom(CustomId(2)), Rate, all(), Some(0.25)),
        (Custom(CustomId(2)), Maximum, all(), None),
    ]);
}

/// Of six waits, three had their turn, one gave up, one left and one was interrupted; a poll got what it wanted.
#[test]
fn polls_and_waits_for_a_turn() {
    use Aggregate::{Count, Maximum, Percentile, Rate};
    use Metric::{Abandoned, Business, Failures, GivenUp, Latency, PollDuration, QueuePosition, TimeToTurn};
    let mut totals = totals();
    let recorder = totals.at(None);
    let waits = recorder.poll(PollId(1));
    waits.started = 6;
    (1..=3).for_each(|n| waits.got.record(ms(n * 1000)));
    waits.given_up.record(ms(60_000));
    waits.abandoned.record(ms(500));
    waits.interrupted = 1;
    (1..=9).for_each(|n| waits.position.record(f64::from(n)));
    let poll = recorder.poll(PollId(0));
    poll.started = 1;
    poll.got.record(ms(40));
    let load = LoadTime::for_tests(&[(0, 10), (5, 20)], &[&[(5, 7)]]);
    let data = Data { totals: &totals, load: &load, seconds: &[], watched: &Watched::default() };
    let of = |poll| Filter { polls: vec![PollId(poll)], ..Filter::default() };
    for (metric, aggregate, filter, expected) in [
        (TimeToTurn, Percentile(50.0), all(), Some(2.0)),
        (TimeToTurn, Maximum, of(1), Some(3.0)),
        (TimeToTurn, Count, scenario(1), Some(0.0)),
        (TimeToTurn, Count, stage(), Some(0.0)),
        (PollDuration, Maximum, all(), Some(0.04)),
        (QueuePosition, Percentile(50.0), all(), Some(5.0)),
        (QueuePosition, Maximum, group(), Some(9.0)),
        (GivenUp, Rate, all(), Some(1.0 / 6.0)),
        (GivenUp, Rate, of(1), Some(1.0 / 5.0)),
        (GivenUp, Count, of(0), Some(0.0)),
        (Abandoned, Rate, all(), Some(1.0 / 5.0)),
        // Three requests failed of 21; who left is no failure, and is not counted at all.
        (Failures, Count, all(), Some(4.0)),
        (Failures, Rate, all(), Some(4.0 / 26.0)),
        (Failures, Rate, of(1), Some(1.0 / 4.0)),
        (Failures, Rate, row(1), Some(0.0)),
        (Failures, Count, named("poll"), Some(1.0)),
        (Failures, Count, named("timeout"), Some(2.0)),
        // Nothing else sees them.
        (Business, Rate, all(), Some(5.0 / 21.0)),
        (Latency, Count, all(), Some(13.0)),
    ] {
        let seen = judge(&threshold(metric, aggregate, filter.clone()), &catalog(), &data).observed;
        let close = match (seen, expected) {
            (Some(seen), Some(expected)) => (seen - expected).abs() < 1e-9,
            (seen, expected) => seen == expected,
        };
        assert!(close, "{metric:?} {aggregate:?} {filter:?}: {seen:?}, expected {expected:?}");
    }
}

/// Row 0, its group and its check are optional: only a filter that names one of them sees them.
#[test]
fn what_is_optional_counts_where_it_is_named() {
    use Aggregate::{Count, Maximum, Rate};
    use Metric::{Checks, Failures, GroupDuration, Latency, Requests};
    let mut catalog = catalog();
    catalog.rows[0].optional = true;
    catalog.groups[0].optional = true;
    catalog.checks[0].optional = true;
    let load = LoadTime::for_tests(&[(0, 10), (5, 20)], &[&[(5, 7)]]);
    let data = Data { totals: &totals(), load: &load, seconds: &[], watched: &Watched::default() };
    for (metric, aggregate, filter, expected) in [
        (Latency, Maximum, all(), Some(0.005)),
        (Latency, Maximum, scenario(0), None),
        (Latency, Maximum, stage(), None),
        (Latency, Maximum, row(0), Some(0.090)),
        (Latency, Maximum, group(), Some(0.090)),
        (Requests, Count, all(), Some(10.0)),
        (Requests, Rate, all(), Some(10.0 / 15.0)),
        (Failures, Count, all(), Some(0.0)),
        (Failures, Count, named("timeout"), Some(0.0)),
        (Failures, Count, Filter { rows: vec![RowId(0)], ..named("timeout") }, Some(2.0)),
        (Checks, Rate, all(), Some(0.0)),
        (Checks, Rate, row(0), Some(0.75)),
        (Checks, Rate, check(0), Some(0.75)),
        (GroupDuration, Count, all(), Some(0.0)),
        (GroupDuration, Count, group(), Some(1.0)),
    ] {
        let seen = judge(&threshold(metric, aggregate, filter.clone()), &catalog, &data).observed;
        let close = match (seen, expected) {
            (Some(seen), Some(expected)) => (seen - expected).abs() <= 0.002 * expected,
            (seen, expected) => seen == expected,
        };
        assert!(close, "{metric:?} {aggregate:?} {filter:?}: {seen:?}, expected {expected:?}");
    }
    // A group that is not optional does not name the optional steps in it.
    catalog.groups[0].optional = false;
    assert_eq!(judge(&threshold(Requests, Count, group()), &catalog, &data).observed, Some(0.0));
}

#[test]
fn without_samples_nothing_is_met_but_counts() {
    let empty = Staged::new(&catalog(), 2);
    let load = LoadTime::for_tests(&[(0, 10), (0, 10)], &[]);
    let data = Data { totals: &empty, load: &load, seconds: &[], watched: &Watched::default() };
    for (metric, aggregate, met) in [
        (Metric::Latency, Aggregate::Percentile(95.0), false),
        (Metric::Failures, Aggregate::Rate, false),
        (Metric::Business, Aggregate::Rate, false),
        (Metric::Checks, Aggregate::Rate, false),
        (Metric::Custom(CustomId(1)), Aggregate::Average, false),
        (Metric::Custom(CustomId(2)), Aggregate::Rate, false),
        (Metric::Latency, Aggregate::Drift, false),
        (Metric::Failures, Aggregate::Count, true),
        (Metric::Requests, Aggregate::Count, true),
        (Metric::Requests, Aggregate::Rate, true),
        (Metric::Dropped, Aggregate::Count, true),
        (Metric::Custom(CustomId(0)), Aggregate::Count, true),
    ] {
        let judgement = judge(&threshold(metric, aggregate, all()), &catalog(), &data);
        assert_eq!(judgement.met, met, "{metric:?} {aggregate:?}: {judgement:?}");
        assert_eq!(judgement.observed.is_some(), met);
        assert_eq!(judgement.reason.is_some(), !met);
    }
}

#[test]
fn comparisons_and_what_is_no_number() {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    for (comparison, below, same, above) in [
        (Less, true, false, false),
        (LessOrEqual, true, true, false),
        (Greater, false, false, true),
        (GreaterOrEqual, false, true, true),
        (Equal, false, true, false),
        (NotEqual, true, false, true),
    ] {
        assert_eq!(holds(1.0, comparison, 2.0), below, "{comparison:?}");
        assert_eq!(holds(2.0, comparison, 2.0), same, "{comparison:?}");
        assert_eq!(holds(3.0, comparison, 2.0), above, "{comparison:?}");
        assert!(!holds(f64::NAN, comparison, 2.0), "{comparison:?}");
    }
    assert!(holds(0.1 + 0.2, Equal, 0.3));
}

#[test]
fn drift_is_the_last_quarter_against_the_first_after_warm_up() {
    // Twice as fast in the warm-up, 10 ms in the first quarter, 12 ms in the last, and draining afterwards.
    let second = |at: u32| Second {
        at,
        p50: Some(ms(match at {
            0..10 => 5,
            10..33 => 10,
            33..78 => 11,
            78..100 => 12,
            _ => 900,
        })),
        ..Second::default()
    };
    let seconds: Vec<Second> = (0..105).map(second).collect();
    let load = LoadTime::for_tests(&[(0, 100)], &[]);
    let empty = Staged::new(&catalog(), 2);
    let drift = |metric, filter, seconds: &[Second]| {
        let data = Data { totals: &empty, load: &load, seconds, watched: &Watched::default() };
        judge(&threshold(metric, Aggregate::Drift, filter), &catalog(), &data)
    };
    let seen = drift(Metric::Latency, all(), &seconds).observed.unwrap();
    assert!((seen - 0.2).abs() < 1e-9, "{seen}");
    assert_eq!(drift(Metric::Latency, row(0), &seconds).observed, None);
    assert_eq!(drift(Metric::Latency, all(), &seconds[..1]).observed, None);
    assert_eq!(drift(Metric::Cut, all(), &seconds).observed, None);
}
