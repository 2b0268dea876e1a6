//! The heat map of a page: the record's, with fewer columns where there are many.

use serde::Serialize;

use crate::result::{HeatCells, RunResult};

/// How many columns a page has at most.
const MOST: u32 = 120;

/// Bucket `n` holds times from `2^(n/4)` up to `2^((n+1)/4)` microseconds.
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
    /// For each column its first bucket, and the counts from there on; empty where nothing ended.
    columns: Vec<Vec<u64>>,
}

/// None where the record has none: it is older, or nothing was answered.
pub(super) fn heat(result: &RunResult, labels: [&'static str; 3]) -> Option<HeatData> {
    let map = &result.heat_map;
    if map.slice_s == 0 {
        return None;
    }
    let all = [&map.success, &map.business, &map.failure];
    let last = all.iter().filter_map(|cells| cells.column.iter().max()).max()?;
    let together = (last + 1).div_ceil(MOST).max(1);
    let kinds = all.into_iter().zip(labels).zip(["success", "business", "failure"]);
    let kinds = kinds
        .filter(|((cells, _), _)| !cells.count.is_empty())
        .map(|((cells, label), color)| HeatKind { label, color, columns: columns(cells, last + 1, together) })
        .collect();
    Some(HeatData { slice_s: map.slice_s.saturating_mul(together), kinds })
}

fn columns(cells: &HeatCells, number: u32, together: u32) -> Vec<Vec<u64>> {
    let mut columns: Vec<std::collections::BTreeMap<u32, u64>> = Vec::new();
    columns.resize_with(number.div_ceil(together) as usize, Default::default);
    for ((column, bucket), count) in cells.column.iter().zip(&cells.bucket).zip(&cells.count) {
        if let Some(column) = columns.get_mut((column / together) as usize) {
            *column.entry(*bucket).or_default() += count;
        }
    }
    let dense = |column: &std::collections::BTreeMap<u32, u64>| {
        let (Some((first, _)), Some((last, _))) = (column.first_key_value(), column.last_key_value()) else {
            return Vec::new();
        };
        let counts = (*first..=*last).map(|bucket| column.get(&bucket).copied().unwrap_or(0));
        std::iter::once(u64::from(*first)).chain(counts).collect()
    };
    columns.iter().map(dense).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::business_heavy;
    use crate::result::HeatMap;

    const LABELS: [&str; 3] = ["success", "business", "failure"];

    #[test]
    fn columns_are_runs_of_counts() {
        let mut result = business_heavy();
        let success = HeatCells { column: vec![0, 0, 2], bucket: vec![40, 43, 41], count: vec![7, 1, 2] };
        result.heat_map = HeatMap { slice_s: 1, success, ..HeatMap::default() };
        let heat = heat(&result, LABELS).unwrap();
        assert_eq!((heat.slice_s, heat.kinds.len()), (1, 1));
        assert_eq!(heat.kinds[0].columns, [vec![40, 7, 0, 0, 1], vec![], vec![41, 2]]);
    }

    #[test]
    fn a_long_run_has_fewer_columns_and_as_many_answers() {
        let mut result = business_heavy();
        let success = HeatCells { column: (0..240).collect(), bucket: vec![40; 240], count: vec![5; 240] };
        result.heat_map = HeatMap { slice_s: 16, success, ..HeatMap::default() };
        let heat = heat(&result, LABELS).unwrap();
        assert_eq!((heat.slice_s, heat.kinds[0].columns.len()), (32, 120));
        assert!(heat.kinds[0].columns.iter().all(|column| column == &[40, 10]));
    }

    #[test]
    fn what_is_not_there_is_not_drawn() {
        assert!(heat(&business_heavy(), LABELS).is_none());
    }
}
