//! What comparing needs of a run, and no more: small enough for a repository.

use crate::result::{GaugeResult, OutcomeResult, RowResult, RunResult, Series, WatchedResult};

/// The same record without what only reports show: seconds, examples, thresholds, the phases of requests.
pub fn baseline(result: RunResult) -> RunResult {
    let outcome = |outcome: OutcomeResult| OutcomeResult {
        ttfb: None,
        connect: None,
        tls: None,
        service_histogram: None,
        ..outcome
    };
    let row = |row: RowResult| RowResult { outcomes: row.outcomes.into_iter().map(outcome).collect(), ..row };
    let gauge = |gauge: GaugeResult| GaugeResult { values: Vec::new(), ..gauge };
    let watched = |watched: WatchedResult| WatchedResult {
        gauges: watched.gauges.into_iter().map(gauge).collect(),
        ..watched
    };
    RunResult {
        rows: result.rows.into_iter().map(row).collect(),
        causes: Vec::new(),
        thresholds: Vec::new(),
        series: Series::default(),
        monitor: result.monitor.into_iter().map(watched).collect(),
        ..result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Options, Side, Source, compare};
    use crate::result::sample_result;

    #[test]
    fn it_is_smaller_and_compares_the_same() {
        let whole = sample_result();
        let small = baseline(whole.clone());
        let length = |result: &RunResult| serde_json::to_string(result).unwrap().len();
        assert!(length(&small) < length(&whole), "{} {}", length(&small), length(&whole));
        assert_eq!(small.series, Series::default());
        let compared = |base: &RunResult| {
            let side = |name: &str, result: &RunResult| Side {
                name: name.into(),
                runs: vec![Source { from: "x".into(), result: result.clone() }],
            };
            compare(&[side("A", base), side("B", &whole)], Options::default(), &[])
        };
        assert_eq!(compared(&small), compared(&whole));
    }
}
