//! Runs on several sizes as Markdown.

use std::fmt::Write as _;

use super::{folders, head, remarks, rows};
use crate::report::comparison;
use crate::report::escape::markdown as text;
use crate::specs::Specs;

/// Ends in a line break.
pub fn render(specs: &Specs) -> String {
    let sign = if specs.verdict.exit_code == 0 { '✓' } else { '✗' };
    // Writing to a string does not fail.
    let mut out = format!("**{sign} {}**\n\n", text(&specs.verdict.line));
    let _ = writeln!(out, "Specs for {}: {}\n", text(&specs.scenario), text(&head(specs)));
    let names: Vec<String> = specs.specs.iter().map(|spec| text(&spec.name)).collect();
    let _ = writeln!(out, "| | {} |\n|---|{}", names.join(" | "), "--:|".repeat(names.len()));
    for (name, cells) in rows(specs) {
        let cells: Vec<String> = cells.iter().map(|cell| text(cell)).collect();
        let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
    }
    out.push('\n');
    for (name, said) in remarks(specs) {
        let _ = writeln!(out, "- **{}**: {}", text(&name), text(&said));
    }
    out += "\n## Runs\n\n";
    for (name, folder, line) in folders(specs) {
        let _ = writeln!(out, "- **{}** {}: {}", text(name), text(folder), text(line));
    }
    if let Some(compared) = &specs.comparison {
        let _ = write!(out, "\n## What differs\n\n{}", comparison::markdown::render(compared));
    }
    out
}
