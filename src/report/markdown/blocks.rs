//! Code, blocks and tables in Markdown.

use std::fmt::Write as _;

use crate::report::content::{Cell, Table, Tone};
use crate::report::escape::markdown as text;

/// A word as it is written in a file. Also fit for a cell of a table, where a `|` is escaped even here.
pub(in crate::report) fn code(text: &str) -> String {
    let text = text.replace('\n', " ");
    if text.trim().is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // A blank keeps a backtick at either end apart from the fence, and is taken off again.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// A block of lines as they are, each line indented by so many blanks.
pub(in crate::report) fn block(text: &str, language: &str, indent: usize) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    let indent = " ".repeat(indent);
    let mut out = format!("{indent}{fence}{language}\n");
    for line in text.lines() {
        let _ = writeln!(out, "{indent}{line}");
    }
    out + &format!("{indent}{fence}\n")
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for letter in text.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// A table under its heading of so many `#`.
pub(in crate::report) fn table(table: &Table, level: usize) -> String {
    let mut out = format!("{} {}\n\n", "#".repeat(level), text(table.caption));
    let heads: Vec<String> = table.columns.iter().map(|column| text(column.head)).collect();
    let lines: Vec<&str> =
        table.columns.iter().map(|column| if column.is_figure { "---:" } else { "---" }).collect();
    let _ = writeln!(out, "| {} |\n|{}|", heads.join(" | "), lines.join("|"));
    let mut above = None;
    for row in &table.rows {
        let first = row.first();
        let is_same = table.is_grouped && first.is_some() && first == above;
        above = first;
        let cells = row.iter().enumerate().map(
            |(index, one)| {
                if index == 0 && is_same { String::new() } else { cell(one) }
            },
        );
        let _ = writeln!(out, "| {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    if let Some(note) = &table.note {
        let _ = write!(out, "\n{}\n", text(note));
    }
    out
}

fn cell(cell: &Cell) -> String {
    let written = if cell.is_code { code(&cell.text) } else { text(&cell.text) };
    match cell.tone {
        Tone::Bad if !written.is_empty() => format!("**{written}**"),
        _ => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_holds_backticks_and_bars() {
        assert_eq!(code("p95 < 1s"), "`p95 < 1s`");
        assert_eq!(code("a|b"), r"`a\|b`");
        assert_eq!(code("`x` ``"), "``` `x` `` ```");
        assert_eq!(code(""), "");
        assert_eq!(block("a\n```\nb", "", 2), "  ````\n  a\n  ```\n  b\n  ````\n");
    }

    #[test]
    fn rows_that_belong_together_are_named_once() {
        let mut steps = Table::new("Steps", &["step", "outcome"], &["count"]);
        steps.is_grouped = true;
        let row = |step: &str, outcome: Cell, count: &str| vec![Cell::new(step), outcome, Cell::new(count)];
        steps.rows = vec![
            row("pay", Cell::new("ok"), "3"),
            row("pay", Cell::toned(Tone::Bad, "status 500"), "1"),
            row("browse", Cell::new("ok"), "9"),
        ];
        insta::assert_snapshot!(table(&steps, 2));
    }
}
