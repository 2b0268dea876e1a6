//! What was asked of the run: thresholds, invariants and checks.

use super::table::{Cell, Table, Tone, named};
use crate::report::figures::{of_scenario, span};
use crate::report::words::Words;
use crate::result::verdict::{percent, quantity};
use crate::result::{CheckResult, InvariantState, RunResult, ThresholdResult};
use crate::units::count;

pub(crate) fn thresholds(result: &RunResult, words: &Words) -> Option<Table> {
    let texts = [words.met, words.threshold, words.observed, words.limit, words.notes];
    let mut table = Table::new(words.thresholds, &texts, &[]);
    table.rows = result.thresholds.iter().map(|threshold| threshold_row(threshold, words)).collect();
    table.if_any()
}

fn threshold_row(threshold: &ThresholdResult, words: &Words) -> Vec<Cell> {
    let (tone, sign, word) =
        if threshold.met { (Tone::Good, "✓", words.is_met) } else { (Tone::Bad, "✗", words.is_not_met) };
    let observed = match threshold.observed {
        Some(observed) => quantity(observed, threshold.unit),
        None => words.reason(threshold.reason.as_deref()),
    };
    vec![
        Cell::toned(tone, format!("{sign} {word}")),
        Cell::code(&threshold.text),
        Cell::toned(if threshold.met { Tone::Plain } else { Tone::Bad }, observed),
        Cell::new(quantity(threshold.limit, threshold.unit)),
        Cell::toned(Tone::Quiet, circumstances(threshold, words)),
    ]
}

/// What one should know of a threshold besides its figures.
fn circumstances(threshold: &ThresholdResult, words: &Words) -> String {
    let mut notes = Vec::new();
    let time = |seconds: f64| span(seconds).map_or_else(|| "?".into(), words.duration);
    if threshold.implied {
        notes.push(words.implied.to_owned());
    }
    if let Some(over) = threshold.over_s {
        notes.push((words.worst_window)(&time(over)));
    }
    if let Some(at) = threshold.broken_at_s {
        let note = if threshold.aborted { words.ended_the_run_at } else { words.first_broken_at };
        notes.push(note(&time(at)));
    } else if let Some(first) = threshold.breaches.first().filter(|_| !threshold.met) {
        notes.push((words.first_broken_at)(&time(first.from_s)));
    }
    notes.join(", ")
}

pub(crate) fn invariants(result: &RunResult, words: &Words) -> Option<Table> {
    let mut table = Table::new(words.invariants, &[words.holds, words.invariant, words.notes], &[]);
    table.rows = result
        .invariants
        .iter()
        .map(|invariant| {
            let (tone, sign, word) = match invariant.state {
                InvariantState::Held => (Tone::Good, "✓", words.held),
                InvariantState::Broken => (Tone::Bad, "✗", words.broken),
                InvariantState::Skipped => (Tone::Quiet, "–", words.skipped),
                InvariantState::NotAsked => (Tone::Warning, "?", words.not_asked),
            };
            let detail = invariant.detail.as_deref().filter(|_| invariant.state != InvariantState::Held);
            vec![
                Cell::toned(tone, format!("{sign} {word}")),
                Cell::new(of_scenario(result, &invariant.scenario, &invariant.name)),
                Cell::code(detail.unwrap_or_default()),
            ]
        })
        .collect();
    table.if_any()
}

pub(crate) fn checks(result: &RunResult, words: &Words) -> Option<Table> {
    let texts = [words.holds, words.check, words.step];
    let mut table = Table::new(words.checks, &texts, &[words.times_held, words.tried, words.share]);
    table.rows = result.checks.iter().map(|check| check_row(check, result, words)).collect();
    table.if_any()
}

fn check_row(check: &CheckResult, result: &RunResult, words: &Words) -> Vec<Cell> {
    let tried = check.passed + check.failed;
    let (tone, sign, word) = match (tried, check.failed) {
        (0, _) => (Tone::Quiet, "–", words.never_tried),
        (_, 0) => (Tone::Good, "✓", words.always),
        _ => (Tone::Bad, "✗", words.not_always),
    };
    let share =
        if tried > 0 { Cell::new(percent(check.passed as f64 / tried as f64)) } else { Cell::empty() };
    vec![
        Cell::toned(tone, format!("{sign} {word}")),
        Cell::new(named(&of_scenario(result, &check.scenario, &check.name), check.optional, words)),
        Cell::new(check.step.as_deref().unwrap_or_default()),
        Cell::new(count(check.passed)),
        Cell::new(count(tried)),
        share,
    ]
}
