//! Runs of a few seconds under watch.

use super::*;
use crate::metrics::Exchange;
use crate::outcome::{Cause, Outcome};
use crate::scenario::model::{RowId, RowInfo};
use crate::scenario::monitor::Gauge;
use crate::scenario::threshold::{Filter, Metric};

fn catalog() -> Catalog {
    let row = RowInfo { name: "get".into(), scenario: 0, groups: vec![], optional: false, business: vec![] };
    Catalog { rows: vec![row], ..Catalog::default() }
}

/// `latency: max < limit`.
fn latency(limit_ms: f64, abort: bool, after: u64, over: Option<u64>) -> Threshold {
    Threshold {
        text: "latency: max".into(),
        metric: Metric::Latency,
        filter: Filter::default(),
        aggregate: Aggregate::Maximum,
        comparison: Comparison::Less,
        limit: limit_ms / 1e3,
        abort,
        after: Duration::from_secs(after),
        over: over.map(Duration::from_secs),
        implied: false,
        line: None,
    }
}

/// Feeds one second after another, each with successes of these milliseconds, until the gate ends the run;
/// says when it did, and what became of the thresholds.
fn run(thresholds: &[Threshold], seconds: &[&[u64]]) -> (Option<(u64, Broken)>, Vec<Judgement>) {
    let catalog = catalog();
    let planned = LoadTime::for_tests(&[(0, seconds.len() as u64)], &[]);
    let mut gate = Gate::new(thresholds, &catalog, planned.clone());
    let mut totals = Staged::new(&catalog, 1);
    let mut ended = None;
    let mut elapsed = Duration::ZERO;
    for (second, answers) in (1_u64..).zip(seconds) {
        let mut interval = Staged::new(&catalog, 1);
        for &millis in *answers {
            let exchange = Exchange { response: Duration::from_millis(millis), ..Exchange::default() };
            interval.at(None).answer(RowId(0), Outcome::Success, &exchange);
        }
        totals.add(&interval);
        // A tick never comes on the dot.
        elapsed = Duration::from_millis(second * 1000 - second % 3);
        if let Some(broken) = gate.tick(elapsed, &totals, &interval, &[], &Watched::default()) {
            ended = Some((second, broken));
            break;
        }
    }
    let load = planned.between(Duration::ZERO, elapsed);
    let judgements =
        gate.judge_all(&Data { totals: &totals, load: &load, seconds: &[], watched: &Watched::default() });
    (ended, judgements)
}

#[test]
fn the_run_ends_as_soon_as_it_is_broken() {
    let (ended, judgements) = run(&[latency(100.0, true, 0, None)], &[&[10], &[], &[200], &[10]]);
    let (second, broken) = ended.unwrap();
    assert_eq!((second, broken.threshold), (3, 0));
    assert!((broken.observed - 0.2).abs() < 0.001);
    let judgement = &judgements[0];
    assert!(judgement.aborted && !judgement.met);
    assert_eq!(judgement.broken_at.map(|at| at.as_millis()), Some(3000));
}

#[test]
fn it_waits_first_and_for_samples() {
    // Broken all along, but looked at from the third second on.
    assert_eq!(run(&[latency(100.0, true, 3, None)], &[&[200_u64] as &[u64]; 5]).0.unwrap().0, 3);
    let (ended, judgements) = run(&[latency(100.0, true, 0, None)], &[&[], &[], &[]]);
    assert_eq!(ended, None);
    assert_eq!(judgements[0].reason.as_deref(), Some("no samples"));
}

#[test]
fn one_bad_window_is_remembered() {
    let mut slow = latency(100.0, false, 0, Some(2));
    let (ended, judgements) = run(&[slow.clone()], &[&[10], &[10], &[300], &[10], &[10], &[10]]);
    assert_eq!(ended, None);
    assert!(!judgements[0].met && !judgements[0].aborted);
    assert_eq!(judgements[0].broken_at.map(|at| at.as_secs_f64().round()), Some(3.0));
    assert!((judgements[0].observed.unwrap() - 0.3).abs() < 0.001);

    slow.limit = 1.0;
    let (_, judgements) = run(&[slow], &[&[10], &[10], &[300], &[10]]);
    assert!(judgements[0].met);
    assert!((judgements[0].observed.unwrap() - 0.3).abs() < 0.001, "the worst window is shown");
}

#[test]
fn a_window_forgets() {
    // The average of two seconds stays under 100 ms though that of the slow second does not.
    let mut average = latency(101.0, true, 0, Some(2));
    average.aggregate = Aggregate::Average;
    assert_eq!(run(&[average.clone()], &[&[10], &[190], &[10], &[190], &[10]]).0, None);
    assert_eq!(run(&[average], &[&[10], &[190], &[195]]).0.unwrap().0, 3);
}

#[test]
fn a_window_longer_than_the_run_is_the_run() {
    let (ended, judgements) = run(&[latency(100.0, true, 0, Some(60))], &[&[10], &[300]]);
    assert_eq!(ended, None);
    assert!(!judgements[0].met);
}

#[test]
fn a_rate_counts_the_window_and_silence_breaks_it() {
    let mut rate = latency(0.0, true, 0, Some(2));
    (rate.metric, rate.aggregate, rate.comparison) = (Metric::Requests, Aggregate::Rate, Comparison::Greater);
    rate.limit = 1.5;
    let two: &[u64] = &[1, 1];
    assert_eq!(run(&[rate.clone()], &[two, two, two, two]).0, None);
    assert_eq!(run(&[rate], &[two, two, &[], &[]]).0.unwrap().0, 3);
}

