//! Judges one threshold on what was measured: a pure function, the same for a whole run and for a window.
//!
//! Where there are no samples nothing is met, but for counts: none of something is 0 of it.

use std::time::Duration;

use super::breaches::Breach;
use super::load_time::LoadTime;
use super::wanted::{
    wants_business, wants_cause, wants_check, wants_group, wants_poll, wants_row, wants_scenario,
};
use super::watched;
use crate::metrics::{
    Amounts, Cell, Custom, PollRecord, Recorder, RowRecord, ScenarioRecord, Second, Staged, Times, Tried,
    Watched,
};
use crate::outcome::Cause;
use crate::scenario::model::{Catalog, PollInfo, PollKind, RowInfo};
use crate::scenario::threshold::{Aggregate, Comparison, Filter, Metric, OutcomeFilter, Threshold};

/// What a threshold is judged on: a whole run, or a window of it.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    pub totals: &'a Staged,
    /// The time under load within the same stretch.
    pub load: &'a LoadTime,
    /// Read by `drift` alone.
    pub seconds: &'a [Second],
    /// Read by metrics of what is watched.
    pub watched: &'a Watched,
}

/// What came of a threshold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// In the metric's own unit: seconds for times, a share (0..1) for shares, else a plain number.
    pub observed: Option<f64>,
    pub met: bool,
    /// How many samples the value rests on.
    pub samples: u64,
    /// Why it is not met, where the value alone does not say it: `no samples`.
    pub reason: Option<String>,
    /// When in the load it was first broken, for those that are watched during the run.
    pub broken_at: Option<Duration>,
    /// It ended the run.
    pub aborted: bool,
    /// When the figures of single seconds broke it, met or not.
    pub breaches: Vec<Breach>,
}

/// A value and the number of samples behind it, or why there is none.
pub(super) type Measured = Result<(f64, u64), &'static str>;

pub(super) const NO_SAMPLES: &str = "no samples";
pub(super) const NOT_FOR_THIS_METRIC: &str = "this metric has no such aggregate";

/// What one threshold looks at, taken out of everything that was measured: little enough to be kept for each
/// second of a window.
#[derive(Debug, Clone)]
pub(super) enum Gathered {
    Times(Times),
    Amounts(Amounts),
    Count { sum: f64, samples: u64 },
    Share { part: u64, whole: u64 },
}

pub fn judge(threshold: &Threshold, catalog: &Catalog, data: &Data<'_>) -> Judgement {
    match measure(threshold, catalog, data) {
        Ok((observed, samples)) => Judgement {
            observed: Some(observed),
            met: holds(observed, threshold.comparison, threshold.limit),
            samples,
            ..Judgement::default()
        },
        Err(reason) => Judgement { reason: Some(reason.into()), ..Judgement::default() },
    }
}

/// Whether `value` compares to `limit` as it should. What is no number never does.
pub fn holds(value: f64, comparison: Comparison, limit: f64) -> bool {
    // Equality allows for what is lost in sums and shares of floats.
    let equal = (value - limit).abs() <= 1e-9 * limit.abs().max(1.0);
    match comparison {
        Comparison::Less => value < limit,
        Comparison::LessOrEqual => value <= limit,
        Comparison::Greater => value > limit,
        Comparison::GreaterOrEqual => value >= limit,
        Comparison::Equal => equal,
        Comparison::NotEqual => !value.is_nan() && !equal,
    }
}

fn measure(threshold: &Threshold, catalog: &Catalog, data: &Data<'_>) -> Measured {
    if threshold.aggregate == Aggregate::Drift {
        return drift(threshold, data);
    }
    if let Metric::Watched { source, gauge } = threshold.metric {
        return watched::measure(threshold, source, gauge, data);
    }
    let gathered = gather(threshold, catalog, data.totals).ok_or(NO_SAMPLES)?;
    gathered.value(threshold.aggregate, seconds_under_load(threshold, catalog, data.load))
}

