//! The figures that are compared: a rate, a share, a percentile, a mean.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sample::{Sample, Tally};

/// What is compared of the answers of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// Answers per second.
    Rate,
    /// Of the requests of the same steps that came to an outcome.
    Share,
    /// The response time that so many percent do not exceed.
    Percentile(f64),
    Mean,
}

/// What the values of a figure are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FigureUnit {
    /// A time.
    Milliseconds,
    /// A rate.
    PerSecond,
    /// Between 0 and 1.
    Share,
}

/// Which way of a figure is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    Lower,
    Higher,
    /// More seats that were taken already are neither better nor worse.
    Neither,
}

/// On which scale changes are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// By how many percent: logarithms are subtracted.
    Relative,
    /// By how many points.
    Absolute,
}

/// Samples beyond a percentile, and answers that make a rate: with fewer, it is decided by a handful.
const FEWEST_BEYOND: f64 = 5.0;
const FEWEST_OF_RATE: u64 = 10;

impl Figure {
    pub(super) fn name(self) -> String {
        match self {
            Figure::Rate => "rate".into(),
            Figure::Share => "share".into(),
            Figure::Percentile(percent) => format!("p{}", crate::units::trim_float(percent)),
            Figure::Mean => "avg".into(),
        }
    }

    pub(super) const fn unit(self) -> FigureUnit {
        match self {
            Figure::Rate => FigureUnit::PerSecond,
            Figure::Share => FigureUnit::Share,
            Figure::Percentile(_) | Figure::Mean => FigureUnit::Milliseconds,
        }
    }

    pub(super) const fn scale(self) -> Scale {
        match self {
            Figure::Share => Scale::Absolute,
            _ => Scale::Relative,
        }
    }

    /// In the figure's unit; none without samples.
    pub(super) fn value(self, sample: &Sample) -> Option<f64> {
        const NANOS_PER_MILLI: f64 = 1e6;
        match self {
            Figure::Rate => (sample.of > 0).then_some(sample.per_second),
            Figure::Share => sample.share(),
            Figure::Percentile(percent) => sample.percentile(percent).map(|nanos| nanos / NANOS_PER_MILLI),
            Figure::Mean => sample.mean().map(|nanos| nanos / NANOS_PER_MILLI),
        }
    }

    /// Of a draw, in whatever unit: only changes of it count. On the figure's scale.
    pub(super) fn drawn(self, tally: &Tally<'_>) -> Option<f64> {
        let value = match self {
            Figure::Rate => Some(tally.total()),
            Figure::Share => tally.share(),
            Figure::Percentile(percent) => tally.percentile(percent),
            Figure::Mean => tally.mean(),
        };
        self.on_scale(value?)
    }

    /// A value on the scale on which changes are looked at.
    pub(super) fn on_scale(self, value: f64) -> Option<f64> {
        match self.scale() {
            Scale::Absolute => Some(value),
            Scale::Relative => (value > 0.0).then(|| value.ln()),
        }
    }

    /// Whether there are enough samples to tell a change of this figure from chance.
    pub(super) fn has_enough(self, sample: &Sample) -> bool {
        match self {
            Figure::Rate | Figure::Mean => sample.count >= FEWEST_OF_RATE,
            Figure::Share => true,
            Figure::Percentile(percent) => sample.count as f64 * (1.0 - percent / 100.0) >= FEWEST_BEYOND,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_thresholds() {
        let table =
            [(Figure::Percentile(99.9), "p99.9"), (Figure::Percentile(50.0), "p50"), (Figure::Mean, "avg")];
        for (figure, name) in table {
            assert_eq!(figure.name(), name);
        }
    }
}
