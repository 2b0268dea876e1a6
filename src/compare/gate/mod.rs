//! `--fail-if`: a change that shall not be.
//!
//! A gate is broken where what was measured is beyond its limit, and the change itself is no chance: its interval
//! lies on the limit's side of no change. Where there is too little for an interval, what was measured decides.

mod parse;

pub use parse::{Names, parse};

use super::change::{Change, changes};
use super::figure::{Figure, FigureUnit, Goal};
use super::record::{GateResult, GateState};
use super::runs::Cell;
use super::{Comparer, Measured};
use crate::result::OutcomeKind;
use crate::scenario::threshold::{Metric, OutcomeFilter};

/// A condition under which a comparison fails.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// As it was written.
    pub text: String,
    pub(super) which: Which,
    pub(super) figure: Figure,
    pub(super) comparison: Beyond,
    pub(super) limit: Limit,
}

/// Which answers count.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Which {
    pub(super) metric: GateMetric,
    /// Names; none means all.
    pub(super) steps: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) scenarios: Vec<String>,
    pub(super) outcome: Option<OutcomeFilter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GateMetric {
    Latency,
    Requests,
    Failures,
    Business,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// How much a figure may change; negative where it says `-`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    /// Of the first side's value: 0.1 is ten percent more.
    Relative(f64),
    /// In the figure's unit.
    Absolute(f64),
}

impl GateMetric {
    pub(super) const fn of(metric: Metric) -> Option<GateMetric> {
        match metric {
            Metric::Latency => Some(GateMetric::Latency),
            Metric::Requests => Some(GateMetric::Requests),
            Metric::Failures => Some(GateMetric::Failures),
            Metric::Business => Some(GateMetric::Business),
            _ => None,
        }
    }

    const fn goal(self) -> Goal {
        match self {
            GateMetric::Latency | GateMetric::Failures => Goal::Lower,
            GateMetric::Requests => Goal::Higher,
            GateMetric::Business => Goal::Neither,
        }
    }
}

impl Beyond {
    /// Whether `value` is on the forbidden side of `limit`.
    fn forbids(self, value: f64, limit: f64) -> bool {
        match self {
            Beyond::Above => value > limit,
            Beyond::AtLeast => value >= limit,
            Beyond::Below => value < limit,
            Beyond::AtMost => value <= limit,
        }
    }

    const fn is_upward(self) -> bool {
        matches!(self, Beyond::Above | Beyond::AtLeast)
    }
}

impl Limit {
    const fn amount(self) -> f64 {
        match self {
            Limit::Relative(amount) | Limit::Absolute(amount) => amount,
        }
    }
}

impl Which {
    /// Whether the cell is of a step that counts.
    fn step(&self, cell: &Cell) -> bool {
        let any = |wanted: &[String], name: &String| wanted.is_empty() || wanted.contains(name);
        any(&self.steps, &cell.step.step)
            && any(&self.scenarios, &cell.step.scenario)
            && (self.groups.is_empty() || cell.groups.iter().any(|group| self.groups.contains(group)))
    }

    /// Whether its outcome counts as well.
    fn outcome(&self, cell: &Cell) -> bool {
        let of_metric = match self.metric {
            GateMetric::Latency | GateMetric::Requests => true,
            GateMetric::Failures => cell.kind == OutcomeKind::Failure,
            GateMetric::Business => cell.kind == OutcomeKind::Business,
        };
        let default = match self.metric {
            GateMetric::Latency => OutcomeFilter::Success,
            GateMetric::Requests | GateMetric::Failures | GateMetric::Business => OutcomeFilter::Any,
        };
        let named = match self.outcome.as_ref().unwrap_or(&default) {
            OutcomeFilter::Any => true,
            OutcomeFilter::Success => cell.kind == OutcomeKind::Success,
            OutcomeFilter::Business => cell.kind == OutcomeKind::Business,
            OutcomeFilter::Failure => cell.kind == OutcomeKind::Failure,
            OutcomeFilter::Answered => cell.kind != OutcomeKind::Failure,
            // `timeout` means `timeout (wait)` as well.
            OutcomeFilter::Named(name) => {
                cell.outcome == *name
                    || (cell.kind == OutcomeKind::Failure && cell.outcome.split(' ').next() == Some(name))
            }
        };
        of_metric && named
    }
}

impl Comparer<'_> {
    /// A gate for each side but the first; the sides are named by the caller.
    pub(super) fn gate(&self, gate: &Gate) -> Vec<GateResult> {
        let which = &gate.which;
        let measured = self.measured(|cell| which.step(cell) && which.outcome(cell), |cell| which.step(cell));
        let Some((base, others)) = measured.split_first() else { return Vec::new() };
        let judge = |other: &Measured| {
            let wanted = [(gate.figure, which.metric.goal())];
            let change = changes(&wanted, base, other, self.rules).into_iter().next()?;
            Some(GateResult {
                text: gate.text.clone(),
                side: String::new(),
                state: gate.state(&change),
                unit: gate.figure.unit(),
                before: gate.figure.value(&base.pooled),
                after: gate.figure.value(&other.pooled),
                change,
            })
        };
        others.iter().filter_map(judge).collect()
    }
}

impl Gate {
    fn state(&self, change: &Change) -> GateState {
        let changed = match self.limit {
            // Twice nothing is nothing; anything else is more than any percentage of it.
            Limit::Relative(_) => change.relative.or(change.absolute.map(|by| by * f64::INFINITY)),
            Limit::Absolute(limit) if self.figure.unit() == FigureUnit::Share => {
                // Shares are measured in counts: what is written with one digit shall not fail by the seventeenth.
                change.absolute.map(|by| if (by - limit).abs() < 1e-12 { limit } else { by })
            }
            Limit::Absolute(_) => change.absolute,
        };
        // Without samples nothing says that it holds.
        let Some(changed) = changed.filter(|changed| !changed.is_nan()) else { return GateState::Broken };
        if !self.comparison.forbids(changed, self.limit.amount()) {
            return GateState::Held;
        }
        // A gate that asks for an improvement has nothing to prove.
        let amount = self.limit.amount();
        let forbids_change = if self.comparison.is_upward() { amount >= 0.0 } else { amount <= 0.0 };
        match change.interval {
            Some(interval) if forbids_change => {
                let is_sure =
                    if self.comparison.is_upward() { interval.low > 0.0 } else { interval.high < 0.0 };
                if is_sure { GateState::Broken } else { GateState::Unsure }
            }
            _ => GateState::Broken,
        }
    }
}
