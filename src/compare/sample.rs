//! What one side measured of some outcomes: exactly as a whole, and window by window to draw from.

use hdrhistogram::Histogram;

use super::bootstrap::Draws;
use super::runs::{Cell, Run};
use crate::metrics::{Bucket, CellWindows, Slot};

/// The answers of one or several runs that are compared with those of others.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) count: u64,
    /// Requests of the same steps that came to an outcome, these among them: what a share is of.
    pub(super) of: u64,
    /// Of one run; the mean of several.
    pub(super) per_second: f64,
    /// All response times in nanoseconds; none without any.
    exact: Option<Histogram<u64>>,
    /// None where a record has no windows.
    pub(super) course: Option<Course>,
}

/// The same in the course of the runs, one run's windows after the other's.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// How many windows each run has.
    lengths: Vec<usize>,
    /// Ranges of times that occur, as `low` and `width` in nanoseconds, in ascending order.
    ranges: Vec<(f64, f64)>,
    slots: Vec<Counted>,
    /// How many answers each window has.
    counts: Vec<f64>,
    /// How many requests each window has that a share is of.
    of: Vec<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    window: u32,
    /// An index into the ranges.
    range: u32,
    /// Not an integer: sums of what a file says shall not overflow.
    count: f64,
}

/// What a draw, or the whole course, comes to.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    ranges: &'a [(f64, f64)],
    counts: Vec<f64>,
    total: f64,
    of: f64,
}

impl Sample {
    /// Of the cells that `chosen` names; a share is of those that `all` names.
    pub(super) fn new(runs: &[&Run], chosen: impl Fn(&Cell) -> bool, all: impl Fn(&Cell) -> bool) -> Sample {
        let mut sample =
            Sample { count: 0, of: 0, per_second: 0.0, exact: None, course: Some(Course::default()) };
        let (mut own, mut others) = (Vec::new(), Vec::new());
        let mut offset = 0;
        for run in runs {
            let mut has_windows = true;
            let mut gather = |into: &mut Vec<Slot>, cell: &Cell| match &cell.windows {
                Some(windows) => into.extend(moved(windows, run.windows, offset)),
                None => has_windows = false,
            };
            for cell in run.cells.iter().filter(|cell| all(cell)) {
                sample.of += cell.count;
                gather(&mut others, cell);
            }
            for cell in run.cells.iter().filter(|cell| chosen(cell)) {
                sample.count += cell.count;
                sample.per_second += cell.per_second / runs.len() as f64;
                gather(&mut own, cell);
                if let Some(histogram) = &cell.exact {
                    add(&mut sample.exact, histogram);
                }
            }
            if has_windows && let Some(course) = &mut sample.course {
                course.lengths.push(run.windows);
            } else {
                sample.course = None;
            }
            offset += run.windows as u32;
        }
        if let Some(course) = &mut sample.course {
            course.fill(&CellWindows::new(own), &CellWindows::new(others));
        }
        sample
    }

    pub(super) fn share(&self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }

    /// In nanoseconds.
    pub(super) fn percentile(&self, percent: f64) -> Option<f64> {
        self.some().map(|exact| exact.value_at_percentile(percent) as f64)
    }

    /// In nanoseconds.
    pub(super) fn mean(&self) -> Option<f64> {
        self.some().map(Histogram::mean)
    }

    fn some(&self) -> Option<&Histogram<u64>> {
        self.exact.as_ref().filter(|exact| !exact.is_empty())
    }
}

/// The slots of one run behind those of the runs before; what ended while it drained belongs to its last window.
fn moved(windows: &CellWindows, length: usize, offset: u32) -> impl Iterator<Item = Slot> {
    let last = length.saturating_sub(1) as u32;
    windows.slots().map(move |slot| Slot { window: offset + slot.window.min(last), ..slot })
}

fn add(into: &mut Option<Histogram<u64>>, from: &Histogram<u64>) {
    match into {
        // It grows, so that only a record of impossible times could fail here.
        Some(into) => into.add(from).unwrap_or_default(),
        None => *into = Some(from.clone()),
    }
}

impl Course {
    fn fill(&mut self, own: &CellWindows, all: &CellWindows) {
        let windows = self.windows();
        let per_window = |cell: &CellWindows| {
            let mut counts = vec![0.0; windows];
            for slot in cell.slots() {
                if let Some(count) = counts.get_mut(slot.window as usize) {
                    *count += slot.count as f64;
                }
            }
            counts
        };
        (self.counts, self.of) = (per_window(own), per_window(all));
        let mut buckets: Vec<Bucket> = own.slots().map(|slot| slot.bucket).collect();
        buckets.sort_unstable();
        buckets.dedup();
        let range = |bucket| buckets.partition_point(|known| *known < bucket) as u32;
        let slots = own.slots();
        self.slots = slots
            .map(|slot| Counted { window: slot.window, range: range(slot.bucket), count: slot.count as f64 })
            .collect();
        self.ranges = buckets.into_iter().map(Bucket::range).collect();
    }