/// Takes out what a threshold looks at; nothing where the totals do not know its metric.
pub(super) fn gather(threshold: &Threshold, catalog: &Catalog, totals: &Staged) -> Option<Gathered> {
    let view = View { filter: &threshold.filter, catalog, totals };
    Some(match threshold.metric {
        Metric::Latency => view.times_of_rows(|cell| &cell.response),
        Metric::ServiceTime => view.times_of_rows(|cell| &cell.service),
        Metric::Connect => view.times_of_rows(|cell| &cell.connect),
        Metric::Tls => view.times_of_rows(|cell| &cell.tls),
        Metric::Ttfb => view.times_of_rows(|cell| &cell.ttfb),
        Metric::IterationDuration => Gathered::Times(view.of_scenarios(|record| &record.iterations)),
        Metric::Lateness => Gathered::Times(view.of_scenarios(|record| &record.lateness)),
        Metric::Throttled => Gathered::Times(view.of_scenarios(|record| &record.throttled)),
        Metric::GroupDuration => Gathered::Times(view.of_groups()),
        Metric::Requests => Gathered::count(view.requests()),
        Metric::Iterations => view.sum(|record| record.iterations.count()),
        Metric::PollDuration | Metric::TimeToTurn => {
            Gathered::Times(union(view.polls(threshold.metric).map(|poll| &poll.got)))
        }
        Metric::QueuePosition => {
            let mut positions = Amounts::default();
            view.polls(threshold.metric).for_each(|poll| positions.add(&poll.position));
            Gathered::Amounts(positions)
        }
        Metric::GivenUp => view.share_of_polls(threshold.metric, |poll| poll.given_up.count()),
        Metric::Abandoned => view.share_of_polls(threshold.metric, |poll| poll.abandoned.count()),
        Metric::Failures => Gathered::Share {
            part: view.failures() + view.failed_polls(),
            whole: view.finished() + view.finished_polls(),
        },
        Metric::Business => Gathered::Share { part: view.refusals(), whole: view.finished() },
        Metric::Checks => Gathered::of_tried(view.checks()),
        Metric::Dropped => view.sum(|record| record.dropped),
        Metric::Cut => view.sum(|record| record.cut),
        Metric::Interrupted => view.sum(|record| record.interrupted),
        Metric::Custom(id) => {
            let mut found: Option<Gathered> = None;
            for custom in view.recorders().filter_map(|recorder| recorder.customs.get(id.index())) {
                let custom = Gathered::of_custom(custom);
                match &mut found {
                    Some(so_far) => so_far.add(&custom),
                    None => found = Some(custom),
                }
            }
            return found;
        }
        // Measured by the second, and not counted.
        Metric::Watched { .. } => return None,
    })
}

/// What a rate of this threshold is divided by.
pub(super) fn seconds_under_load(threshold: &Threshold, catalog: &Catalog, load: &LoadTime) -> f64 {
    let filter = &threshold.filter;
    let wanted = |scenario: usize| match threshold.metric {
        Metric::Requests => catalog.rows.iter().enumerate().any(|(index, row)| {
            usize::from(row.scenario) == scenario && wants_row(filter, catalog, index, row)
        }),
        _ => wants_scenario(filter, catalog, scenario),
    };
    load.seconds(wanted, &filter.stages)
}

impl Gathered {
    fn count(count: u64) -> Gathered {
        Gathered::Count { sum: count as f64, samples: count }
    }

    fn of_tried(tried: Tried) -> Gathered {
        Gathered::Share { part: tried.passed, whole: tried.total() }
    }

    fn of_custom(custom: &Custom) -> Gathered {
        match custom {
            Custom::Count { sum, samples } => Gathered::Count { sum: *sum, samples: *samples },
            Custom::Observe(amounts) => Gathered::Amounts(amounts.clone()),
            Custom::Share(tried) => Gathered::of_tried(*tried),
        }
    }

    /// Adds what the same threshold gathered elsewhere.
    pub(super) fn add(&mut self, other: &Gathered) {
        match (self, other) {
            (Gathered::Times(into), Gathered::Times(from)) => into.add(from),
            (Gathered::Amounts(into), Gathered::Amounts(from)) => into.add(from),
            (Gathered::Count { sum, samples }, Gathered::Count { sum: more, samples: further }) => {
                *sum += more;
                *samples += further;
            }
            (Gathered::Share { part, whole }, Gathered::Share { part: more, whole: further }) => {
                *part += more;
                *whole += further;
            }
            // One threshold gathers one kind.
            _ => {}
        }
    }

