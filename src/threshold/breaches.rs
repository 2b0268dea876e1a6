//! When the figures of single seconds broke a threshold: what a review of an incident asks first.
//!
//! The verdict on a run is that on the whole of it, and says nothing of when. Here each second is held against
//! the limit by itself. A breach is a stretch of them: it begins with the first of three bad seconds in a row,
//! and ends before the first of three good ones. Seconds without samples are neither.

use std::time::Duration;

use super::judge::{gather, holds};
use crate::metrics::Staged;
use crate::scenario::model::Catalog;
use crate::scenario::threshold::{Aggregate, Metric, Threshold};

/// So many seconds in a row begin and end a breach.
const IN_A_ROW: u32 = 3;
/// So many breaches are kept of one threshold; a run that comes and goes for hours has no more.
const MOST: usize = 20;

/// A stretch of time in which a threshold was broken, since the beginning of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breach {
    pub from: Duration,
    /// None where it lasted to the end.
    pub to: Option<Duration>,
}

/// The breaches of one threshold so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Breaches {
    found: Vec<Breach>,
    /// Since when the seconds have been of the other kind, and how many there were.
    turning: Option<(Duration, u32)>,
    /// More began than are kept.
    is_full: bool,
}

impl Breaches {
    /// Adds the second that ended at `end`.
    pub(super) fn tick(
        &mut self,
        threshold: &Threshold,
        catalog: &Catalog,
        end: Duration,
        interval: &Staged,
    ) {
        if !is_told_by_seconds(threshold) || self.is_full {
            return;
        }
        let Some(gathered) = gather(threshold, catalog, interval) else { return };
        // A share and a time are no rate per second: what they are divided by does not matter.
        let Ok((value, samples)) = gathered.value(threshold.aggregate, 1.0) else { return };
        if samples > 0 {
            let good = holds(value, threshold.comparison, threshold.limit);
            self.note(end.saturating_sub(Duration::from_secs(1)), good);
        }
    }

    fn note(&mut self, begin: Duration, good: bool) {
        let open = self.found.last().is_some_and(|breach| breach.to.is_none());
        if good != open {
            self.turning = None;
            return;
        }
        let (since, seconds) = self.turning.map_or((begin, 1), |(since, seconds)| (since, seconds + 1));
        self.turning = Some((since, seconds));
        if seconds < IN_A_ROW {
            return;
        }
        self.turning = None;
        let room = self.found.len() < MOST;
        match self.found.last_mut() {
            Some(breach) if open => breach.to = Some(since),
            _ if room => self.found.push(Breach { from: since, to: None }),
            _ => self.is_full = true,
        }
    }

    pub(super) fn found(&self) -> &[Breach] {
        &self.found
    }
}

/// Times and shares are. A count grows with time, a rate per second follows the load, and a drift or a slope is one
/// of the whole run.
fn is_told_by_seconds(threshold: &Threshold) -> bool {
    match threshold.aggregate {
        Aggregate::Percentile(_) | Aggregate::Average | Aggregate::Minimum | Aggregate::Maximum => true,
        Aggregate::Rate => !matches!(threshold.metric, Metric::Requests | Metric::Iterations),
        Aggregate::Count | Aggregate::Drift | Aggregate::Last | Aggregate::Slope => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The breaches of seconds that were good (`.`), bad (`x`) or without samples (`-`).
    fn of(course: &str) -> Vec<(u64, Option<u64>)> {
        let mut breaches = Breaches::default();
        for (second, letter) in (0..).zip(course.chars()) {
            if letter != '-' {
                breaches.note(Duration::from_secs(second), letter == '.');
            }
        }
        let seconds = |time: Duration| time.as_secs();
        breaches.found().iter().map(|breach| (seconds(breach.from), breach.to.map(seconds))).collect()
    }

    #[test]
    fn three_in_a_row_begin_and_end_one() {
        assert_eq!(of("....."), []);
        assert_eq!(of("..xx..xx.."), []);
        assert_eq!(of("..xxx"), [(2, None)]);
        assert_eq!(of("xxx.x..x...."), [(0, Some(8))]);
        assert_eq!(of("..xxxx...xxx..."), [(2, Some(6)), (9, Some(12))]);
    }

    #[test]
    fn seconds_without_samples_are_neither() {
        assert_eq!(of(".x--x-x--...x"), [(1, Some(9))]);
    }

    #[test]
    fn there_is_an_end_to_how_many_are_kept() {
        let breaches = of(&"xxx...".repeat(100));
        assert_eq!(breaches.len(), MOST);
        assert_eq!(breaches[MOST - 1], (6 * 19, Some(6 * 19 + 3)));
    }
}
