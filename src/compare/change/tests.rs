//! How sure the intervals really are: runs are simulated, with seeds that stand here, and what is said of them is
//! counted. Neighbouring seconds of the simulated runs are alike, as those of real ones are.

use super::*;
use crate::compare::runs::{Cell, Run, StepName};
use crate::compare::simulated::{SERVICE, Service, normal};
use crate::result::OutcomeKind;
use crate::template::Random;

fn measured(runs: &[Run], kind: OutcomeKind) -> Measured {
    let sample = |runs: &[&Run]| Sample::new(runs, |cell| cell.kind == kind, |_| true);
    Measured {
        pooled: sample(&runs.iter().collect::<Vec<_>>()),
        runs: if runs.len() > 1 { runs.iter().map(|run| sample(&[run])).collect() } else { Vec::new() },
    }
}

const FIGURES: [(Figure, Goal); 4] = [
    (Figure::Rate, Goal::Higher),
    (Figure::Percentile(50.0), Goal::Lower),
    (Figure::Percentile(95.0), Goal::Lower),
    (Figure::Percentile(99.0), Goal::Lower),
];

/// What is said of a pair of runs: of rate and percentiles, then of the share of failures.
fn said(base: &[Run], other: &[Run], confidence: f64) -> Vec<Change> {
    let lengths: Vec<usize> = base.iter().chain(other).map(|run| run.windows).collect();
    let draws = Draws::new(&lengths, 200);
    let rules = Rules { draws: &draws, confidence, margin: 0.0 };
    let pair = |kind| (measured(base, kind), measured(other, kind));
    let (success, failure) = (pair(OutcomeKind::Success), pair(OutcomeKind::Failure));
    let mut said = changes(&FIGURES, &success.0, &success.1, rules);
    said.extend(changes(&[(Figure::Share, Goal::Lower)], &failure.0, &failure.1, rules));
    said
}

/// What is said of pairs of runs, each of its own seed.
fn pairs(base: Service, other: Service, number: u64, confidence: f64) -> Vec<Vec<Change>> {
    let pair = |seed| said(&[base.run(2 * seed)], &[other.run(2 * seed + 1)], confidence);
    (0..number).map(pair).collect()
}

fn share_of<T>(all: &[T], holds: impl Fn(&T) -> bool) -> f64 {
    all.iter().filter(|one| holds(one)).count() as f64 / all.len() as f64
}

/// The intervals of a table are those of 99 %, so that a whole table of two runs that are alike says nothing.
#[test]
fn of_runs_that_are_alike_no_difference_is_shown() {
    for service in [
        SERVICE,
        Service { memory: 0.0, ..SERVICE },
        Service { ramp: 5.0, ..SERVICE },
        Service { windows: 20, per_window: 50, ..SERVICE },
        Service { windows: 200, per_window: 10, ..SERVICE },
    ] {
        let seen = pairs(service, service, 60, 0.99);
        let quiet = share_of(&seen, |said| said.iter().all(|change| change.word == Word::NoDifference));
        assert!(quiet >= 0.9, "{quiet} of {service:?}");
    }
}

#[test]
fn intervals_hold_the_truth_about_as_often_as_they_say() {
    let slower = |service: Service| Service { median_ms: service.median_ms * 1.2, failures: 0.04, ..service };
    for service in [SERVICE, Service { ramp: 5.0, ..SERVICE }] {
        let seen = pairs(service, slower(service), 100, 0.95);
        let truth = [0.96 / 0.98 - 1.0, 0.2, 0.2, 0.2, 0.02];
        for (place, truth) in truth.into_iter().enumerate() {
            let holds = |interval: Interval| interval.low <= truth && truth <= interval.high;
            let covered = share_of(&seen, |said| said[place].interval.is_some_and(holds));
            // Of a hundred pairs, 95 ± 2.2 if the intervals are exact.
            assert!(covered >= 0.9, "figure {place}: {covered} of {service:?}");
        }
    }
}

#[test]
fn a_shift_is_found() {
    let worse = Service { median_ms: SERVICE.median_ms * 1.5, failures: 0.08, ..SERVICE };
    let seen = pairs(SERVICE, worse, 60, 0.99);
    let words = |place: usize, word| share_of(&seen, |said| said[place].word == word);
    assert!(words(1, Word::Worse) >= 0.95, "p50: {}", words(1, Word::Worse));
    assert!(words(2, Word::Worse) >= 0.95, "p95: {}", words(2, Word::Worse));
    assert!(words(4, Word::Worse) >= 0.95, "failures: {}", words(4, Word::Worse));
    let seen = pairs(worse, SERVICE, 20, 0.99);
    assert!(seen.iter().filter(|said| said[1].word == Word::Better).count() >= 19);
}