    /// The aggregate: a rate is per second for what is counted, and a share for what is a part of a whole.
    pub(super) fn value(&self, aggregate: Aggregate, seconds: f64) -> Measured {
        match self {
            Gathered::Times(times) => {
                let value = match aggregate {
                    Aggregate::Percentile(percent) => times.percentile(percent),
                    Aggregate::Average => times.mean(),
                    Aggregate::Minimum => times.min(),
                    Aggregate::Maximum => times.max(),
                    Aggregate::Count => return Ok((times.count() as f64, times.count())),
                    Aggregate::Rate | Aggregate::Drift | Aggregate::Last | Aggregate::Slope => {
                        return Err(NOT_FOR_THIS_METRIC);
                    }
                };
                value.map(|time| (time.as_secs_f64(), times.count())).ok_or(NO_SAMPLES)
            }
            Gathered::Amounts(amounts) => {
                let value = match aggregate {
                    Aggregate::Percentile(percent) => amounts.percentile(percent),
                    Aggregate::Average => amounts.mean(),
                    Aggregate::Minimum => amounts.min(),
                    Aggregate::Maximum => amounts.max(),
                    Aggregate::Count => return Ok((amounts.count() as f64, amounts.count())),
                    Aggregate::Rate | Aggregate::Drift | Aggregate::Last | Aggregate::Slope => {
                        return Err(NOT_FOR_THIS_METRIC);
                    }
                };
                value.map(|value| (value, amounts.count())).ok_or(NO_SAMPLES)
            }
            Gathered::Count { sum, samples } => match aggregate {
                Aggregate::Count => Ok((*sum, *samples)),
                Aggregate::Rate if seconds > 0.0 => Ok((sum / seconds, *samples)),
                Aggregate::Rate => Err(NO_SAMPLES),
                _ => Err(NOT_FOR_THIS_METRIC),
            },
            Gathered::Share { part, whole } => match aggregate {
                Aggregate::Count => Ok((*part as f64, *part)),
                Aggregate::Rate if *whole > 0 => Ok((*part as f64 / *whole as f64, *whole)),
                Aggregate::Rate => Err(NO_SAMPLES),
                _ => Err(NOT_FOR_THIS_METRIC),
            },
        }
    }
}

/// `(median of the last quarter − median of the first quarter) / median of the first quarter` over the
/// figures of single seconds: the p50 of successes for `latency`, the p99 for `service_time`, the number
/// for `requests` and `iterations`. The first tenth of the load is warm-up and left out, so is draining.
///
/// Medians, since one bad second is no drift. Seconds are kept over all steps, hence without a filter.
fn drift(threshold: &Threshold, data: &Data<'_>) -> Measured {
    if threshold.filter != Filter::default() {
        return Err("drift is known for the whole test only, not under a filter");
    }
    let figure = |second: &Second| match threshold.metric {
        Metric::Latency => second.p50.map(|time| time.as_secs_f64()),
        Metric::ServiceTime => second.service_p99.map(|time| time.as_secs_f64()),
        Metric::Requests => Some(second.finished() as f64),
        Metric::Iterations => Some(second.iterations as f64),
        _ => None,
    };
    let last = data.seconds.last().map_or(0, |second| u64::from(second.at) + 1);
    let end = data.load.end().as_secs().min(last) as f64;
    let warm = end / 10.0;
    let quarter = (end - warm) / 4.0;
    let within = |from: f64, to: f64| {
        let seconds = data.seconds.iter();
        let inside = seconds.filter(|second| (from..to).contains(&f64::from(second.at)));
        inside.filter_map(figure).collect::<Vec<f64>>()
    };
    let (first, last) = (within(warm, warm + quarter), within(end - quarter, end));
    let samples = (first.len() + last.len()) as u64;
    match (median(first), median(last)) {
        (Some(first), Some(last)) if first > 0.0 => Ok(((last - first) / first, samples)),
        _ => Err("too few samples to tell a drift"),
    }
}

/// What is left of the data under a filter.
struct View<'a> {
    filter: &'a Filter,
    catalog: &'a Catalog,
    totals: &'a Staged,
}

