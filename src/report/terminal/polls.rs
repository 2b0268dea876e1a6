//! Polls, and users who waited for their turn: how long it took, who had it, and who did not.

use comfy_table::Cell;

use super::sections::spread;
use super::steps::named;
use super::{Ink, Style, list};
use crate::report::figures::{amount, of_scenario, time};
use crate::report::sparkline::sparkline;
use crate::result::{PollKind, PollResult, RunResult};
use crate::units::count;

/// Blocks of a course over time.
const CURVE: usize = 24;

pub(super) fn polls(result: &RunResult, style: Style) -> Option<String> {
    let rows_of = |kind| {
        let polls = result.polls.iter().filter(move |poll| poll.kind == kind);
        polls.flat_map(|poll| rows(poll, &of_scenario(result, &poll.scenario, &poll.name))).collect()
    };
    let polls = list("Polls", style, 4, rows_of(PollKind::Poll));
    let turns = list("Waiting for a turn", style, 4, rows_of(PollKind::WaitForTurn));
    let sections: Vec<String> = polls.into_iter().chain(turns).collect();
    (!sections.is_empty()).then(|| sections.join("\n\n"))
}

/// What became of the polls of one name, a line for each way to end.
fn rows(poll: &PollResult, name: &str) -> Vec<Vec<Cell>> {
    let mut name = named(name, poll.optional);
    let mut rows = Vec::new();
    let mut add = |sign: Cell, number: String, rest: String| {
        rows.push(vec![sign, Cell::new(std::mem::take(&mut name)), Cell::new(number), Cell::new(rest)]);
    };
    if poll.started == 0 {
        add(Ink::Quiet.cell("–"), "0".into(), "not reached".into());
        return rows;
    }
    let got = match poll.kind {
        PollKind::Poll => "got it",
        PollKind::WaitForTurn => "had their turn",
    };
    let times = poll.duration.as_ref().map(|times| format!(" · {}", spread(times))).unwrap_or_default();
    add(Ink::Good.cell("✓"), count(poll.got), format!("{got}{times}"));
    if poll.given_up > 0 {
        add(Ink::Bad.cell("✗"), count(poll.given_up), "gave up".into());
    }
    if poll.abandoned > 0 {
        let after = poll.abandoned_after.as_ref();
        let after =
            after.map(|times| format!(" · after {} on average", time(times.avg_ms))).unwrap_or_default();
        add(Ink::Expected.cell("○"), count(poll.abandoned), format!("left{after}"));
    }
    for (number, what) in
        [(poll.ended, "ended by one of their steps"), (poll.interrupted, "still waiting when they had to go")]
    {
        if number > 0 {
            add(Ink::Quiet.cell("–"), count(number), what.into());
        }
    }
    let course = |values: &[Option<f64>]| {
        let is_long = values.iter().flatten().count() > 2;
        if is_long { format!("{}  ", sparkline(values, CURVE)) } else { String::new() }
    };
    let waiting: Vec<Option<f64>> = poll.series.waiting.iter().map(|count| Some(*count as f64)).collect();
    let most = poll.series.waiting.iter().max().copied().unwrap_or_default();
    if poll.kind == PollKind::WaitForTurn && most > 0 {
        add(Cell::new(" "), String::new(), format!("waiting   {}max {}", course(&waiting), count(most)));
    }
    if let Some(position) = &poll.position {
        let figures =
            [("min", position.min), ("p50", position.p50), ("p95", position.p95), ("max", position.max)];
        let figures = figures.map(|(name, figure)| format!("{name} {}", amount(figure))).join(" · ");
        add(
            Cell::new(" "),
            String::new(),
            format!("position  {}{figures}", course(&poll.series.position_avg)),
        );
    }
    rows
}
