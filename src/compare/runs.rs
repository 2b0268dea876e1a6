//! Runs as comparing needs them: histograms and windows decoded, windows of one length.

use hdrhistogram::Histogram;

use crate::metrics::CellWindows;
use crate::result::{OutcomeKind, RunResult, decode_histogram, decode_windows};

/// One run, decoded.
#[derive(Debug)]
pub(super) struct Run {
    /// Windows under load; what ended later belongs to the last of them.
    pub(super) windows: usize,
    pub(super) cells: Vec<Cell>,
}

/// One outcome of one step.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) step: StepName,
    /// Left out of all that does not name its step or one of its groups.
    pub(super) optional: bool,
    /// The groups by which it can be chosen: of an optional step, those that are optional too.
    pub(super) groups: Vec<String>,
    pub(super) kind: OutcomeKind,
    pub(super) outcome: String,
    pub(super) count: u64,
    pub(super) per_second: f64,
    /// All response times in nanoseconds.
    pub(super) exact: Option<Histogram<u64>>,
    /// None where the record holds no windows, or none that can be read.
    pub(super) windows: Option<CellWindows>,
}

/// Steps of one name in two scenarios are two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StepName {
    pub(super) scenario: String,
    pub(super) step: String,
}

impl Run {
    /// With windows of `window_s` seconds, where those of the record can be made so.
    pub(super) fn new(result: &RunResult, window_s: u32) -> Run {
        let halvings = halvings(result.window_s, window_s);
        let mut cells = Vec::new();
        for row in &result.rows {
            let is_optional = |name: &String| {
                result
                    .groups
                    .iter()
                    .any(|group| group.optional && group.name == *name && group.scenario == row.scenario)
            };
            let groups: Vec<String> =
                row.groups.iter().filter(|group| !row.optional || is_optional(group)).cloned().collect();
            for outcome in &row.outcomes {
                let windows = match &outcome.response_windows {
                    Some(text) => decode_windows(text).ok(),
                    // Nothing came, so nothing was written.
                    None if outcome.count == 0 => Some(CellWindows::default()),
                    None => None,
                };
                let windows = windows.zip(halvings).map(|(mut windows, halvings)| {
                    (0..halvings).for_each(|_| windows.halve());
                    windows
                });
                cells.push(Cell {
                    step: StepName { scenario: row.scenario.clone(), step: row.name.clone() },
                    optional: row.optional,
                    groups: groups.clone(),
                    kind: outcome.kind,
                    outcome: outcome.name.clone(),
                    count: outcome.count,
                    per_second: outcome.rate_per_s,
                    exact: outcome.response_histogram.as_deref().and_then(decode_histogram),
                    windows,
                });
            }
        }
        Run { windows: windows_of(result, window_s), cells }
    }
}

/// How many windows of `window_s` seconds there are under load: eleven in 10.3 s, ten in 10.0 s.
pub(super) fn windows_of(result: &RunResult, window_s: u32) -> usize {
    let windows = (result.load_s / f64::from(window_s.max(1)) - 1e-6).ceil().max(0.0) as usize;
    windows.min(MOST)
}

/// More windows than a record can hold; a load said to be years long shall not fill the memory.
const MOST: usize = 1000;

/// The longest windows of all runs: the others can be made as long.
pub(super) fn common_window<'a>(results: impl Iterator<Item = &'a RunResult>) -> u32 {
    results.filter_map(|result| result.window_s).max().unwrap_or(1).max(1)
}

/// How often windows of one length are to be halved in number to be of the other.
fn halvings(from: Option<u32>, to: u32) -> Option<u32> {
    let from = from.filter(|from| *from > 0)?;
    let times = to / from;
    (to.is_multiple_of(from) && times.is_power_of_two()).then(|| times.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_made_as_long_as_the_longest() {
        let table = [(Some(1), 1, Some(0)), (Some(2), 8, Some(2)), (Some(8), 2, None), (Some(3), 8, None)];
        for (from, to, times) in table {
            assert_eq!(halvings(from, to), times, "{from:?} {to}");
        }
        assert_eq!(halvings(None, 1), None);
        assert_eq!(halvings(Some(0), 1), None);
    }
}
