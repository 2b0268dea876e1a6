//! What the target used meanwhile: a row for each figure that was watched.

use super::table::{Cell, Table, Tone, plain};
use crate::report::words::Words;
use crate::result::verdict::quantity;
use crate::result::{GaugeResult, RunResult, Unit, WatchedResult};
use crate::units::{Bytes, count, trim_float};

pub(crate) fn target(result: &RunResult, words: &Words) -> Option<Table> {
    let figures = [words.first, words.average, "p50", "p95", words.longest, words.last];
    let mut table = Table::new(words.resources, &[words.source, words.figure], &figures);
    table.is_grouped = true;
    let mut notes = Vec::new();
    for source in &result.monitor {
        for gauge in &source.gauges {
            let mut cells = vec![Cell::new(&source.name), Cell::new(words.gauge(&gauge.name))];
            let figures = [gauge.first, gauge.avg, gauge.p50, gauge.p95, gauge.max, gauge.last];
            cells.extend(
                figures.map(|value| value.map_or_else(Cell::empty, |value| Cell::new(figure(gauge, value)))),
            );
            table.rows.push(cells);
        }
        notes.extend(note(source, words));
        if let Some(problem) = &source.problem {
            let mut cells = vec![Cell::new(&source.name), Cell::toned(Tone::Warning, words.not_watched)];
            cells.push(Cell::new(format!("{}×: {problem}", count(source.failed))));
            cells.resize_with(table.columns.len(), Cell::empty);
            table.rows.push(cells);
        }
    }
    table.note = (!notes.is_empty()).then(|| notes.join(" "));
    table.if_any()
}

fn figure(gauge: &GaugeResult, value: f64) -> String {
    match gauge.unit {
        // Finer than to a percent nobody measures it.
        Unit::Share => format!("{:.0}%", value * 100.0),
        unit => quantity(value, unit),
    }
}

/// What the figures are shares of.
fn note(source: &WatchedResult, words: &Words) -> Option<String> {
    let has = |name: &str| source.gauges.iter().any(|gauge| gauge.name == name);
    let name = plain(&source.name);
    let mut parts = Vec::new();
    if has("cpu") {
        parts.push(match source.cpu_limit_cores {
            Some(cores) => (words.cpu_of_limit)(&trim_float(cores)),
            None => words.cpu_of_one_core.into(),
        });
    }
    if let Some(limit) = source.memory_limit_bytes {
        parts.push((words.memory_limit)(&Bytes(limit).to_string()));
    }
    (!parts.is_empty()).then(|| format!("{name}: {}.", parts.join(", ")))
}
