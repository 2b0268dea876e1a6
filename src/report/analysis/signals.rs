//! Which courses of a run are looked at for turning points, and what counts as one.

use super::track::Measure;
use super::turning::{Departure, Rule, departures, median, warm_up};
use crate::result::{GaugeResult, LoadModel, RunResult, Series, Unit, WatchedResult};

/// Of what a course is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Of<'a> {
    P50,
    P95,
    P99,
    /// Failures among the requests that came to an outcome.
    Failures,
    /// Business outcomes among the same: no harm, but it tells that the world has changed.
    Business,
    /// Users at once of the open model: what comes and is not done piles up.
    Users,
    /// The generator's own.
    Lateness,
    Target(&'a WatchedResult, &'a GaugeResult),
}

/// A course with its departures.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Signal<'a> {
    pub(crate) of: Of<'a>,
    pub(crate) measure: Measure,
    pub(crate) departures: Vec<Departure>,
    values: Vec<Option<f64>>,
}

impl Of<'_> {
    /// Whether a departure hurts those who use the service.
    pub(crate) const fn is_harm(self) -> bool {
        matches!(self, Of::P50 | Of::P95 | Of::P99 | Of::Failures)
    }
}

/// All courses that have values, whether or not they departed.
pub(crate) fn signals(result: &RunResult) -> Vec<Signal<'_>> {
    let series = &result.series;
    let times = |amount| Rule { share: 1.0, amount };
    let mut drafts: Vec<(Of<'_>, Measure, Rule, Vec<Option<f64>>)> = vec![
        // Twice as long, and by five milliseconds: less nobody notices.
        (Of::P50, Measure::Millis, times(5.0), series.p50_ms.clone()),
        (Of::P95, Measure::Millis, times(5.0), series.p95_ms.clone()),
        (Of::P99, Measure::Millis, times(5.0), series.p99_ms.clone()),
        (Of::Failures, Measure::Share, Rule { share: 1.0, amount: 0.01 }, shares(series, &series.failure)),
        (Of::Business, Measure::Share, Rule { share: 1.0, amount: 0.05 }, shares(series, &series.business)),
        // From where on a run is suspect.
        (Of::Lateness, Measure::Millis, times(10.0), series.lateness_p99_ms.clone()),
    ];
    if result.scenarios.iter().all(|scenario| scenario.model == LoadModel::Open) {
        let users = series.users.iter().map(|users| Some(*users as f64)).collect();
        drafts.push((Of::Users, Measure::Number, Rule { share: 1.0, amount: 10.0 }, users));
    }
    for source in &result.monitor {
        for gauge in &source.gauges {
            let (measure, rule) = rule(gauge);
            drafts.push((Of::Target(source, gauge), measure, rule, gauge.values.clone()));
        }
    }
    let signal = |(of, measure, rule, values): (_, _, _, Vec<Option<f64>>)| Signal {
        of,
        measure,
        departures: departures(&series.at_s, &values, result.load_s, rule),
        values,
    };
    let has_values = |(_, _, _, values): &(_, _, _, Vec<Option<f64>>)| values.iter().any(Option::is_some);
    drafts.into_iter().filter(has_values).map(signal).collect()
}

fn rule(gauge: &GaugeResult) -> (Measure, Rule) {
    match gauge.unit {
        // Of a core or of periods: a fifth more of all there is.
        Unit::Share => (Measure::Share, Rule { share: 0.5, amount: 0.2 }),
        Unit::Bytes => (Measure::Bytes, Rule { share: 0.25, amount: 16.0 * 1024.0 * 1024.0 }),
        Unit::BytesPerSecond => (Measure::BytesPerSecond, Rule { share: 1.0, amount: 1024.0 * 1024.0 }),
        _ => (Measure::Number, Rule { share: 1.0, amount: 10.0 }),
    }
}

/// A part of the requests that came to an outcome, by the second.
fn shares(series: &Series, part: &[u64]) -> Vec<Option<f64>> {
    let finished = series.success.iter().zip(&series.business).zip(&series.failure);
    let finished = finished.map(|((success, business), failure)| success + business + failure);
    let share = |(part, finished): (&u64, u64)| (finished > 0).then(|| *part as f64 / finished as f64);
    part.iter().zip(finished).map(share).collect()
}

impl Signal<'_> {
    /// The median of the warm-up, and that of a stretch of time.
    pub(crate) fn before_and_during(
        &self,
        result: &RunResult,
        from_s: f64,
        to_s: f64,
    ) -> (Option<f64>, Option<f64>) {
        let within = |from: f64, to: f64| {
            let seconds = result.series.at_s.iter().zip(&self.values);
            let inside = seconds.filter(move |(at, _)| (from..to).contains(&f64::from(**at)));
            median(inside.filter_map(|(_, value)| *value))
        };
        (within(0.0, warm_up(result.load_s)), within(from_s, to_s))
    }
}
