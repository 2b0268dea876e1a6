//! Response times of each outcome of each step in the course of a run: what comparisons draw their samples from.
//!
//! In bounded memory: windows of one second at first; when there would be too many, each two become one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::recorder::{Cell, RowRecord};
use super::staged::Staged;
use super::times::Times;
use crate::outcome::Cause;
use crate::scenario::model::Catalog;
use crate::varint::{put, take};

/// At most so many windows are kept: four minutes of seconds.
pub const MOST_WINDOWS: u32 = 240;

/// The windows of a run, by the rows of its catalog.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    slice_s: u32,
    rows: Vec<RowWindows>,
}

/// The windows of one row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowWindows {
    pub success: CellWindows,
    /// By the number of the business outcome.
    pub business: Vec<CellWindows>,
    pub failures: Vec<(Cause, CellWindows)>,
}

/// The windows of one outcome of one row: how often which time was seen, in the order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CellWindows {
    /// The windows that are over, as numbers of variable length. Of each: how many windows after the one before it
    /// is, its first bucket, and the counts of that bucket and those that follow; `0 n` passes over n buckets without
    /// a sample, `0 0` ends the window. Some 1.3 bytes a slot instead of the 16 of a [`Slot`], measured at full
    /// speed, where most buckets between the fastest answer and the slowest have samples.
    over: Vec<u8>,
    /// The last window in `over`.
    last: u32,
    /// The slots of the newest window.
    newest: Vec<Slot>,
}

/// So many samples of one window fell into one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// From 0, the beginning of the load.
    pub window: u32,
    pub bucket: Bucket,
    pub count: u64,
}

/// A range of times: 64 to each doubling, so that its ends differ by 1.6 % at most.
///
/// As in an HDR histogram, a time in nanoseconds is cut to its seven leading bits. Below 64 ns each nanosecond
/// has a bucket of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

/// Bits of a time that are told apart below its leading one.
const BITS: u32 = 6;

impl Bucket {
    /// The last one there is: that of `u64::MAX` nanoseconds.
    pub const LAST: Bucket = Bucket(((u64::BITS - BITS) << BITS) as u16 + (1 << BITS) - 1);

    pub fn of(time: Duration) -> Bucket {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let Some(shift) = nanos.checked_ilog2().and_then(|log| log.checked_sub(BITS)) else {
            return Bucket(nanos as u16);
        };
        // The leading bit is implied by the doubling.
        Bucket((((shift + 1) << BITS) + ((nanos >> shift) as u32 & ((1 << BITS) - 1))) as u16)
    }

    /// None past the last one.
    pub fn from_number(number: u64) -> Option<Bucket> {
        u16::try_from(number).ok().map(Bucket).filter(|bucket| *bucket <= Bucket::LAST)
    }

    pub const fn number(self) -> u16 {
        self.0
    }

    /// Its shortest time, and how wide it is, in nanoseconds.
    pub fn range(self) -> (f64, f64) {
        let (doubling, rest) = (u32::from(self.0) >> BITS, u32::from(self.0) & ((1 << BITS) - 1));
        match doubling {
            0 => (f64::from(rest), 1.0),
            _ => {
                let width = f64::from(doubling - 1).exp2();
                (f64::from(rest + (1 << BITS)) * width, width)
            }
        }
    }
}

impl Windows {
    pub fn new(catalog: &Catalog) -> Windows {
        let row = |row: &crate::scenario::model::RowInfo| RowWindows {
            business: vec![CellWindows::default(); row.business.len()],
            ..RowWindows::default()
        };
        Windows { slice_s: 1, rows: catalog.rows.iter().map(row).collect() }
    }

    /// Adds what `interval` measured in the second that began `second` seconds into the load.
    pub fn add(&mut self, second: u32, interval: &Staged) {
        while second / self.slice_s >= MOST_WINDOWS {
            self.slice_s *= 2;
            self.rows.iter_mut().flat_map(RowWindows::cells_mut).for_each(CellWindows::halve);
        }
        let window = second / self.slice_s;
        for recorder in interval.of(&[]) {
            for (windows, row) in self.rows.iter_mut().zip(&recorder.rows) {
                windows.add(window, row);
            }
        }
    }

    /// How many seconds one window covers.
    pub fn slice_s(&self) -> u32 {
        self.slice_s
    }

    pub fn rows(&self) -> &[RowWindows] {
        &self.rows
    }
}

