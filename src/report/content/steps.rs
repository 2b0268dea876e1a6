//! Steps and their outcomes, and where requests waited before they were sent.

use super::table::{Cell, Table, Tone, named, plain};
use crate::report::figures::{of_scenario, parted, rate, shown, tenths, time};
use crate::report::words::Words;
use crate::result::{Distribution, OutcomeKind, OutcomeResult, RowResult, RunResult};
use crate::units::count;

/// Steps × outcomes with their response times.
pub(crate) fn steps(result: &RunResult, words: &Words) -> Option<Table> {
    let figures = [words.count, words.share, words.rate, "p50", "p90", "p95", "p99", "p99.9", words.longest];
    let mut table = Table::new(words.steps, &[words.step, words.outcome], &figures);
    table.is_grouped = true;
    for row in &result.rows {
        let name = Cell::new(name(row, result, words));
        let mut is_reached = false;
        for outcome in shown(row) {
            is_reached = true;
            let mut cells = vec![name.clone(), outcome_cell(outcome, words)];
            cells.extend([
                Cell::new(count(outcome.count)),
                Cell::new(tenths(outcome.share)),
                Cell::new(rate(outcome.rate_per_s)),
            ]);
            let picks: [fn(&Distribution) -> f64; 6] =
                [|t| t.p50_ms, |t| t.p90_ms, |t| t.p95_ms, |t| t.p99_ms, |t| t.p999_ms, |t| t.max_ms];
            let response = outcome.response.as_ref();
            cells.extend(picks.map(|pick| response.map_or_else(Cell::empty, |t| Cell::new(time(pick(t))))));
            table.rows.push(cells);
        }
        if !is_reached {
            let what = if row.attempted > 0 { words.only_interrupted } else { words.not_reached };
            let mut cells = vec![name, Cell::toned(Tone::Quiet, format!("– {what}"))];
            cells.resize_with(table.columns.len(), Cell::empty);
            table.rows.push(cells);
        }
    }
    if result.totals.business > 0 {
        table.note = Some(words.business_note.to_owned());
    }
    table.if_any()
}

/// Where response and service time part.
pub(crate) fn waiting(result: &RunResult, words: &Words) -> Option<Table> {
    let figures = [words.response_p50, words.service_p50, words.response_p99, words.service_p99];
    let mut table = Table::new(words.waited, &[words.step, words.outcome], &figures);
    table.is_grouped = true;
    table.note = Some(words.waited_note.to_owned());
    for row in &result.rows {
        for outcome in shown(row) {
            let (Some(response), Some(service)) = (&outcome.response, &outcome.service) else { continue };
            if !parted(response.p99_ms, service.p99_ms) {
                continue;
            }
            let mut cells = vec![Cell::new(name(row, result, words)), outcome_cell(outcome, words)];
            let figures = [response.p50_ms, service.p50_ms, response.p99_ms, service.p99_ms];
            cells.extend(figures.map(|figure| Cell::new(time(figure))));
            table.rows.push(cells);
        }
    }
    table.if_any()
}

/// The name of a row; with its scenario, where there are several.
fn name(row: &RowResult, result: &RunResult, words: &Words) -> String {
    named(&of_scenario(result, &row.scenario, &row.name), row.optional, words)
}

fn outcome_cell(outcome: &OutcomeResult, words: &Words) -> Cell {
    let (sign, tone) = sign(outcome.kind);
    let name = if outcome.kind == OutcomeKind::Success { words.success.into() } else { plain(&outcome.name) };
    Cell::toned(tone, format!("{sign} {name}"))
}

pub(crate) const fn sign(kind: OutcomeKind) -> (char, Tone) {
    match kind {
        OutcomeKind::Success => ('✓', Tone::Good),
        OutcomeKind::Business => ('○', Tone::Expected),
        OutcomeKind::Failure => ('✗', Tone::Bad),
    }
}
