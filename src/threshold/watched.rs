//! Judges what was watched: figures of single seconds, and where they go.

use super::judge::{Data, Measured, NO_SAMPLES, NOT_FOR_THIS_METRIC};
use crate::metrics::Figures;
use crate::scenario::monitor::Gauge;
use crate::scenario::threshold::{Aggregate, Threshold};
use crate::trend::trend;

/// The aggregate over the seconds of the load that the filter wants; draining is no part of it.
pub(super) fn measure(threshold: &Threshold, source: u16, gauge: Gauge, data: &Data<'_>) -> Measured {
    let source = data.watched.sources.get(usize::from(source)).ok_or("it was not watched")?;
    let stages = &threshold.filter.stages;
    let seconds = source.of(gauge).filter(|(second, _)| data.load.has_second(*second, stages));
    if threshold.aggregate == Aggregate::Slope {
        // A stage that is named is steady enough for whoever named it.
        let points = seconds.filter(|(second, _)| !stages.is_empty() || data.load.is_steady(*second));
        let points: Vec<(f64, f64)> = points.map(|(second, value)| (f64::from(second), value)).collect();
        let trend = trend(&points).ok_or("too few seconds to tell a slope")?;
        return Ok((trend.slope * 60.0, points.len() as u64));
    }
    let figures = Figures::new(seconds.map(|(_, value)| value));
    let value = match threshold.aggregate {
        Aggregate::Percentile(percent) => figures.percentile(percent),
        Aggregate::Average => figures.average(),
        Aggregate::Minimum => figures.percentile(0.0),
        Aggregate::Maximum => figures.percentile(100.0),
        Aggregate::Last => figures.last(),
        Aggregate::Count | Aggregate::Rate | Aggregate::Drift | Aggregate::Slope => {
            return Err(NOT_FOR_THIS_METRIC);
        }
    };
    value.map(|value| (value, figures.count())).ok_or(NO_SAMPLES)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::LoadTime;
    use super::super::judge::judge;
    use super::*;
    use crate::metrics::{Staged, Watched};
    use crate::scenario::model::{Catalog, StageId};
    use crate::scenario::threshold::{Comparison, Filter, Metric};

    const MEMORY: Metric = Metric::Watched { source: 1, gauge: Gauge::Memory };

    /// What an aggregate comes to over a load of 100 s with a stage from 20 s to 30 s. Memory is 1000 at first
    /// and grows by two a second; from 90 s on it is that of a target which drains.
    fn observed(metric: Metric, aggregate: Aggregate, stages: &[StageId]) -> Result<(f64, u64), String> {
        let mut watched = Watched::new(2);
        for second in 0..110 {
            let value = if second < 100 { 1000.0 + 2.0 * f64::from(second) } else { 9e9 };
            watched.sources[1].record(second, Gauge::Memory, value);
        }
        let threshold = Threshold {
            text: String::new(),
            metric,
            filter: Filter { stages: stages.to_vec(), ..Filter::default() },
            aggregate,
            comparison: Comparison::Less,
            limit: 0.0,
            abort: false,
            after: Duration::ZERO,
            over: None,
            implied: false,
            line: None,
        };
        let load = LoadTime::for_tests(&[(0, 100)], &[&[(20, 30)]]);
        let totals = Staged::new(&Catalog::default(), 1);
        let data = Data { totals: &totals, load: &load, seconds: &[], watched: &watched };
        let judgement = judge(&threshold, &Catalog::default(), &data);
        judgement.observed.map(|value| (value, judgement.samples)).ok_or(judgement.reason.unwrap_or_default())
    }

    #[test]
    fn aggregates_are_those_of_the_load() {
        for (aggregate, value, samples) in [
            (Aggregate::Minimum, 1000.0, 100),
            (Aggregate::Maximum, 1198.0, 100),
            (Aggregate::Last, 1198.0, 100),
            (Aggregate::Average, 1099.0, 100),
            (Aggregate::Percentile(50.0), 1098.0, 100),
            // Without the first tenth, and the second in which the load ended.
            (Aggregate::Slope, 120.0, 89),
        ] {
            assert_eq!(observed(MEMORY, aggregate, &[]), Ok((value, samples)), "{aggregate:?}");
        }
    }

    #[test]
    fn a_stage_has_its_own() {
        let stage = [StageId(0)];
        assert_eq!(observed(MEMORY, Aggregate::Minimum, &stage), Ok((1040.0, 10)));
        assert_eq!(observed(MEMORY, Aggregate::Last, &stage), Ok((1058.0, 10)));
        assert_eq!(observed(MEMORY, Aggregate::Slope, &stage), Ok((120.0, 10)));
    }

    #[test]
    fn without_figures_nothing_is_met() {
        let cpu = Metric::Watched { source: 1, gauge: Gauge::Cpu };
        assert_eq!(observed(cpu, Aggregate::Maximum, &[]), Err("no samples".into()));
        assert_eq!(observed(cpu, Aggregate::Slope, &[]), Err("too few seconds to tell a slope".into()));
        let absent = Metric::Watched { source: 7, gauge: Gauge::Cpu };
        assert_eq!(observed(absent, Aggregate::Maximum, &[]), Err("it was not watched".into()));
        assert!(observed(MEMORY, Aggregate::Rate, &[]).is_err());
    }
}
