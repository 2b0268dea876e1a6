//! What the target used meanwhile: processor time, memory, descriptors.

use comfy_table::Cell;

use super::{Ink, Style, list, paint, plain, whole_seconds, wrapped};
use crate::result::verdict::quantity;
use crate::result::{DriftVerdict, GaugeResult, RunResult, Unit, WatchedKind, WatchedResult};
use crate::units::{Bytes, count, trim_float};

/// A column, the width of the place from which on it is shown, and what it shows of a gauge.
struct Column {
    name: &'static str,
    from_width: u16,
    gauge: &'static str,
    pick: fn(&GaugeResult) -> Option<f64>,
}

const COLUMNS: &[Column] = &[
    Column { name: "cpu p95", from_width: 0, gauge: "cpu", pick: |cpu| cpu.p95 },
    Column { name: "cpu max", from_width: 70, gauge: "cpu", pick: |cpu| cpu.max },
    Column { name: "throttled", from_width: 0, gauge: "throttled", pick: |share| share.avg },
    Column { name: "memory first", from_width: 80, gauge: "memory", pick: |memory| memory.first },
    Column { name: "memory last", from_width: 80, gauge: "memory", pick: |memory| memory.last },
    Column { name: "memory max", from_width: 0, gauge: "memory", pick: |memory| memory.max },
    Column { name: "descriptors", from_width: 0, gauge: "descriptors", pick: |number| number.max },
    Column { name: "threads", from_width: 90, gauge: "threads", pick: |number| number.max },
];

pub(super) fn resources(result: &RunResult, style: Style) -> Option<String> {
    let shown: Vec<&WatchedResult> = result
        .monitor
        .iter()
        .filter(|source| COLUMNS.iter().any(|column| figure(source, column).is_some()))
        .collect();
    let columns: Vec<&Column> = COLUMNS
        .iter()
        .filter(|column| style.width >= column.from_width)
        .filter(|column| shown.iter().any(|source| figure(source, column).is_some()))
        .collect();
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let names = ["target"].into_iter().chain(columns.iter().map(|column| column.name));
    rows.push(names.map(|name| Ink::Quiet.cell(name)).collect());
    for source in &shown {
        let mut cells = vec![Cell::new(plain(&source.name))];
        cells.extend(columns.iter().map(|column| Cell::new(figure(source, column).unwrap_or_default())));
        rows.push(cells);
    }
    let mut lines = Vec::new();
    if !shown.is_empty() {
        lines.push(super::table(style, columns.len() + 1, 1, rows).trim_fmt());
        lines.push(paint(&wrapped(&format!("  {}", note(&shown)), 2, style), Ink::Quiet, style));
    }
    let unseen = result.monitor.iter().filter_map(|source| Some((source, source.problem.as_deref()?)));
    for (source, problem) in unseen {
        let text = match source.failed {
            0 => format!("  ! {}: {}", plain(&source.name), plain(problem)),
            times => {
                let times = count(times);
                format!("  ! {} could not be watched {times}×: {}", plain(&source.name), plain(problem))
            }
        };
        lines.push(paint(&wrapped(&text, 4, style), Ink::Warning, style));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The series of endpoints, each by its name.
pub(super) fn series(result: &RunResult, style: Style) -> Option<String> {
    let endpoints = result.monitor.iter().filter(|source| source.kind == WatchedKind::Prometheus);
    let figures = |series: &GaugeResult| [series.avg, series.p95, series.max, series.last];
    let rows: Vec<Vec<Cell>> = endpoints
        .flat_map(|source| &source.gauges)
        .map(|series| {
            let shown = |figure: Option<f64>| figure.map(|value| quantity(value, series.unit));
            let figures = figures(series).map(|figure| Cell::new(shown(figure).unwrap_or_default()));
            std::iter::once(Cell::new(plain(&series.name))).chain(figures).collect()
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let head = ["series", "avg", "p95", "max", "last"].map(|name| Ink::Quiet.cell(name)).to_vec();
    let rows: Vec<Vec<Cell>> = std::iter::once(head).chain(rows).collect();
    Some(super::table(style, 5, 1, rows).trim_fmt())
}

/// Whether something grew under steady load that should not.
pub(super) fn drift(result: &RunResult, style: Style) -> Option<String> {
    let drift = result.drift.as_ref()?;
    let rows = drift.trends.iter().map(|trend| {
        let (sign, ink) = match trend.verdict {
            DriftVerdict::NoDrift => ("✓", Ink::Good),
            DriftVerdict::Grows => ("!", Ink::Warning),
            DriftVerdict::Falls => ("!", Ink::Strong),
            DriftVerdict::Unknown => ("–", Ink::Quiet),
        };
        let moves = matches!(trend.verdict, DriftVerdict::Grows | DriftVerdict::Falls);
        let bounds = trend.low.zip(trend.high).filter(|_| moves).map(|(low, high)| {
            format!("95% confidence: {} to {}", quantity(low, trend.unit), quantity(high, trend.unit))
        });
        let text = if moves { ink.cell(plain(&trend.text)) } else { Cell::new(plain(&trend.text)) };
        vec![ink.cell(sign), Cell::new(plain(&trend.name)), text, Ink::Quiet.cell(bounds.unwrap_or_default())]
    });
    let length = whole_seconds(drift.to_s - drift.from_s);
    list(&format!("Drift  over {length} of steady load"), style, 4, rows.collect())
}

fn figure(source: &WatchedResult, column: &Column) -> Option<String> {
    let gauge = source.gauges.iter().find(|gauge| gauge.name == column.gauge)?;
    let value = (column.pick)(gauge)?;
    Some(match gauge.unit {
        // Finer than to a percent nobody measures it.
        Unit::Share => format!("{:.0}%", value * 100.0),
        unit => quantity(value, unit),
    })
}

/// What the figures are shares of.
fn note(shown: &[&WatchedResult]) -> String {
    let whole = |source: &WatchedResult| match source.cpu_limit_cores {
        Some(cores) => format!("its limit of {} cores", trim_float(cores)),
        None => "one core".into(),
    };
    let has_cpu = |source: &&WatchedResult| source.gauges.iter().any(|gauge| gauge.name == "cpu");
    let wholes: Vec<(&str, String)> =
        shown.iter().copied().filter(has_cpu).map(|source| (source.name.as_str(), whole(source))).collect();
    let mut parts = Vec::new();
    match wholes.split_first() {
        Some(((_, first), rest)) if rest.iter().all(|(_, other)| other == first) => {
            parts.push(format!("cpu as a share of {first}"));
        }
        Some(_) => {
            let each = wholes.iter().map(|(name, whole)| format!("{whole} for {}", plain(name)));
            parts.push(format!("cpu as a share of {}", each.collect::<Vec<_>>().join(", ")));
        }
        None => {}
    }
    let limited = shown.iter().filter_map(|source| Some((&source.name, source.memory_limit_bytes?)));
    parts.extend(limited.map(|(name, limit)| format!("{} may use {} of memory", plain(name), Bytes(limit))));
    parts.join(" · ")
}
