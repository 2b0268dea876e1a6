//! Polls, and users who waited for their turn: what came of them, and their places in the queue.

use super::table::{Cell, Table, Tone, named};
use crate::report::figures::{amount, of_scenario, time};
use crate::report::words::Words;
use crate::result::{Distribution, PollKind, PollResult, RunResult};
use crate::units::count;

pub(crate) fn polls(result: &RunResult, words: &Words) -> Option<Table> {
    let mut table = table(words.polls, words.poll, words);
    of_kind(result, PollKind::Poll).for_each(|poll| add(poll, result, words, &mut table));
    table.if_any()
}

pub(crate) fn turns(result: &RunResult, words: &Words) -> Option<Table> {
    let mut table = table(words.turns, words.queue, words);
    of_kind(result, PollKind::WaitForTurn).for_each(|poll| add(poll, result, words, &mut table));
    table.note = Some(words.turns_note.to_owned());
    table.if_any()
}

/// How many waited at once, and the places that answers told them.
pub(crate) fn places(result: &RunResult, words: &Words) -> Option<Table> {
    let figures = [words.waiting_most, words.told, words.least, "p50", "p95", words.longest];
    let mut table = Table::new(words.places, &[words.queue], &figures);
    for poll in of_kind(result, PollKind::WaitForTurn) {
        let most = poll.series.waiting.iter().max().copied().unwrap_or_default();
        if most == 0 && poll.position.is_none() {
            continue;
        }
        let mut cells = vec![name(poll, result, words), Cell::new(count(most))];
        if let Some(position) = &poll.position {
            cells.push(Cell::new(count(position.samples)));
            let places = [position.min, position.p50, position.p95, position.max];
            cells.extend(places.map(|place| Cell::new(amount(place))));
        }
        cells.resize_with(table.columns.len(), Cell::empty);
        table.rows.push(cells);
    }
    table.if_any()
}

fn of_kind(result: &RunResult, kind: PollKind) -> impl Iterator<Item = &PollResult> {
    result.polls.iter().filter(move |poll| poll.kind == kind)
}

fn table(caption: &'static str, what: &'static str, words: &Words) -> Table {
    let figures = [words.count, "p50", "p95", "p99", words.longest];
    let mut table = Table::new(caption, &[what, words.outcome], &figures);
    table.is_grouped = true;
    table
}

fn name(poll: &PollResult, result: &RunResult, words: &Words) -> Cell {
    Cell::new(named(&of_scenario(result, &poll.scenario, &poll.name), poll.optional, words))
}

/// A row for each way in which they ended.
fn add(poll: &PollResult, result: &RunResult, words: &Words, table: &mut Table) {
    let mut row = |outcome: Cell, number: u64, times: Option<&Distribution>| {
        let mut cells = vec![name(poll, result, words), outcome, Cell::new(count(number))];
        if let Some(times) = times {
            let figures = [times.p50_ms, times.p95_ms, times.p99_ms, times.max_ms];
            cells.extend(figures.map(|figure| Cell::new(time(figure))));
        }
        cells.resize_with(7, Cell::empty);
        table.rows.push(cells);
    };
    if poll.started == 0 {
        row(Cell::toned(Tone::Quiet, format!("– {}", words.not_reached)), 0, None);
        return;
    }
    let got = match poll.kind {
        PollKind::Poll => words.got,
        PollKind::WaitForTurn => words.had_turn,
    };
    row(Cell::toned(Tone::Good, format!("✓ {got}")), poll.got, poll.duration.as_ref());
    if poll.given_up > 0 {
        row(Cell::toned(Tone::Bad, format!("✗ {}", words.gave_up)), poll.given_up, None);
    }
    if poll.abandoned > 0 {
        let left = Cell::toned(Tone::Expected, format!("○ {}", words.left));
        row(left, poll.abandoned, poll.abandoned_after.as_ref());
    }
    for (what, number) in [(words.ended_by_step, poll.ended), (words.still_waiting, poll.interrupted)] {
        if number > 0 {
            row(Cell::toned(Tone::Quiet, format!("– {what}")), number, None);
        }
    }
}
