//! A comparison on a terminal: what was compared, what to beware of, the table, the gates, and the outcome last.

use comfy_table::{Cell, CellAlignment};

use super::steps::sign;
use super::{Ink, Style, list, paint, plain, wrapped};
use crate::compare::{Change, Comparison, FigureRow, GateState, Row, Word};
use crate::report::comparison::{change, gate, interval, level, note, run, value, word};

/// The whole comparison, ending in its outcome and a line break.
pub fn render_comparison(comparison: &Comparison, style: Style) -> String {
    let style = Style { width: style.width.max(60), ..style };
    let sections = [
        Some(head(comparison, style)),
        warnings(comparison, style),
        Some(table(comparison, style)),
        gates(comparison, style),
        Some(outcome(comparison, style)),
    ];
    sections.into_iter().flatten().collect::<Vec<_>>().join("\n\n") + "\n"
}

fn head(comparison: &Comparison, style: Style) -> String {
    let mut lines = Vec::new();
    let widest = comparison.sides.iter().map(|side| side.name.chars().count()).max().unwrap_or(0);
    for side in &comparison.sides {
        for (place, one) in side.runs.iter().enumerate() {
            let name = if place == 0 { plain(&side.name).into_owned() } else { String::new() };
            let name = format!("{name:widest$}");
            let facts = run(one).join(" · ");
            lines.push(format!("{}  {}", paint(&name, Ink::Strong, style), plain(&one.from)));
            let facts = wrapped(&format!("{}  {}", " ".repeat(widest), plain(&facts)), widest + 2, style);
            lines.push(paint(&facts, Ink::Quiet, style));
        }
    }
    lines.join("\n")
}

fn warnings(comparison: &Comparison, style: Style) -> Option<String> {
    let lines = comparison.warnings.iter();
    let lines =
        lines.map(|warning| paint(&wrapped(&format!("! {}", plain(warning)), 2, style), Ink::Warning, style));
    Some(lines.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
}

fn table(comparison: &Comparison, style: Style) -> String {
    let pair = comparison.sides.len() == 2;
    let mut head = vec!["step".to_owned(), "outcome".into(), "figure".into()];
    head.extend(comparison.sides.iter().map(|side| plain(&side.name).into_owned()));
    if pair {
        head.extend([
            "change".into(),
            format!("{} interval", level(comparison.confidence)),
            "difference".into(),
        ]);
    } else {
        head.extend(comparison.sides.iter().skip(1).map(|side| format!("{}: change", plain(&side.name))));
    }
    let columns = head.len();
    let mut rows: Vec<Vec<Cell>> = vec![head.iter().map(|name| Ink::Quiet.cell(name)).collect()];
    for row in &comparison.rows {
        for (place, figure) in row.figures.iter().enumerate() {
            let mut cells = if place == 0 { named(row) } else { vec![Cell::new(""), Cell::new("")] };
            cells.extend(of_figure(figure, pair));
            rows.push(cells);
        }
    }
    let mut table = super::table(style, columns, 3, rows);
    if let Some(words) = table.column_mut(columns - 1).filter(|_| pair) {
        words.set_cell_alignment(CellAlignment::Left);
    }
    let mut notes = note(comparison);
    if !pair {
        notes += " A change without a word is one that may be chance; with `?` there was too little to tell.";
    }
    let notes = paint(&wrapped(&format!("  {notes}"), 2, style), Ink::Quiet, style);
    format!("{}\n{notes}", table.trim_fmt())
}

fn named(row: &Row) -> Vec<Cell> {
    let step = match (&row.step, &row.scenario) {
        (None, _) => "all steps".into(),
        (Some(step), None) => plain(step).into_owned(),
        (Some(step), Some(scenario)) => format!("{}: {}", plain(scenario), plain(step)),
    };
    let outcome = match (row.kind, &row.outcome) {
        (Some(kind), Some(outcome)) => {
            let (sign, ink) = sign(kind);
            ink.cell(format!("{sign} {}", plain(outcome)))
        }
        _ => Cell::new(""),
    };
    vec![Cell::new(step), outcome]
}

fn of_figure(figure: &FigureRow, pair: bool) -> Vec<Cell> {
    let mut cells = vec![Cell::new(&figure.figure)];
    cells.extend(figure.values.iter().map(|one| Cell::new(value(*one, figure.unit))));
    for one in &figure.changes {
        let by = change(one, figure.unit);
        if pair {
            cells.push(ink(one).cell(by));
            cells.push(Ink::Quiet.cell(interval(one.interval, figure.unit)));
            cells.push(ink(one).cell(plain(&word(one))));
        } else {
            // Beside several sides there is no room for more.
            let word = match one.word {
                Word::NoDifference => String::new(),
                Word::NotJudged => " ?".into(),
                _ => format!(" {}", word(one)),
            };
            cells.push(ink(one).cell(format!("{by}{word}")));
        }
    }
    cells
}

const fn ink(change: &Change) -> Ink {
    match change.word {
        Word::Better => Ink::Good,
        Word::Worse => Ink::Bad,
        Word::More | Word::Less => Ink::Expected,
        Word::NoDifference | Word::NotJudged => Ink::Quiet,
    }
}

fn gates(comparison: &Comparison, style: Style) -> Option<String> {
    let several = comparison.sides.len() > 2;
    let rows = comparison.gates.iter().map(|one| {
        let (sign, ink) = match one.state {
            GateState::Held => ("✓", Ink::Good),
            GateState::Unsure => ("?", Ink::Warning),
            GateState::Broken => ("✗", Ink::Bad),
        };
        let side = if several { format!("{}  ", plain(&one.side)) } else { String::new() };
        let seen = format!("{side}{}", gate(one, comparison.confidence));
        vec![ink.cell(sign), Cell::new(plain(&one.text)), Cell::new(plain(&seen))]
    });
    list("Fails if", style, 3, rows.collect())
}

fn outcome(comparison: &Comparison, style: Style) -> String {
    let lines = comparison.lines.iter().zip(1..).map(|(line, index)| {
        let changes = || {
            comparison.rows.iter().flat_map(|row| &row.figures).filter_map(|row| row.changes.get(index - 1))
        };
        let has = |word| changes().any(|change| change.word == word);
        let ink = match (has(Word::Better), has(Word::Worse)) {
            (_, true) => Ink::Warning,
            (true, false) => Ink::Good,
            (false, false) => Ink::Strong,
        };
        paint(&wrapped(&plain(line), 2, style), ink, style)
    });
    let mut lines: Vec<String> = lines.collect();
    if let Some(verdict) = &comparison.verdict {
        let (sign, ink) = if verdict.exit_code == 0 { ('✓', Ink::Good) } else { ('✗', Ink::Bad) };
        lines.push(paint(&wrapped(&format!("{sign} {}", plain(&verdict.line)), 2, style), ink, style));
    }
    lines.join("\n")
}
