//! What was sent: requests, iterations, groups, and the test's own metrics.

use super::table::{Cell, Table, named};
use crate::report::figures::{amount, of_scenario, rate, time};
use crate::report::words::Words;
use crate::result::verdict::percent;
use crate::result::{CustomValue, Distribution, RunResult, ScenarioResult};
use crate::units::{Bytes, count};

/// Requests in figures: a name and a figure each.
pub(crate) fn requests(result: &RunResult, words: &Words) -> Vec<(&'static str, String)> {
    let totals = &result.totals;
    let mut facts = vec![
        (words.requests, format!("{} ({})", count(totals.attempted), rate(totals.rate_per_s))),
        (words.success, count(totals.success)),
        (words.business, count(totals.business)),
        (words.failure, count(totals.failure)),
    ];
    for (name, number) in [
        (words.interrupted, totals.interrupted),
        (words.in_doubt, totals.in_doubt),
        (words.optional_besides, totals.optional),
    ] {
        if number > 0 {
            facts.push((name, count(number)));
        }
    }
    facts.push((words.sent, Bytes(totals.sent_bytes).to_string()));
    facts.push((words.received, Bytes(totals.received_bytes).to_string()));
    facts
}

/// A count of a scenario.
type Number = fn(&ScenarioResult) -> u64;

/// Iterations of each scenario, and how late the generator began them.
pub(crate) fn iterations(result: &RunResult, words: &Words) -> Option<Table> {
    let number = |pick: Number| result.scenarios.iter().any(|scenario| pick(scenario) > 0).then_some(pick);
    // A column of nothing but zeros would only be in the way.
    let rare: Vec<(&'static str, Number)> = [
        (words.ended_early, number(|scenario| scenario.ended_early)),
        (words.cut, number(|scenario| scenario.cut)),
        (words.abandoned, number(|scenario| scenario.abandoned)),
        (words.interrupted, number(|scenario| scenario.interrupted)),
        (words.dropped, number(|scenario| scenario.dropped)),
    ]
    .into_iter()
    .filter_map(|(name, pick)| Some((name, pick?)))
    .collect();
    let mut figures = vec![words.completed, words.rate];
    figures.extend(rare.iter().map(|(name, _)| *name));
    figures.extend(["p50", "p95", words.lateness_p99, words.lateness_longest]);
    let throttled = result.scenarios.iter().any(|scenario| scenario.throttled.is_some());
    if throttled {
        figures.extend([words.throttled, words.throttled_p95]);
    }
    let mut table = Table::new(words.iterations, &[words.scenario], &figures);
    for scenario in &result.scenarios {
        let mut cells = vec![
            Cell::new(&scenario.name),
            Cell::new(count(scenario.completed)),
            Cell::new(rate(scenario.completed_per_s)),
        ];
        cells.extend(rare.iter().map(|(_, pick)| Cell::new(count(pick(scenario)))));
        cells.extend([
            times(scenario.duration.as_ref(), |times| times.p50_ms),
            times(scenario.duration.as_ref(), |times| times.p95_ms),
            times(scenario.lateness.as_ref(), |times| times.p99_ms),
            times(scenario.lateness.as_ref(), |times| times.max_ms),
        ]);
        if throttled {
            let waited = scenario.throttled.as_ref();
            cells.push(waited.map_or_else(Cell::empty, |times| Cell::new(count(times.count))));
            cells.push(times(waited, |times| times.p95_ms));
        }
        table.rows.push(cells);
    }
    if result.scenarios.iter().any(|scenario| scenario.lateness.is_some()) {
        table.note = Some(words.lateness_note.to_owned());
    }
    table.if_any()
}

fn times(times: Option<&Distribution>, pick: fn(&Distribution) -> f64) -> Cell {
    times.map_or_else(Cell::empty, |times| Cell::new(time(pick(times))))
}

pub(crate) fn groups(result: &RunResult, words: &Words) -> Option<Table> {
    let figures = [words.count, "p50", "p95", "p99", words.longest];
    let mut table = Table::new(words.groups, &[words.group], &figures);
    for group in &result.groups {
        let duration = group.duration.as_ref();
        table.rows.push(vec![
            Cell::new(named(&of_scenario(result, &group.scenario, &group.name), group.optional, words)),
            Cell::new(count(duration.map_or(0, |times| times.count))),
            times(duration, |times| times.p50_ms),
            times(duration, |times| times.p95_ms),
            times(duration, |times| times.p99_ms),
            times(duration, |times| times.max_ms),
        ]);
    }
    table.if_any()
}

/// The test's own metrics.
pub(crate) fn metrics(result: &RunResult, words: &Words) -> Option<Table> {
    let figures = [words.samples, words.value, words.average, "p50", "p95", "p99", words.longest];
    let mut table = Table::new(words.metrics, &[words.metric], &figures);
    for metric in &result.metrics {
        let mut cells = vec![Cell::new(&metric.name)];
        match &metric.value {
            CustomValue::Count { sum, samples } => {
                cells.extend([Cell::new(count(*samples)), Cell::new(amount(*sum))]);
            }
            CustomValue::Share { passed, failed } => {
                let tried = passed + failed;
                cells.push(Cell::new(count(tried)));
                cells.extend((tried > 0).then(|| Cell::new(percent(*passed as f64 / tried as f64))));
            }
            CustomValue::Observe { samples, avg, p50, p95, p99, max, .. } => {
                cells.extend([Cell::new(count(*samples)), Cell::empty()]);
                let figure = |value: &Option<f64>| value.map_or_else(Cell::empty, |v| Cell::new(amount(v)));
                cells.extend([avg, p50, p95, p99, max].map(figure));
            }
        }
        cells.resize_with(table.columns.len(), Cell::empty);
        table.rows.push(cells);
    }
    table.if_any()
}
