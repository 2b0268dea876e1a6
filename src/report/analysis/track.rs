//! What changed in the course of a run, as tracks of one value for each second: what charts draw, and where turning
//! points are looked for.

use crate::result::{LoadModel, RunResult, StageResult};

/// What the values of a track are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    Number,
    PerSecond,
    Millis,
    /// Between 0 and 1; of several cores more.
    Share,
    Bytes,
    BytesPerSecond,
}

/// What becomes of several seconds where a chart has room for one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Combine {
    Mean,
    /// The greatest: a bad second must not be smoothed away.
    Worst,
}

/// One value for each place of `series.at_s`; none where there was nothing to measure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Track {
    pub(crate) measure: Measure,
    pub(crate) combine: Combine,
    pub(crate) values: Vec<Option<f64>>,
}

impl Track {
    pub(crate) fn counts(values: &[u64]) -> Track {
        let values = values.iter().map(|value| Some(*value as f64)).collect();
        Track { measure: Measure::PerSecond, combine: Combine::Mean, values }
    }

    /// Milliseconds.
    pub(crate) fn times(values: &[Option<f64>]) -> Track {
        Track { measure: Measure::Millis, combine: Combine::Worst, values: values.to_vec() }
    }

    pub(crate) fn new(measure: Measure, combine: Combine, values: Vec<Option<f64>>) -> Track {
        Track { measure, combine, values }
    }

    /// Whether anything but zero was ever measured.
    pub(crate) fn is_there(&self) -> bool {
        self.values.iter().flatten().any(|value| *value > 0.0)
    }
}

/// The load that was planned: users of all scenarios of the closed model at the end of each second, as they are
/// counted; or arrivals per second of those of the open one, in its middle. None where the plan is not one over time.
pub(crate) fn planned(result: &RunResult, model: LoadModel) -> Option<Vec<Option<f64>>> {
    let scenarios: Vec<&[StageResult]> = result
        .scenarios
        .iter()
        .filter(|scenario| scenario.model == model)
        .map(|scenario| scenario.stages.as_slice())
        .collect();
    if scenarios.is_empty() || scenarios.iter().any(|stages| stages.is_empty()) {
        return None;
    }
    let at = |second: &u32| {
        let moment = f64::from(*second) + if model == LoadModel::Closed { 0.999 } else { 0.5 };
        let values = scenarios.iter().filter_map(|stages| value_at(stages, moment));
        values.reduce(|sum, value| sum + value)
    };
    Some(result.series.at_s.iter().map(at).collect())
}

/// None outside of the stages.
fn value_at(stages: &[StageResult], at: f64) -> Option<f64> {
    let stage = stages.iter().find(|stage| (stage.from_s..stage.to_s).contains(&at))?;
    let part = (at - stage.from_s) / (stage.to_s - stage.from_s);
    Some(stage.from + (stage.to - stage.from) * part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::business_heavy;

    #[test]
    fn the_plan_is_that_of_all_scenarios_of_a_model() {
        let mut result = business_heavy();
        result.series.at_s = vec![0, 4, 5, 9, 10];
        assert_eq!(planned(&result, LoadModel::Closed), None, "a fixed number of iterations has no course");
        let stage = |from_s, to_s, from, to| StageResult { name: None, from_s, to_s, from, to };
        result.scenarios[0].stages = vec![stage(0.0, 5.0, 0.0, 50.0), stage(5.0, 10.0, 50.0, 50.0)];
        let mut second = result.scenarios[0].clone();
        second.stages = vec![stage(0.0, 5.0, 10.0, 10.0)];
        result.scenarios.push(second);
        let users = planned(&result, LoadModel::Closed).unwrap();
        let rounded: Vec<_> = users.iter().map(|value| value.map(f64::round)).collect();
        assert_eq!(rounded, [Some(20.0), Some(60.0), Some(50.0), Some(50.0), None]);
        assert_eq!(planned(&result, LoadModel::Open), None);
        result.scenarios.iter_mut().for_each(|scenario| scenario.model = LoadModel::Open);
        assert_eq!(planned(&result, LoadModel::Open).unwrap()[0], Some(15.0));
    }
}