/// What differs from run to run, and not within one, only several runs can tell.
#[test]
fn several_runs_tell_chance_between_runs_from_change() {
    let run = |median_ms: f64, seed: u64| {
        let luck = (0.1 * normal(&mut Random::of_iteration(seed, 4, 5, 6))).exp();
        Service { median_ms: median_ms * luck, ..SERVICE }.run(seed)
    };
    let side =
        |median_ms: f64, seed: u64| -> Vec<Run> { (0..4).map(|n| run(median_ms, 4 * seed + n)).collect() };
    let seen = |median_ms: f64, number: u64| -> Vec<Vec<Change>> {
        (0..number).map(|pair| said(&side(20.0, 2 * pair), &side(median_ms, 2 * pair + 1), 0.99)).collect()
    };
    let alike = seen(20.0, 20);
    assert!(share_of(&alike, |said| said.iter().all(|change| change.word == Word::NoDifference)) >= 0.9);
    let slower = seen(40.0, 10);
    assert!(share_of(&slower, |said| said[1].word == Word::Worse) >= 0.9);
}

#[test]
fn the_same_runs_are_compared_to_the_same_digits() {
    let once = || said(&[SERVICE.run(1)], &[SERVICE.run(2)], 0.99);
    assert_eq!(once(), once());
}

#[test]
fn too_little_is_not_judged() {
    let reason = |service: Service, place: usize| {
        let said = said(&[SERVICE.run(1)], &[service.run(2)], 0.99);
        assert_eq!(said[place].word == Word::NotJudged, said[place].reason.is_some());
        said[place].reason.clone()
    };
    let short = Service { windows: 9, ..SERVICE };
    assert_eq!(reason(short, 0).unwrap(), "too short");
    // A p99 of 300 answers is that of the three slowest.
    let few = Service { per_window: 5, ..SERVICE };
    assert_eq!(reason(few, 3).unwrap(), "too few samples");
    assert_eq!(reason(few, 1), None);

    let (mut old, new) = (SERVICE.run(1), SERVICE.run(2));
    old.cells.iter_mut().for_each(|cell| cell.windows = None);
    let said_of_old = said(&[old], &[new], 0.99);
    assert_eq!(said_of_old[1].reason.as_deref(), Some("no windows"));
    assert!(said_of_old[1].relative.is_some(), "what was measured is said all the same");
    let empty = Run { windows: 60, cells: Vec::new() };
    assert_eq!(said(&[SERVICE.run(1)], &[empty], 0.99)[1].reason.as_deref(), Some("no samples"));
}

/// The example of Newcombe's paper: 56 of 70 against 48 of 80.
#[test]
fn the_score_interval_is_that_of_its_source() {
    let sample = |kind, count: u64, of: u64| {
        let cell = |kind, count| Cell {
            step: StepName { scenario: "s".into(), step: "a".into() },
            groups: Vec::new(),
            kind,
            outcome: "x".into(),
            count,
            per_second: 0.0,
            exact: None,
            windows: None,
        };
        let cells = vec![cell(OutcomeKind::Success, count), cell(OutcomeKind::Failure, of - count)];
        Sample::new(&[&Run { windows: 1, cells }], |cell| cell.kind == kind, |_| true)
    };
    let success = |count, of| sample(OutcomeKind::Success, count, of);
    let interval = score_interval(&success(48, 80), &success(56, 70), 0.95);
    assert!((interval.low - 0.0524).abs() < 5e-5 && (interval.high - 0.3339).abs() < 5e-5, "{interval:?}");
    // What never came may still come.
    let none = score_interval(&success(0, 100), &success(0, 100), 0.95);
    assert!(none.low < -0.03 && none.high > 0.03, "{none:?}");
}

#[test]
fn words_follow_from_the_interval_and_the_goal() {
    let said = |figure, goal, low, high| word(figure, goal, Interval { low, high }, 0.01);
    let table = [
        (Figure::Mean, Goal::Lower, 0.02, 0.3, Word::Worse),
        (Figure::Mean, Goal::Lower, -0.3, -0.02, Word::Better),
        (Figure::Rate, Goal::Higher, 0.02, 0.3, Word::Better),
        (Figure::Rate, Goal::Higher, -0.3, -0.02, Word::Worse),
        (Figure::Mean, Goal::Lower, 0.005, 0.3, Word::NoDifference),
        (Figure::Mean, Goal::Lower, -0.1, 0.3, Word::NoDifference),
        (Figure::Share, Goal::Lower, 0.005, 0.3, Word::Worse),
        (Figure::Share, Goal::Neither, 0.005, 0.3, Word::More),
        (Figure::Share, Goal::Neither, -0.3, -0.005, Word::Less),
    ];
    for (figure, goal, low, high, expected) in table {
        assert_eq!(said(figure, goal, low, high), expected, "{figure:?} {goal:?} {low} {high}");
    }
}