impl RowWindows {
    fn add(&mut self, window: u32, row: &RowRecord) {
        self.success.note(window, &row.success);
        for (windows, cell) in self.business.iter_mut().zip(&row.business) {
            windows.note(window, cell);
        }
        for (cause, cell) in row.failures.iter().filter(|(_, cell)| cell.count() > 0) {
            let known = self.failures.iter().position(|(known, _)| known == cause);
            let at = known.unwrap_or_else(|| {
                self.failures.push((*cause, CellWindows::default()));
                self.failures.len() - 1
            });
            self.failures[at].1.note(window, cell);
        }
    }

    fn cells_mut(&mut self) -> impl Iterator<Item = &mut CellWindows> {
        let failures = self.failures.iter_mut().map(|(_, cell)| cell);
        std::iter::once(&mut self.success).chain(&mut self.business).chain(failures)
    }
}

impl CellWindows {
    /// From slots in any order. Those that count nothing are left out.
    pub fn new(mut slots: Vec<Slot>) -> CellWindows {
        slots.retain(|slot| slot.count > 0);
        settle(&mut slots);
        let mut cell = CellWindows::default();
        for slot in slots {
            cell.begin(slot.window);
            cell.newest.push(slot);
        }
        cell
    }

    /// In the order of windows, and of buckets within each.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let mut rest = self.over.as_slice();
        let (mut window, mut bucket, mut is_within) = (0, 0, false);
        let over = std::iter::from_fn(move || {
            loop {
                if !is_within {
                    window += take(&mut rest)? as u32;
                    bucket = take(&mut rest)?;
                    is_within = true;
                }
                let count = take(&mut rest)?;
                if count > 0 {
                    let slot = Slot { window, bucket: Bucket::from_number(bucket)?, count };
                    bucket += 1;
                    return Some(slot);
                }
                match take(&mut rest)? {
                    0 => is_within = false,
                    empty => bucket += empty,
                }
            }
        });
        over.chain(self.newest.iter().copied())
    }

    pub fn is_empty(&self) -> bool {
        self.over.is_empty() && self.newest.is_empty()
    }

    /// Makes one window of each two, without unpacking more than these at once.
    pub fn halve(&mut self) {
        let mut halved = CellWindows::default();
        for slot in self.slots() {
            let slot = Slot { window: slot.window / 2, ..slot };
            halved.begin(slot.window);
            halved.newest.push(slot);
        }
        settle(&mut halved.newest);
        *self = halved;
    }

    fn note(&mut self, window: u32, cell: &Cell) {
        if cell.count() == 0 {
            return;
        }
        let seen = counted(&cell.response).into_iter();
        let seen = seen.map(|(bucket, count)| Slot { window, bucket, count });
        if self.newest.first().is_some_and(|newest| newest.window > window) {
            *self = CellWindows::new(self.slots().chain(seen).collect());
            return;
        }
        self.begin(window);
        self.newest.extend(seen);
        settle(&mut self.newest);
    }

    /// Puts the newest window to those that are over, where this one is newer.
    fn begin(&mut self, window: u32) {
        if self.newest.first().is_none_or(|newest| newest.window == window) {
            return;
        }
        settle(&mut self.newest);
        let Some(first) = self.newest.first() else { return };
        put(&mut self.over, u64::from(first.window - self.last));
        put(&mut self.over, u64::from(first.bucket.number()));
        self.last = first.window;
        let mut next = first.bucket.number();
        for slot in self.newest.drain(..) {
            let number = slot.bucket.number();
            if number > next {
                put(&mut self.over, 0);
                put(&mut self.over, u64::from(number - next));
            }
            put(&mut self.over, slot.count);
            next = number + 1;
        }
        put(&mut self.over, 0);
        put(&mut self.over, 0);
    }
}

/// Puts slots into their order, and adds up those of one window and bucket.
fn settle(slots: &mut Vec<Slot>) {
    slots.sort_unstable();
    slots.dedup_by(|slot, kept| {
        let same = (kept.window, kept.bucket) == (slot.window, slot.bucket);
        if same {
            kept.count = kept.count.saturating_add(slot.count);
        }
        same
    });
}