    /// Of all runs together.
    pub(super) fn windows(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// The fewest windows that a run has.
    pub(super) fn shortest(&self) -> usize {
        self.lengths.iter().copied().min().unwrap_or(0)
    }

    /// Each window once.
    pub(super) fn whole(&self) -> Tally<'_> {
        self.weighted(&vec![1; self.windows()])
    }

    /// A draw by its number.
    pub(super) fn drawn(&self, draws: &Draws, number: usize) -> Option<Tally<'_>> {
        let mut weights = Vec::with_capacity(self.windows());
        for &length in &self.lengths {
            weights.extend_from_slice(draws.of_length(length).get(number)?);
        }
        Some(self.weighted(&weights))
    }

    fn weighted(&self, weights: &[u16]) -> Tally<'_> {
        let mut counts = vec![0.0; self.ranges.len()];
        for slot in &self.slots {
            let weight = weights.get(slot.window as usize).copied().unwrap_or(0);
            counts[slot.range as usize] += slot.count * f64::from(weight);
        }
        let sum = |counts: &[f64]| {
            counts.iter().zip(weights).map(|(count, weight)| count * f64::from(*weight)).sum()
        };
        Tally { ranges: &self.ranges, counts, total: sum(&self.counts), of: sum(&self.of) }
    }
}

impl Tally<'_> {
    pub(super) fn total(&self) -> f64 {
        self.total
    }

    pub(super) fn share(&self) -> Option<f64> {
        (self.of > 0.0).then(|| self.total / self.of)
    }

    /// In nanoseconds. Within a range, times are taken to be spread evenly.
    pub(super) fn percentile(&self, percent: f64) -> Option<f64> {
        let wanted = self.total * percent / 100.0;
        let mut before = 0.0;
        for (&count, &(low, width)) in self.counts.iter().zip(self.ranges) {
            if count > 0.0 && before + count >= wanted {
                return Some(low + width * (wanted - before) / count);
            }
            before += count;
        }
        None
    }

    /// In nanoseconds.
    pub(super) fn mean(&self) -> Option<f64> {
        let times = self.counts.iter().zip(self.ranges);
        let sum: f64 = times.map(|(&count, &(low, width))| count * (low + width / 2.0)).sum();
        (self.total > 0.0).then(|| sum / self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn slot(window: u32, micros: u64, count: u64) -> Slot {
        Slot { window, bucket: Bucket::of(Duration::from_micros(micros)), count }
    }

    fn course(slots: Vec<Slot>, all: Vec<Slot>, lengths: &[usize]) -> Course {
        let mut course = Course { lengths: lengths.to_vec(), ..Course::default() };
        course.fill(&CellWindows::new(slots), &CellWindows::new(all));
        course
    }

    #[test]
    fn percentiles_of_ranges_are_near_those_of_samples() {
        let slots: Vec<Slot> = (1..=10_000).map(|micros| slot(micros as u32 % 10, micros, 1)).collect();
        let course = course(slots.clone(), slots, &[10]);
        let whole = course.whole();
        for (percent, micros) in [(50.0, 5_000.0), (95.0, 9_500.0), (99.0, 9_900.0)] {
            let seen = whole.percentile(percent).unwrap() / 1e3;
            assert!((seen / micros - 1.0).abs() < 0.002, "p{percent}: {seen}");
        }
        assert!((whole.mean().unwrap() / 5_000.5e3 - 1.0).abs() < 0.001);
    }

    #[test]
    fn a_draw_counts_its_windows_as_often_as_they_are_in_it() {
        let own = vec![slot(0, 100, 4), slot(1, 200, 1), slot(2, 300, 5)];
        let all = vec![slot(0, 100, 8), slot(1, 200, 2), slot(2, 300, 5)];
        let course = course(own, all, &[2, 1]);
        assert_eq!((course.windows(), course.shortest()), (3, 1));
        let tally = course.weighted(&[2, 0, 1]);
        assert_eq!((tally.total(), tally.share()), (13.0, Some(13.0 / 21.0)));
        assert!(tally.percentile(50.0).unwrap() < 102e3);
        assert!(course.weighted(&[0, 1, 0]).percentile(50.0).unwrap() > 199e3);
        let empty = course.weighted(&[0, 0, 0]);
        assert_eq!((empty.percentile(50.0), empty.mean(), empty.share()), (None, None, None));
    }

    #[test]
    fn what_ends_after_the_load_is_in_its_last_window() {
        let windows = CellWindows::new(vec![slot(0, 1, 1), slot(9, 1, 1)]);
        let moved: Vec<u32> = moved(&windows, 3, 10).map(|slot| slot.window).collect();
        assert_eq!(moved, [10, 12]);
    }
}
