//! The end of a run on a terminal: what happened, what broke and where, and the verdict as the last line.
//!
//! Read from the bottom it answers in this order: passed or not, by what, and then the figures. Business
//! outcomes have a sign and a colour of their own, since they are no failures.

mod capacity;
mod comparison;
mod polls;
mod sections;
mod steps;
mod target;

use std::borrow::Cow;
use std::path::Path;

use comfy_table::{Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table};

use super::figures::whole_seconds;

pub use capacity::render_capacity;
pub use comparison::render_comparison;

use crate::result::{Ended, LoadModel, RunResult, Soundness, harmless};

/// How to write for the place where the text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colours; the caller knows about terminals and `NO_COLOR`.
    pub color: bool,
    /// Columns to write in; less than 60 is taken for 60.
    pub width: u16,
}

impl Default for Style {
    fn default() -> Self {
        Style { color: false, width: 100 }
    }
}

/// The whole report, ending in the verdict and a line break.
pub fn render(result: &RunResult, style: Style) -> String {
    let style = Style { width: style.width.max(60), ..style };
    if matches!(result.verdict.ended, Ended::NotReady(_) | Ended::SetupFailed(_)) {
        // There was no load: tables of nothing would only hide why.
        let sections =
            [Some(head(result, style)), sections::failures(result, style), Some(verdict(result, style))];
        return sections.into_iter().flatten().collect::<Vec<_>>().join("\n\n") + "\n";
    }
    let sections = [
        Some(head(result, style)),
        steps::table(result, style),
        steps::waiting(result, style),
        Some(sections::totals(result, style)),
        sections::groups(result, style),
        polls::polls(result, style),
        sections::checks(result, style),
        sections::metrics(result, style),
        target::resources(result, style),
        target::series(result, style),
        target::drift(result, style),
        sections::failures(result, style),
        sections::thresholds(result, style),
        sections::invariants(result, style),
        Some(sections::validity(result, style)),
        Some(verdict(result, style)),
    ];
    let mut text = sections.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}

/// Where the run was written, as a line below the report.
pub fn written(directory: &Path, style: Style) -> String {
    format!("{}\n", paint(&format!("  written to {}", directory.display()), Ink::Quiet, style))
}

fn head(result: &RunResult, style: Style) -> String {
    let mut facts: Vec<String> = Vec::new();
    if let [only] = result.scenarios.as_slice() {
        facts.extend(only.kind.clone());
        facts.push(model(only.model).into());
    } else {
        facts.push(format!("{} scenarios", result.scenarios.len()));
    }
    facts.push(format!("{} of load", whole_seconds(result.load_s)));
    let bundled = if result.target.bundled { " (bundled)" } else { "" };
    let socket = result.target.socket.as_ref().map_or(String::new(), |socket| format!(" ({socket})"));
    facts.push(format!("{}{socket}{bundled}", result.target.url));
    facts.push(format!("seed {}", result.seed));
    let mut lines = vec![paint(&plain(&result.scenario.name), Ink::Strong, style)];
    if let Some(description) = result.scenario.description.as_deref().filter(|text| !text.is_empty()) {
        lines.push(wrapped(&plain(description.lines().next().unwrap_or_default()), 0, style));
    }
    lines.push(paint(&wrapped(&plain(&facts.join(" · ")), 0, style), Ink::Quiet, style));
    if result.target.insecure {
        let said = "! certificates of servers are not checked (`http.tls.insecure`)";
        lines.push(paint(&wrapped(said, 2, style), Ink::Warning, style));
    }
    lines.join("\n")
}

fn verdict(result: &RunResult, style: Style) -> String {
    let (sign, ink) = match (result.verdict.exit_code, result.validity.verdict) {
        (0, Soundness::Suspect) => ('!', Ink::Warning),
        (0, _) => ('✓', Ink::Good),
        _ => ('✗', Ink::Bad),
    };
    paint(&format!("{sign} {}", plain(&result.verdict.line)), ink, style)
}

const fn model(model: LoadModel) -> &'static str {
    match model {
        LoadModel::Closed => "closed model",
        LoadModel::Open => "open model",
    }
}

/// What a text means, from which its colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ink {
    Strong,
    Quiet,
    Good,
    /// A business outcome.
    Expected,
    Warning,
    Bad,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Ink::Strong => "1",
            Ink::Quiet => "2",
            Ink::Good => "1;32",
            Ink::Expected => "36",
            Ink::Warning => "1;33",
            Ink::Bad => "1;31",
        }
    }

    /// For cells of tables, which do their own colours to know their width.
    fn cell(self, text: impl ToString) -> Cell {
        let cell = Cell::new(text);
        match self {
            Ink::Strong => cell.add_attribute(comfy_table::Attribute::Bold),
            Ink::Quiet => cell.add_attribute(comfy_table::Attribute::Dim),
            Ink::Good => cell.fg(Color::Green),
            Ink::Expected => cell.fg(Color::Cyan),
            Ink::Warning => cell.fg(Color::Yellow),
            Ink::Bad => cell.fg(Color::Red),
        }
    }
}

fn paint(text: &str, ink: Ink, style: Style) -> String {
    if style.color { format!("\x1b[{}m{text}\x1b[0m", ink.code()) } else { text.into() }
}

/// A text of a file or a server, on one line and without anything a terminal would act on.
fn plain(text: &str) -> Cow<'_, str> {
    harmless(text, false)
}

/// Breaks a text between words, its further lines indented by so many blanks. Counts letters: what is wide (a
/// script of East Asia) may reach beyond.
fn wrapped(text: &str, indent: usize, style: Style) -> String {
    let words = text.trim_start();
    let mut line = " ".repeat(text.len() - words.len());
    let mut lines = Vec::new();
    let mut first = true;
    for word in words.split(' ') {
        let length = line.chars().count() + usize::from(!first) + word.chars().count();
        if !first && length > usize::from(style.width) {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        } else if !first {
            line.push(' ');
        }
        line.push_str(word);
        first = false;
    }
    lines.push(line);
    lines.join("\n")
}

/// A table without lines, as wide as it needs to be and at most as wide as the place.
///
/// Columns from `numbers` on are set to the right and never broken.
fn table(style: Style, columns: usize, numbers: usize, rows: Vec<Vec<Cell>>) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(style.width);
    if style.color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.add_rows(rows);
    // Every row has all its cells, but the settings below want the columns to exist.
    table.discover_columns();
    for index in 0..columns {
        let Some(column) = table.column_mut(index) else { continue };
        column.set_padding((2, 0));
        if index >= numbers {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

/// A list below a heading, its first column a sign.
fn list(heading: &str, style: Style, columns: usize, rows: Vec<Vec<Cell>>) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let mut list = table(style, columns, columns, rows);
    for index in [1, 2] {
        if let Some(column) = list.column_mut(index) {
            column.set_padding((if index == 1 { 1 } else { 2 }, 0));
        }
    }
    Some(format!("{}\n{}", paint(heading, Ink::Strong, style), list.trim_fmt()))
}

#[cfg(test)]
mod tests;
