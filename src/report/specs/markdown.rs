//! Runs on several sizes as Markdown.

use std::fmt::Write as _;

use super::{folders, head, remarks, rows};
use crate::report::comparison;
use crate::report::escape::markdown as plain;
use crate::specs::Specs;

/// Ends in a line break.
pub fn render(specs: &Specs) -> String {
    let sign = if specs.verdict.exit_code == 0 { '✓' } else { '✗' };
    // Writing to a string does not fail.
    let mut text = format!("**{sign} {}**\n\n", plain(&specs.verdict.line));
    let _ = writeln!(text, "Specs for {}: {}\n", plain(&specs.scenario), plain(&head(specs)));
    let names: Vec<String> = specs.specs.iter().map(|spec| plain(&spec.name)).collect();
    let _ = writeln!(text, "| | {} |\n|---|{}", names.join(" | "), "--:|".repeat(names.len()));
    for (name, cells) in rows(specs) {
        let cells: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text.push('\n');
    for (name, said) in remarks(specs) {
        let _ = writeln!(text, "- **{}**: {}", plain(&name), plain(&said));
    }
    text += "\n## Runs\n\n";
    for (name, folder, line) in folders(specs) {
        let _ = writeln!(text, "- **{}** {}: {}", plain(name), plain(folder), plain(line));
    }
    if let Some(compared) = &specs.comparison {
        let _ = write!(text, "\n## What differs\n\n{}", comparison::markdown::render(compared));
    }
    text
}