#[test]
fn draining_is_not_judged() {
    let catalog = catalog();
    let strict = [latency(1.0, true, 0, None)];
    let mut gate = Gate::new(&strict, &catalog, LoadTime::for_tests(&[(0, 5)], &[]));
    let mut slow = Staged::new(&catalog, 1);
    let exchange = Exchange { response: Duration::from_secs(1), ..Exchange::default() };
    slow.at(None).answer(RowId(0), Outcome::Success, &exchange);
    slow.at(None).answer(RowId(0), Outcome::Failure(Cause::Reset), &exchange);
    assert_eq!(gate.tick(Duration::from_secs(6), &slow, &slow, &[], &Watched::default()), None);
    assert!(gate.tick(Duration::from_secs(4), &slow, &slow, &[], &Watched::default()).is_some());
}

#[test]
fn long_windows_take_bounded_memory() {
    let mut window = Window::new(Duration::from_mins(10));
    for second in 1..=2000 {
        window.push(Duration::from_secs(second), Gathered::Count { sum: 1.0, samples: 1 });
    }
    assert!(window.slices.len() <= SLICES as usize + 1, "{}", window.slices.len());
    let merged = window.merged(Duration::from_secs(2000)).unwrap();
    assert!(matches!(merged, Gathered::Count { samples: 600..=610, .. }), "{merged:?}");
}

#[test]
fn when_single_seconds_broke_it_is_remembered_met_or_not() {
    let (fast, slow): (&[u64], &[u64]) = (&[10, 10], &[200, 10]);
    let course = [fast, slow, slow, slow, &[], fast, fast, fast, fast];
    let median = Threshold { aggregate: Aggregate::Percentile(50.0), ..latency(100.0, false, 0, None) };
    let (_, judgements) = run(&[latency(100.0, false, 0, None), median], &course);
    let [max, median] = judgements.as_slice() else { panic!("{judgements:?}") };
    let whole = |time: Duration| time.as_secs_f64().round();
    let seen: Vec<_> = max.breaches.iter().map(|breach| (whole(breach.from), breach.to.map(whole))).collect();
    assert_eq!((max.met, seen), (false, vec![(1.0, Some(5.0))]));
    assert!(median.met && median.breaches.is_empty());
}

#[test]
fn what_follows_the_load_has_no_breaches() {
    let rate = Threshold {
        metric: Metric::Requests,
        aggregate: Aggregate::Rate,
        comparison: Comparison::Greater,
        limit: 5.0,
        ..latency(0.0, false, 0, None)
    };
    let (_, judgements) = run(&[rate], &[&[1], &[1], &[1], &[1]]);
    assert!(!judgements[0].met && judgements[0].breaches.is_empty());
}

/// Memory of these MiB, one second after the other, until a threshold on it ends the run.
fn memory(
    aggregate: Aggregate,
    limit_mib: f64,
    over: Option<u64>,
    seconds: &[f64],
) -> (Option<u64>, Judgement) {
    const MIB: f64 = 1024.0 * 1024.0;
    let metric = Metric::Watched { source: 0, gauge: Gauge::Memory };
    let threshold = Threshold { metric, aggregate, limit: limit_mib * MIB, ..latency(0.0, true, 0, over) };
    let (catalog, thresholds) = (catalog(), [threshold]);
    let planned = LoadTime::for_tests(&[(0, seconds.len() as u64)], &[]);
    let mut gate = Gate::new(&thresholds, &catalog, planned.clone());
    let nothing = Staged::new(&catalog, 1);
    let mut watched = Watched::new(1);
    let mut ended = None;
    for (second, mib) in (0..).zip(seconds) {
        watched.sources[0].record(second, Gauge::Memory, mib * MIB);
        let elapsed = Duration::from_secs(u64::from(second) + 1);
        if gate.tick(elapsed, &nothing, &nothing, &[], &watched).is_some() {
            ended = Some(elapsed.as_secs());
            break;
        }
    }
    let load = planned.between(Duration::ZERO, Duration::from_secs(ended.unwrap_or(seconds.len() as u64)));
    let data = Data { totals: &nothing, load: &load, seconds: &[], watched: &watched };
    (ended, gate.judge_all(&data).remove(0))
}

#[test]
fn what_is_watched_can_end_a_run() {
    let (ended, judgement) = memory(Aggregate::Maximum, 100.0, None, &[50.0, 99.0, 101.0, 50.0]);
    assert_eq!((ended, judgement.aborted, judgement.samples), (Some(3), true, 3));
    let (ended, judgement) = memory(Aggregate::Maximum, 100.0, None, &[50.0, 99.0]);
    assert_eq!((ended, judgement.met), (None, true));
}

#[test]
fn a_window_of_what_is_watched_slides() {
    // On average over three seconds; the first two say nothing yet.
    let (ended, _) = memory(Aggregate::Average, 100.0, Some(3), &[140.0, 140.0, 0.0, 0.0, 120.0, 200.0, 0.0]);
    assert_eq!(ended, Some(6));
    let (ended, judgement) = memory(Aggregate::Average, 100.0, Some(3), &[140.0, 140.0, 0.0, 0.0, 0.0]);
    assert_eq!((ended, judgement.met, judgement.samples), (None, true, 3), "the worst window counts");
    assert!((judgement.observed.unwrap() / 1024.0 / 1024.0 - 280.0 / 3.0).abs() < 1e-6, "{judgement:?}");
}
