//! What the target used meanwhile: processor time, memory, descriptors.

use comfy_table::Cell;

use super::{Ink, Style, paint, plain, wrapped};
use crate::result::verdict::quantity;
use crate::result::{GaugeResult, RunResult, Unit, WatchedResult};
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
        let times = count(source.failed);
        let text = format!("  ! {} could not be watched {times}×: {}", plain(&source.name), plain(problem));
        lines.push(paint(&wrapped(&text, 4, style), Ink::Warning, style));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
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
    let of = |source: &&WatchedResult| match source.cpu_limit_cores {
        Some(cores) => format!("its limit of {} cores", trim_float(cores)),
        None => "one core".into(),
    };
    let has_cpu = |source: &&&WatchedResult| source.gauges.iter().any(|gauge| gauge.name == "cpu");
    let limits: Vec<String> = shown.iter().filter(has_cpu).map(of).collect();
    let mut parts = Vec::new();
    match limits.split_first() {
        Some((first, rest)) if rest.iter().all(|other| other == first) => {
            parts.push(format!("cpu as a share of {first}"))
        }
        Some(_) => {
            let each = shown.iter().filter(has_cpu).zip(&limits);
            let each = each.map(|(source, of)| format!("{}: {of}", plain(&source.name)));
            parts.push(format!("cpu as a share of … {}", each.collect::<Vec<_>>().join(", ")));
        }
        None => {}
    }
    let memory = shown.iter().filter_map(|source| Some((source, source.memory_limit_bytes?)));
    parts.extend(
        memory.map(|(source, limit)| format!("{} may use {} of memory", plain(&source.name), Bytes(limit))),
    );
    parts.join(" · ")
}
