//! The heat map of a page: how long answers took in the course of the load, out of the windows of a result.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::metrics::{Bucket, CellWindows};
use crate::result::{OutcomeKind, RunResult, decode_windows};

/// How many columns a page has at most.
const MOST: u32 = 120;
/// Fields to each doubling of a time: neighbours differ by 19 %.
const PER_DOUBLING: f64 = 4.0;

/// Field `n` holds times from `2^(n/4)` up to `2^((n+1)/4)` microseconds, and field 0 shorter ones too.
#[derive(Debug, Serialize)]
pub(super) struct HeatData {
    /// Seconds that one column covers.
    pub(super) slice_s: u32,
    pub(super) kinds: Vec<HeatKind>,
}

#[derive(Debug, Serialize)]
pub(super) struct HeatKind {
    label: &'static str,
    color: &'static str,
    /// For each column its first field, and the counts from there on; empty where nothing ended.
    columns: Vec<Vec<u64>>,
}

/// Counts by field, for each window.
type Windows = BTreeMap<u32, BTreeMap<u32, u64>>;

/// None where the record has none: it is of an older version, or nothing was answered.
pub(super) fn heat(result: &RunResult, labels: [&'static str; 3]) -> Option<HeatData> {
    let window_s = result.window_s.filter(|length| *length > 0)?;
    let kinds = [
        (OutcomeKind::Success, "success"),
        (OutcomeKind::Business, "business"),
        (OutcomeKind::Failure, "failure"),
    ];
    let all = kinds.map(|(kind, _)| windows(result, kind));
    let last = all.iter().filter_map(|windows| windows.keys().next_back()).max()?;
    let number = last + 1;
    let together = number.div_ceil(MOST).max(1);
    let kinds = all.iter().zip(labels).zip(kinds.map(|(_, color)| color));
    let kinds = kinds
        .filter(|((windows, _), _)| !windows.is_empty())
        .map(|((windows, label), color)| HeatKind {
            label,
            color,
            columns: columns(windows, number, together),
        })
        .collect();
    Some(HeatData { slice_s: window_s.saturating_mul(together), kinds })
}

/// All outcomes of a kind, but those of optional steps, which are in no total either. What cannot be read is left out: a report goes without it.
fn windows(result: &RunResult, kind: OutcomeKind) -> Windows {
    let mut windows = Windows::new();
    let rows = result.rows.iter().filter(|row| !row.optional);
    let outcomes = rows.flat_map(|row| &row.outcomes).filter(|outcome| outcome.kind == kind);
    let cells = outcomes.filter_map(|outcome| decode_windows(outcome.response_windows.as_ref()?).ok());
    for slot in cells.collect::<Vec<CellWindows>>().iter().flat_map(CellWindows::slots) {
        let counts = windows.entry(slot.window).or_default();
        *counts.entry(field(slot.bucket)).or_default() += slot.count;
    }
    windows
}

fn field(bucket: Bucket) -> u32 {
    let (from, width) = bucket.range();
    let micros = (from + width / 2.0) / 1e3;
    // What is below a microsecond has a negative logarithm, and lands in field 0.
    (micros.log2() * PER_DOUBLING).max(0.0) as u32
}

fn columns(windows: &Windows, number: u32, together: u32) -> Vec<Vec<u64>> {
    let column = |number: u32| {
        let mut sum: BTreeMap<u32, u64> = BTreeMap::new();
        for (field, count) in
            windows.range(number * together..(number + 1) * together).flat_map(|(_, one)| one)
        {
            *sum.entry(*field).or_default() += count;
        }
        let (Some((first, _)), Some((last, _))) = (sum.first_key_value(), sum.last_key_value()) else {
            return Vec::new();
        };
        let counts = (*first..=*last).map(|field| sum.get(&field).copied().unwrap_or(0));
        std::iter::once(u64::from(*first)).chain(counts).collect()
    };
    (0..number.div_ceil(together)).map(column).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Slot;
    use crate::report::samples::business_heavy;
    use crate::result::encode_windows;

    const LABELS: [&str; 3] = ["success", "business", "failure"];

    /// A result whose first step had as many successes in a window as stand there, of so many microseconds.
    fn with(window_s: u32, slots: &[(u32, u64, u64)]) -> RunResult {
        let mut result = business_heavy();
        let slot = |&(window, micros, count): &(u32, u64, u64)| Slot {
            window,
            bucket: Bucket::of(Duration::from_micros(micros)),
            count,
        };
        let windows = CellWindows::new(slots.iter().map(slot).collect());
        result.window_s = Some(window_s);
        result.rows[0].outcomes[0].response_windows = encode_windows(&windows);
        result
    }

    #[test]
    fn columns_are_runs_of_counts() {
        let heat = heat(&with(1, &[(0, 1030, 7), (0, 1740, 1), (2, 1300, 2), (2, 0, 3)]), LABELS).unwrap();
        assert_eq!((heat.slice_s, heat.kinds.len()), (1, 1));
        let [first, none, last] = heat.kinds[0].columns.as_slice() else { panic!("{heat:?}") };
        assert_eq!((first.as_slice(), none.as_slice()), ([40, 7, 0, 0, 1].as_slice(), [].as_slice()));
        assert_eq!((last[0], last[1], last.last(), last.len()), (0, 3, Some(&2), 43));
    }

    #[test]
    fn a_long_run_has_fewer_columns_and_as_many_answers() {
        let slots: Vec<(u32, u64, u64)> = (0..240).map(|window| (window, 1030, 5)).collect();
        let heat = heat(&with(16, &slots), LABELS).unwrap();
        assert_eq!((heat.slice_s, heat.kinds[0].columns.len()), (32, 120));
        assert!(heat.kinds[0].columns.iter().all(|column| column == &[40, 10]));
    }

    #[test]
    fn what_is_not_there_is_not_drawn() {
        assert!(heat(&business_heavy(), LABELS).is_none());
        let mut broken = with(1, &[(0, 1030, 7)]);
        broken.rows[0].outcomes[0].response_windows = Some("no windows".into());
        assert!(heat(&broken, LABELS).is_none());
        broken.window_s = None;
        assert!(heat(&broken, LABELS).is_none());
    }
}
