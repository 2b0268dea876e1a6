//! A comparison as Markdown: what is pasted into a pull request.

use std::fmt::Write as _;

use super::{change, gate, interval, level, note, run, value, word};
use crate::compare::{Comparison, FigureRow, GateState, Row, Word};
use crate::report::escape::markdown as text;
use crate::result::OutcomeKind;

/// Ends in a line break.
pub fn render(comparison: &Comparison) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    if let Some(verdict) = &comparison.verdict {
        let sign = if verdict.exit_code == 0 { '✓' } else { '✗' };
        let _ = writeln!(out, "**{sign} {}**\n", text(&verdict.line));
    }
    for line in &comparison.lines {
        let _ = writeln!(out, "**{}**\n", text(line));
    }
    for side in &comparison.sides {
        for one in &side.runs {
            let facts: Vec<String> = run(one).iter().map(|fact| text(fact)).collect();
            let _ = writeln!(out, "- **{}** {}: {}", text(&side.name), text(&one.from), facts.join(" · "));
        }
    }
    out.push('\n');
    if !comparison.warnings.is_empty() {
        out += "> [!WARNING]\n";
        for warning in &comparison.warnings {
            let _ = writeln!(out, "> - {}", text(warning));
        }
        out.push('\n');
    }
    out += &table(comparison);
    if !comparison.gates.is_empty() {
        out += "\n| | fails if | side | what was seen |\n|---|---|---|---|\n";
        for one in &comparison.gates {
            let sign = match one.state {
                GateState::Held => "✓",
                GateState::Unsure => "?",
                GateState::Broken => "✗",
            };
            let (condition, side) = (text(&one.text), text(&one.side));
            let _ = writeln!(
                out,
                "| {sign} | {condition} | {side} | {} |",
                text(&gate(one, comparison.confidence))
            );
        }
    }
    let _ = writeln!(out, "\n{}", text(&note(comparison)));
    out
}

fn table(comparison: &Comparison) -> String {
    let names: Vec<String> = comparison.sides.iter().map(|side| text(&side.name)).collect();
    let pair = names.len() == 2;
    let mut head = vec!["step".to_owned(), "outcome".into(), "figure".into()];
    head.extend(names.iter().cloned());
    for name in names.iter().skip(1) {
        if pair {
            head.extend([
                "change".into(),
                format!("{} interval", level(comparison.confidence)),
                "difference".into(),
            ]);
        } else {
            head.extend([format!("{name}: change"), "difference".into()]);
        }
    }
    let numbers = 3..3 + names.len();
    let rule = (0..head.len()).map(|column| if numbers.contains(&column) { "--:" } else { "---" });
    let mut out = format!("| {} |\n|{}|\n", head.join(" | "), rule.collect::<Vec<_>>().join("|"));
    for row in &comparison.rows {
        for (place, figure) in row.figures.iter().enumerate() {
            let mut cells = if place == 0 { named(row) } else { vec![String::new(), String::new()] };
            cells.extend(of_figure(figure, pair));
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
    }
    out
}

fn named(row: &Row) -> Vec<String> {
    let step = match (&row.step, &row.scenario) {
        (None, _) => "*all steps*".into(),
        (Some(step), None) => text(step),
        (Some(step), Some(scenario)) => format!("{}: {}", text(scenario), text(step)),
    };
    let outcome = match (row.kind, &row.outcome) {
        (Some(kind), Some(outcome)) => format!("{} {}", sign(kind), text(outcome)),
        _ => String::new(),
    };
    vec![step, outcome]
}

const fn sign(kind: OutcomeKind) -> char {
    match kind {
        OutcomeKind::Success => '✓',
        OutcomeKind::Business => '○',
        OutcomeKind::Failure => '✗',
    }
}

fn of_figure(figure: &FigureRow, pair: bool) -> Vec<String> {
    let mut cells = vec![figure.figure.clone()];
    cells.extend(figure.values.iter().map(|one| value(*one, figure.unit)));
    for one in &figure.changes {
        cells.push(change(one, figure.unit));
        if pair {
            cells.push(interval(one.interval, figure.unit));
        }
        let word = text(&word(one));
        cells.push(match one.word {
            Word::Better | Word::Worse => format!("**{word}**"),
            _ => word,
        });
    }
    cells
}
