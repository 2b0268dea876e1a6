//! Whether something went wrong in the course of a run, from when to when, and when it was seen.

use super::signals::Signal;
use crate::result::{RunResult, ThresholdResult};

/// Departures that are no further apart than this are of one incident.
const GAP_S: f64 = 10.0;
/// So many bad seconds are seen as a breach.
const SEEN_AFTER_S: f64 = 3.0;

/// A stretch of time in which the service was worse than at first, in seconds since the beginning of the load.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::struct_field_names, reason = "the `s` is their unit")]
pub(crate) struct Incident {
    pub(crate) from_s: f64,
    /// When the first threshold was seen to be broken; none where none was, or none that tells when.
    pub(crate) seen_at_s: Option<f64>,
    /// When all was as before; none where the run ended first.
    pub(crate) to_s: Option<f64>,
}

/// When a threshold that is not met was seen to be broken: by the watch, or after the third bad second.
pub(crate) fn seen_at(threshold: &ThresholdResult) -> Option<f64> {
    let by_seconds = threshold.breaches.first().map(|breach| breach.from_s + SEEN_AFTER_S);
    let earliest = match (threshold.broken_at_s, by_seconds) {
        (Some(watched), Some(by_seconds)) => Some(watched.min(by_seconds)),
        (watched, by_seconds) => watched.or(by_seconds),
    };
    earliest.filter(|_| !threshold.met)
}

/// The first incident: all that departed or was broken around the moment when the first threshold was seen to be
/// broken; without such a moment, around the first departure of the failures or of the response times.
pub(crate) fn incident(result: &RunResult, signals: &[Signal<'_>]) -> Option<Incident> {
    let mut stretches: Vec<(f64, Option<f64>)> = signals
        .iter()
        .filter(|signal| signal.of.is_harm())
        .flat_map(|signal| &signal.departures)
        .map(|departure| (f64::from(departure.from_s), departure.to_s.map(f64::from)))
        .collect();
    let missed = || result.thresholds.iter().filter(|threshold| !threshold.met);
    stretches.extend(missed().flat_map(|missed| &missed.breaches).map(|breach| (breach.from_s, breach.to_s)));
    let seen_at_s = missed().filter_map(seen_at).min_by(f64::total_cmp);
    // A window that was seen to be broken and nothing else is a moment.
    stretches.extend(seen_at_s.map(|seen| (seen, Some(seen))));
    stretches.sort_by(|(a, _), (b, _)| a.total_cmp(b));

    let is_around = |incident: &Incident, at: f64| {
        at >= incident.from_s && incident.to_s.is_none_or(|to| at <= to + GAP_S)
    };
    let mut found: Vec<Incident> = Vec::new();
    for (from_s, to_s) in stretches {
        match found.last_mut() {
            Some(last) if is_around(last, from_s) => {
                last.to_s = last.to_s.and_then(|end| Some(end.max(to_s?)));
            }
            _ => found.push(Incident { from_s, seen_at_s: None, to_s }),
        }
    }
    let first = match seen_at_s {
        Some(seen) => found.into_iter().find(|incident| is_around(incident, seen)),
        None => found.into_iter().next(),
    };
    first.map(|incident| Incident { seen_at_s, ..incident })
}

#[cfg(test)]
mod tests {
    use super::super::signals::signals;
    use super::*;
    use crate::report::samples::business_heavy;
    use crate::result::{BreachResult, Series};

    /// A run of a minute whose p95 is 100 ms and whose every second request fails in these seconds.
    fn run(slow: std::ops::Range<u32>, failing: std::ops::Range<u32>) -> RunResult {
        let mut result = business_heavy();
        result.load_s = 60.0;
        let at_s: Vec<u32> = (0..60).collect();
        let fails = |at: &u32| u64::from(failing.contains(at)) * 50;
        let p95 = |at: &u32| Some(if slow.contains(at) { 100.0 } else { 3.0 });
        result.series = Series {
            success: at_s.iter().map(|at| 100 - fails(at)).collect(),
            failure: at_s.iter().map(fails).collect(),
            business: vec![0; 60],
            p95_ms: at_s.iter().map(p95).collect(),
            at_s,
            ..Series::default()
        };
        result
    }

    fn found(result: &RunResult) -> Option<(f64, Option<f64>, Option<f64>)> {
        let incident = incident(result, &signals(result))?;
        Some((incident.from_s, incident.seen_at_s, incident.to_s))
    }

    #[test]
    fn nothing_happened() {
        assert_eq!(found(&run(0..0, 0..0)), None);
    }

    #[test]
    fn what_overlaps_is_one_incident() {
        assert_eq!(found(&run(20..40, 25..45)), Some((20.0, None, Some(45.0))));
        assert_eq!(found(&run(20..30, 35..45)), Some((20.0, None, Some(45.0))), "five seconds apart");
        assert_eq!(found(&run(10..15, 40..45)), Some((10.0, None, Some(15.0))), "the first of two");
        assert_eq!(found(&run(20..40, 50..60)), Some((20.0, None, None)), "not over at the end");
    }

    #[test]
    fn it_is_the_one_that_was_seen() {
        let mut result = run(10..15, 40..45);
        result.thresholds[0].met = false;
        result.thresholds[0].broken_at_s = Some(44.0);
        assert_eq!(found(&result), Some((40.0, Some(44.0), Some(45.0))));
        // Single seconds were seen before the window was.
        result.thresholds[0].breaches = vec![BreachResult { from_s: 39.0, to_s: Some(46.0) }];
        assert_eq!(found(&result), Some((39.0, Some(42.0), Some(46.0))));
        // What is met was not broken.
        result.thresholds[0].met = true;
        assert_eq!(found(&result), Some((10.0, None, Some(15.0))));
    }

    #[test]
    fn a_broken_window_alone_is_a_moment() {
        let mut result = run(0..0, 0..0);
        result.thresholds[0].met = false;
        result.thresholds[0].broken_at_s = Some(30.0);
        assert_eq!(found(&result), Some((30.0, Some(30.0), Some(30.0))));
    }
}
