//! The table of steps and their outcomes, and where requests waited before they were sent.

use comfy_table::Cell;

use super::{Ink, Style, paint, plain, wrapped};
use crate::report::figures::{of_scenario, parted, rate, shown, tenths, time};
use crate::result::{Distribution, OutcomeKind, OutcomeResult, RunResult};
use crate::units::count;

/// A column of figures, and the width of the place from which on it is shown.
struct Column {
    name: &'static str,
    from_width: u16,
    show: fn(&OutcomeResult) -> Option<String>,
}

const COLUMNS: &[Column] = &[
    Column { name: "count", from_width: 0, show: |outcome| Some(count(outcome.count)) },
    Column { name: "share", from_width: 80, show: |outcome| Some(tenths(outcome.share)) },
    Column { name: "rate", from_width: 90, show: |outcome| Some(rate(outcome.rate_per_s)) },
    Column { name: "p50", from_width: 0, show: |outcome| response(outcome, |times| times.p50_ms) },
    Column { name: "p90", from_width: 100, show: |outcome| response(outcome, |times| times.p90_ms) },
    Column { name: "p95", from_width: 0, show: |outcome| response(outcome, |times| times.p95_ms) },
    Column { name: "p99", from_width: 0, show: |outcome| response(outcome, |times| times.p99_ms) },
    Column { name: "max", from_width: 0, show: |outcome| response(outcome, |times| times.max_ms) },
    Column {
        name: "service p99",
        from_width: 112,
        show: |outcome| Some(time(outcome.service.as_ref()?.p99_ms)),
    },
];

fn response(outcome: &OutcomeResult, pick: fn(&Distribution) -> f64) -> Option<String> {
    outcome.response.as_ref().map(|times| time(pick(times)))
}

/// Steps × outcomes with their response times, under a head.
fn cells(result: &RunResult, style: Style) -> Vec<Vec<Cell>> {
    let columns = || COLUMNS.iter().filter(|column| style.width >= column.from_width);
    let names = ["step", "outcome"].into_iter().chain(columns().map(|column| column.name));
    let mut rows: Vec<Vec<Cell>> = vec![names.map(|name| Ink::Quiet.cell(name)).collect()];
    let mut scenario = None;
    for row in &result.rows {
        if result.scenarios.len() > 1 && scenario != Some(&row.scenario) {
            scenario = Some(&row.scenario);
            let mut cells = vec![Ink::Strong.cell(plain(&row.scenario))];
            cells.resize_with(2 + columns().count(), || Cell::new(""));
            rows.push(cells);
        }
        let indent = if scenario.is_some() { "  " } else { "" };
        let mut name = format!("{indent}{}", named(&row.name, row.optional));
        for outcome in shown(row) {
            let (sign, ink) = sign(outcome.kind);
            let mut cells = vec![Cell::new(&name), ink.cell(format!("{sign} {}", plain(&outcome.name)))];
            name.clear();
            cells.extend(columns().map(|column| Cell::new((column.show)(outcome).unwrap_or_default())));
            rows.push(cells);
        }
        if !name.is_empty() {
            let what = if row.attempted > 0 { "– only interrupted" } else { "– not reached" };
            let mut cells = vec![Cell::new(&name), Ink::Quiet.cell(what)];
            cells.resize_with(2 + columns().count(), || Cell::new(""));
            rows.push(cells);
        }
    }
    rows
}

/// A name, and whether it is one of those that stand apart.
pub(super) fn named(name: &str, optional: bool) -> String {
    format!("{}{}", plain(name), if optional { " (optional)" } else { "" })
}

pub(super) fn table(result: &RunResult, style: Style) -> Option<String> {
    if result.rows.is_empty() {
        return None;
    }
    let rows = cells(result, style);
    let columns = rows.first().map_or(0, Vec::len);
    let mut text = super::table(style, columns, 2, rows).trim_fmt();
    if result.totals.business > 0 {
        let note = "  ○ is a business outcome: an answer the service is right to give, and no failure.";
        text = format!("{text}\n{}", paint(&wrapped(note, 2, style), Ink::Quiet, style));
    }
    Some(text)
}

pub(super) const fn sign(kind: OutcomeKind) -> (char, Ink) {
    match kind {
        OutcomeKind::Success => ('✓', Ink::Good),
        OutcomeKind::Business => ('○', Ink::Expected),
        OutcomeKind::Failure => ('✗', Ink::Bad),
    }
}

/// Where response and service time part: requests that waited before they were sent.
pub(super) fn waiting(result: &RunResult, style: Style) -> Option<String> {
    let mut rows = Vec::new();
    for row in &result.rows {
        for outcome in shown(row) {
            let (Some(response), Some(service)) = (&outcome.response, &outcome.service) else { continue };
            if !parted(response.p99_ms, service.p99_ms) {
                continue;
            }
            let (sign, ink) = sign(outcome.kind);
            let mut cells = vec![
                Cell::new(named(&of_scenario(result, &row.scenario, &row.name), row.optional)),
                ink.cell(format!("{sign} {}", plain(&outcome.name))),
            ];
            let figures = [response.p50_ms, service.p50_ms, response.p99_ms, service.p99_ms];
            cells.extend(figures.map(|figure| Cell::new(time(figure))));
            rows.push(cells);
        }
    }
    if rows.is_empty() {
        return None;
    }
    let names = ["step", "outcome", "p50 response", "service", "p99 response", "service"];
    rows.insert(0, names.iter().map(|name| Ink::Quiet.cell(name)).collect());
    let heading = paint("Requests waited before they were sent", Ink::Warning, style);
    let note = "  Response time counts from when a request was due, service time from its first byte.";
    let text = super::table(style, names.len(), 2, rows).trim_fmt();
    Some(format!("{heading}\n{text}\n{}", paint(&wrapped(note, 2, style), Ink::Quiet, style)))
}
