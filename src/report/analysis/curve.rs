//! Percentile curves: how long answers took, from the fastest to the slowest, out of the histograms of a result.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use crate::report::figures::of_scenario;
use crate::result::{OutcomeKind, OutcomeResult, RunResult};

/// Points on a curve for each factor of ten in the share of slower answers: 90 %, 99 %, 99.9 % …
const PER_TENFOLD: u32 = 16;
/// The last point: 99.9999 %.
const TENFOLDS: u32 = 6;

/// Fewer samples make no curve of their own.
const FEWEST: u64 = 10;

/// The response times of one outcome, over all steps or of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curve {
    /// None for all steps together.
    pub(crate) step: Option<String>,
    pub(crate) kind: OutcomeKind,
    /// The outcome's name; none for all of its kind together.
    pub(crate) outcome: Option<String>,
    pub(crate) count: u64,
    /// Milliseconds at each of [`Curve::shares`]; as many as its samples can tell.
    pub(crate) millis: Vec<f64>,
}

impl Curve {
    /// The shares of answers that are not slower, at which all curves have their points: dense towards 1, where it
    /// matters.
    pub(crate) fn shares() -> Vec<f64> {
        let point = |n: u32| 1.0 - 10_f64.powf(-f64::from(n) / f64::from(PER_TENFOLD));
        (0..=PER_TENFOLD * TENFOLDS).map(point).collect()
    }
}

/// The curves of successes, of business outcomes and of failures over all steps, then the outcomes of the most
/// frequent steps, at most so many in all.
pub(crate) fn curves(result: &RunResult, most: usize) -> Vec<Curve> {
    let kinds = [OutcomeKind::Success, OutcomeKind::Business, OutcomeKind::Failure];
    // Optional steps are in no total, and so in no curve.
    let rows = || result.rows.iter().filter(|row| !row.optional);
    let all = || rows().flat_map(|row| row.outcomes.iter().map(move |outcome| (row, outcome)));
    let mut curves: Vec<Curve> = kinds
        .into_iter()
        .filter_map(|kind| {
            let histograms = all().filter(|(_, outcome)| outcome.kind == kind);
            let sum = sum(histograms.filter_map(|(_, outcome)| histogram(outcome)))?;
            Some(curve(None, kind, None, &sum))
        })
        .collect();
    // The only outcome of its kind stands there already.
    let is_all_of_its_kind =
        |one: &OutcomeResult| curves.iter().any(|curve| curve.kind == one.kind && curve.count == one.count);
    let mut single: Vec<_> =
        all().filter(|(_, one)| one.count >= FEWEST && !is_all_of_its_kind(one)).collect();
    single.sort_by_key(|(_, outcome)| std::cmp::Reverse(outcome.count));
    for (row, outcome) in single.into_iter().take(most.saturating_sub(curves.len())) {
        if let Some(histogram) = histogram(outcome) {
            let step = of_scenario(result, &row.scenario, &row.name);
            let (step, name) = (Some(step), Some(outcome.name.clone()));
            curves.push(curve(step, outcome.kind, name, &histogram));
        }
    }
    curves
}

fn curve(
    step: Option<String>,
    kind: OutcomeKind,
    outcome: Option<String>,
    histogram: &Histogram<u64>,
) -> Curve {
    let count = histogram.len();
    // Of a hundred samples nobody knows the p99.9.
    let known = |share: &f64| (1.0 - share) * count as f64 >= 1.0 - 1e-9;
    let millis = |share: f64| histogram.value_at_quantile(share) as f64 / 1e6;
    Curve {
        step,
        kind,
        outcome,
        count,
        millis: Curve::shares().into_iter().take_while(known).map(millis).collect(),
    }
}

fn sum(mut histograms: impl Iterator<Item = Histogram<u64>>) -> Option<Histogram<u64>> {
    let mut sum = histograms.next()?;
    sum.auto(true);
    for histogram in histograms {
        sum.add(histogram).ok()?;
    }
    Some(sum)
}

/// None where there is none, or where it cannot be read: a report goes without it.
fn histogram(outcome: &OutcomeResult) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(outcome.response_histogram.as_ref()?).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::sample_result;

    #[test]
    fn points_grow_dense_towards_the_slowest() {
        let shares = Curve::shares();
        assert!(shares[0].abs() < 1e-12);
        assert!((shares[16] - 0.9).abs() < 1e-12 && (shares[32] - 0.99).abs() < 1e-12);
        assert!(shares.is_sorted() && shares.len() == 97);
    }

    #[test]
    fn curves_of_all_and_of_each() {
        let curves = curves(&sample_result(), 10);
        let seen: Vec<_> = curves
            .iter()
            .map(|curve| (curve.step.as_deref(), curve.outcome.as_deref(), curve.count, curve.millis.len()))
            .collect();
        assert_eq!(
            seen,
            [
                (None, None, 150, 35),
                (None, None, 47, 27),
                (None, None, 2, 5),
                (Some("issue token"), Some("success"), 100, 33),
                (Some("reserve seat"), Some("success"), 50, 28),
            ]
        );
        assert!((curves[0].millis[0] - 3.0).abs() < 0.01 && (curves[0].millis[34] - 12.0).abs() < 0.01);
        assert!(curves.iter().all(|curve| curve.millis.is_sorted()));
    }

    #[test]
    fn there_are_no_more_than_asked_for() {
        assert_eq!(curves(&sample_result(), 4).len(), 4);
        let mut broken = sample_result();
        for outcome in broken.rows.iter_mut().flat_map(|row| &mut row.outcomes) {
            outcome.response_histogram = Some("no histogram".into());
        }
        assert_eq!(curves(&broken, 5), []);
    }
}