impl<'a> View<'a> {
    fn recorders(&self) -> impl Iterator<Item = &'a Recorder> {
        self.totals.of(&self.filter.stages)
    }

    fn rows(&self) -> impl Iterator<Item = (&'a RowInfo, &'a RowRecord)> {
        self.recorders().flat_map(move |recorder| {
            let rows = self.catalog.rows.iter().zip(&recorder.rows).enumerate();
            rows.filter(|(index, (info, _))| wants_row(self.filter, self.catalog, *index, info))
                .map(|(_, row)| row)
        })
    }

    /// The cells of the rows whose outcome the filter wants.
    fn cells(&self, outcome: &OutcomeFilter) -> Vec<&'a Cell> {
        let mut cells = Vec::new();
        for (info, row) in self.rows() {
            if matches!(outcome, OutcomeFilter::Success | OutcomeFilter::Answered | OutcomeFilter::Any) {
                cells.push(&row.success);
            }
            let business = info.business.iter().zip(&row.business);
            cells.extend(business.filter(|(name, _)| wants_business(outcome, name)).map(|(_, cell)| cell));
            let failures = row.failures.iter();
            cells.extend(failures.filter(|(cause, _)| wants_cause(outcome, *cause)).map(|(_, cell)| cell));
        }
        cells
    }

    fn outcome_or(&self, default: OutcomeFilter) -> OutcomeFilter {
        self.filter.outcome.clone().unwrap_or(default)
    }

    /// Times are those of successes where nothing else is asked for: a fast refusal is no fast answer.
    fn times_of_rows(&self, pick: fn(&Cell) -> &Times) -> Gathered {
        let cells = self.cells(&self.outcome_or(OutcomeFilter::Success));
        Gathered::Times(union(cells.into_iter().map(pick)))
    }

    fn requests(&self) -> u64 {
        self.cells(&self.outcome_or(OutcomeFilter::Any)).into_iter().map(Cell::count).sum()
    }

    fn finished(&self) -> u64 {
        self.rows().map(|(_, row)| row.finished()).sum()
    }

    fn failures(&self) -> u64 {
        let wanted = self.outcome_or(OutcomeFilter::Failure);
        let failures = self.rows().flat_map(|(_, row)| &row.failures);
        failures.filter(|(cause, _)| wants_cause(&wanted, *cause)).map(|(_, cell)| cell.count()).sum()
    }

    /// The polls that a metric is about.
    fn polls(&self, metric: Metric) -> impl Iterator<Item = &'a PollRecord> {
        let kind = match metric {
            Metric::PollDuration => Some(PollKind::Poll),
            Metric::TimeToTurn | Metric::QueuePosition | Metric::Abandoned => Some(PollKind::Turn),
            _ => None,
        };
        self.recorders().flat_map(move |recorder| {
            let polls = self.catalog.polls.iter().zip(&recorder.polls).enumerate();
            let wanted = move |index: usize, info: &PollInfo| {
                wants_poll(self.filter, self.catalog, index, info)
                    && kind.is_none_or(|kind| info.kind == kind)
            };
            polls.filter(move |(index, (info, _))| wanted(*index, info)).map(|(_, (_, poll))| poll)
        })
    }

    fn share_of_polls(&self, metric: Metric, part: fn(&PollRecord) -> u64) -> Gathered {
        let sum = |count: fn(&PollRecord) -> u64| self.polls(metric).map(count).sum();
        Gathered::Share { part: sum(part), whole: sum(PollRecord::finished) }
    }

    fn failed_polls(&self) -> u64 {
        if !wants_cause(&self.outcome_or(OutcomeFilter::Failure), Cause::Poll) {
            return 0;
        }
        self.polls(Metric::Failures).map(|poll| poll.given_up.count()).sum()
    }

    /// Those that got what they waited for, and those that gave up: who left did neither.
    fn finished_polls(&self) -> u64 {
        self.polls(Metric::Failures).map(|poll| poll.got.count() + poll.given_up.count()).sum()
    }

    fn refusals(&self) -> u64 {
        let wanted = self.outcome_or(OutcomeFilter::Business);
        let refusals = self.rows().flat_map(|(info, row)| info.business.iter().zip(&row.business));
        refusals.filter(|(name, _)| wants_business(&wanted, name)).map(|(_, cell)| cell.count()).sum()
    }

    fn scenarios(&self) -> impl Iterator<Item = &'a ScenarioRecord> {
        self.recorders().flat_map(move |recorder| {
            let scenarios = recorder.scenarios.iter().enumerate();
            scenarios
                .filter(|(index, _)| wants_scenario(self.filter, self.catalog, *index))
                .map(|(_, record)| record)
        })
    }

    fn of_scenarios(&self, pick: fn(&ScenarioRecord) -> &Times) -> Times {
        union(self.scenarios().map(pick))
    }

    fn sum(&self, pick: fn(&ScenarioRecord) -> u64) -> Gathered {
        Gathered::count(self.scenarios().map(pick).sum())
    }

    fn of_groups(&self) -> Times {
        let wanted = |index: usize| wants_group(self.filter, self.catalog, index);
        union(self.recorders().flat_map(|recorder| {
            recorder.groups.iter().enumerate().filter(|(index, _)| wanted(*index)).map(|(_, times)| times)
        }))
    }

    fn checks(&self) -> Tried {
        let mut tried = Tried::default();
        for recorder in self.recorders() {
            for (index, (info, record)) in self.catalog.checks.iter().zip(&recorder.checks).enumerate() {
                if wants_check(self.filter, self.catalog, index, info) {
                    tried.passed += record.passed;
                    tried.failed += record.failed;
                }
            }
        }
        tried
    }
}

fn union<'a>(all: impl Iterator<Item = &'a Times>) -> Times {
    let mut union = Times::default();
    all.for_each(|times| union.add(times));
    union
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests;