fn counted(times: &Times) -> BTreeMap<Bucket, u64> {
    let mut counts = BTreeMap::new();
    times.each(|time, count| *counts.entry(Bucket::of(time)).or_default() += count);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Exchange;
    use crate::outcome::Outcome;
    use crate::scenario::model::{RowId, RowInfo};
    use proptest::prelude::*;

    fn catalog() -> Catalog {
        let (groups, business) = (Vec::new(), vec!["taken".into()]);
        let row = RowInfo { name: "a".into(), scenario: 0, groups, business, optional: false };
        Catalog { rows: vec![row], ..Catalog::default() }
    }

    fn interval(outcomes: &[(Outcome, u64)]) -> Staged {
        let mut interval = Staged::new(&catalog(), 1);
        for (outcome, micros) in outcomes {
            let exchange = Exchange { response: Duration::from_micros(*micros), ..Exchange::default() };
            interval.at(None).answer(RowId(0), *outcome, &exchange);
        }
        interval
    }

    fn seen(cell: &CellWindows) -> Vec<(u32, u64)> {
        cell.slots().map(|slot| (slot.window, slot.count)).collect()
    }

    #[test]
    fn each_outcome_has_windows_of_its_own() {
        let mut windows = Windows::new(&catalog());
        let refused = Outcome::Failure(Cause::Refused);
        windows.add(0, &interval(&[(Outcome::Success, 10), (Outcome::Success, 10), (refused, 1)]));
        windows
            .add(2, &interval(&[(Outcome::Success, 10), (Outcome::Success, 99), (Outcome::Business(0), 5)]));
        let row = &windows.rows()[0];
        assert_eq!(seen(&row.success), [(0, 2), (2, 1), (2, 1)]);
        assert_eq!(seen(&row.business[0]), [(2, 1)]);
        assert_eq!(row.failures.len(), 1);
        assert_eq!(seen(&row.failures[0].1), [(0, 1)]);
    }

    fn any_slot() -> impl Strategy<Value = Slot> {
        let count = prop_oneof![0_u64..200, Just(u64::MAX / 4)];
        (0_u32..300, 0..=Bucket::LAST.number(), count).prop_map(|(window, number, count)| Slot {
            window,
            bucket: Bucket(number),
            count,
        })
    }

    proptest! {
        #[test]
        fn slots_are_kept_in_their_order_and_added_up(slots in prop::collection::vec(any_slot(), 0..200)) {
            let mut counts = BTreeMap::<_, u64>::new();
            for slot in slots.iter().filter(|slot| slot.count > 0) {
                let count = counts.entry((slot.window, slot.bucket)).or_default();
                *count = count.saturating_add(slot.count);
            }
            let slot = |((window, bucket), count)| Slot { window, bucket, count };
            let expected: Vec<Slot> = counts.into_iter().map(slot).collect();
            prop_assert_eq!(CellWindows::new(slots).slots().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_long_run_has_no_more_windows_than_a_short_one() {
        let mut windows = Windows::new(&catalog());
        for second in 0..3600 {
            windows.add(second, &interval(&[(Outcome::Success, 10)]));
        }
        assert_eq!(windows.slice_s(), 16);
        let slots = seen(&windows.rows()[0].success);
        assert_eq!(slots, (0..225).map(|window| (window, 16)).collect::<Vec<_>>());
        windows.add(u32::MAX, &interval(&[(Outcome::Success, 10)]));
        assert!(windows.rows()[0].success.slots().all(|slot| slot.window < MOST_WINDOWS));
    }

    #[test]
    fn the_ends_of_the_buckets() {
        for (nanos, number) in [(0, 0), (63, 63), (64, 64), (127, 127), (128, 128), (129, 128), (130, 129)] {
            assert_eq!(Bucket::of(Duration::from_nanos(nanos)).number(), number, "{nanos}");
        }
        assert_eq!(Bucket::of(Duration::MAX), Bucket::LAST);
        assert_eq!(Bucket::from_number(u64::from(Bucket::LAST.number()) + 1), None);
    }

    proptest! {
        #[test]
        fn a_time_lies_in_its_bucket(nanos in 0..u64::MAX >> 11) {
            let bucket = Bucket::of(Duration::from_nanos(nanos));
            let (low, width) = bucket.range();
            let time = nanos as f64;
            prop_assert!((low..low + width).contains(&time), "{nanos} {low} {width}");
            prop_assert!(width <= (low / 64.0).max(1.0));
            prop_assert_eq!(Bucket::from_number(bucket.number().into()), Some(bucket));
        }

        #[test]
        fn nothing_is_lost_by_halving(slots in prop::collection::vec((0..50_u32, 0..9_u64, 1..5_u64), 0..60)) {
            let slots: Vec<Slot> = slots
                .into_iter()
                .filter_map(|(window, bucket, count)| {
                    Some(Slot { window, bucket: Bucket::from_number(bucket)?, count })
                })
                .collect();
            let total: u64 = slots.iter().map(|slot| slot.count).sum();
            let mut cell = CellWindows::new(slots);
            cell.halve();
            prop_assert_eq!(cell.slots().map(|slot| slot.count).sum::<u64>(), total);
            let keys: Vec<_> = cell.slots().map(|slot| (slot.window, slot.bucket)).collect();
            prop_assert!(keys.is_sorted_by(|a, b| a < b), "each once, in order");
        }
    }
}
