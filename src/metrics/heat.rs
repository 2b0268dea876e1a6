//! How response times spread in the course of a run: the data of a heat map, in bounded memory.

use std::collections::BTreeMap;
use std::time::Duration;

use super::recorder::{Cell, RowRecord, Staged};

/// At most so many columns are kept. When there would be more, each two become one.
const MOST_COLUMNS: usize = 240;
/// Buckets to each doubling of a time: neighbours differ by 19 %.
const PER_DOUBLING: f64 = 4.0;
/// The bucket of whatever takes longer than an hour.
const LAST: u16 = 127;

/// Counts of response times by column of time and bucket of length, for each kind of outcome.
///
/// Bucket `n` holds times from `2^(n/4)` up to `2^((n+1)/4)` microseconds; what is shorter is in bucket 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Heat {
    slice_s: u32,
    columns: Vec<HeatColumn>,
}

/// What ended within one slice of time: counts by bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeatColumn {
    pub success: BTreeMap<u16, u64>,
    pub business: BTreeMap<u16, u64>,
    pub failure: BTreeMap<u16, u64>,
}

impl Default for Heat {
    fn default() -> Self {
        Heat { slice_s: 1, columns: Vec::new() }
    }
}

impl Heat {
    /// Adds what `interval` measured in the second that began `second` seconds into the load.
    pub fn add(&mut self, second: u32, interval: &Staged) {
        let column = self.column(second);
        for row in interval.of(&[]).flat_map(|recorder| &recorder.rows) {
            let RowRecord { success, business, failures, .. } = row;
            count(&mut column.success, success);
            business.iter().for_each(|cell| count(&mut column.business, cell));
            failures.iter().for_each(|(_, cell)| count(&mut column.failure, cell));
        }
    }

    /// How many seconds one column covers.
    pub fn slice_s(&self) -> u32 {
        self.slice_s
    }

    /// The columns, the first one beginning with the load.
    pub fn columns(&self) -> &[HeatColumn] {
        &self.columns
    }

    fn column(&mut self, second: u32) -> &mut HeatColumn {
        while (second / self.slice_s) as usize >= MOST_COLUMNS {
            self.halve();
        }
        let index = (second / self.slice_s) as usize;
        if self.columns.len() <= index {
            self.columns.resize_with(index + 1, HeatColumn::default);
        }
        &mut self.columns[index]
    }

    fn halve(&mut self) {
        self.slice_s *= 2;
        let mut halved = Vec::with_capacity(self.columns.len().div_ceil(2));
        for pair in self.columns.chunks(2) {
            let mut sum = HeatColumn::default();
            pair.iter().for_each(|column| sum.add(column));
            halved.push(sum);
        }
        self.columns = halved;
    }
}

impl HeatColumn {
    fn add(&mut self, other: &HeatColumn) {
        for (into, from) in [
            (&mut self.success, &other.success),
            (&mut self.business, &other.business),
            (&mut self.failure, &other.failure),
        ] {
            from.iter().for_each(|(bucket, count)| *into.entry(*bucket).or_default() += count);
        }
    }
}

fn count(into: &mut BTreeMap<u16, u64>, cell: &Cell) {
    cell.response.each(|time, count| *into.entry(bucket(time)).or_default() += count);
}

fn bucket(time: Duration) -> u16 {
    let micros = time.as_nanos() as f64 / 1e3;
    // What is below a microsecond has a negative logarithm, or none, and lands in bucket 0.
    ((micros.log2() * PER_DOUBLING).max(0.0) as u16).min(LAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Exchange;
    use crate::outcome::{Cause, Outcome};
    use crate::scenario::model::{Catalog, RowId, RowInfo};

    fn interval(outcomes: &[(Outcome, u64)]) -> Staged {
        let row =
            RowInfo { name: "a".into(), scenario: 0, groups: Vec::new(), business: vec!["taken".into()] };
        let mut interval = Staged::new(&Catalog { rows: vec![row], ..Catalog::default() }, 1);
        for (outcome, micros) in outcomes {
            let exchange = Exchange { response: Duration::from_micros(*micros), ..Exchange::default() };
            interval.at(None).answer(RowId(0), *outcome, &exchange);
        }
        interval
    }

    #[test]
    fn buckets_double_every_four() {
        let table = [(0, 0), (1, 0), (2, 4), (3, 6), (1024, 40), (1_048_576, 80), (u64::MAX / 2000, 127)];
        for (micros, expected) in table {
            assert_eq!(bucket(Duration::from_micros(micros)), expected, "{micros}");
        }
    }

    #[test]
    fn each_outcome_has_its_own_counts() {
        let mut heat = Heat::default();
        let refused = Outcome::Failure(Cause::Refused);
        heat.add(2, &interval(&[(Outcome::Success, 1024), (Outcome::Business(0), 2), (refused, 4)]));
        heat.add(2, &interval(&[(Outcome::Success, 1030)]));
        assert_eq!(heat.columns().len(), 3, "seconds without anything have their columns");
        assert_eq!(heat.columns()[0], HeatColumn::default());
        let column = &heat.columns()[2];
        assert_eq!(column.success, BTreeMap::from([(40, 2)]));
        assert_eq!(column.business, BTreeMap::from([(4, 1)]));
        assert_eq!(column.failure, BTreeMap::from([(8, 1)]));
    }

    #[test]
    fn a_long_run_has_no_more_columns_than_a_short_one() {
        let mut heat = Heat::default();
        for second in 0..3601 {
            heat.add(second, &interval(&[(Outcome::Success, 1024)]));
        }
        assert_eq!(heat.slice_s(), 16);
        assert_eq!(heat.columns().len(), 226);
        let counted: u64 = heat.columns().iter().flat_map(|column| column.success.values()).sum();
        assert_eq!(counted, 3601);
        assert_eq!(heat.columns()[3].success[&40], 16);
        // A second far off leaves no more than the same number either.
        heat.add(u32::MAX, &interval(&[(Outcome::Success, 1)]));
        assert!(heat.columns().len() <= MOST_COLUMNS);
    }
}
