//! A capacity as Markdown.

use std::fmt::Write as _;

use super::{COLUMNS, by_rate, cells, findings, head, remark};
use crate::capacity::{Answer, Capacity};
use crate::report::escape::markdown as text;

/// Ends in a line break.
pub fn render(capacity: &Capacity) -> String {
    let sign = if capacity.verdict.exit_code == 0 { '✓' } else { '✗' };
    let mut out = format!("**{sign} {}**\n\n", text(&capacity.verdict.line));
    // Writing to a string does not fail.
    let _ = writeln!(out, "Capacity for {}: {}\n", text(&capacity.scenario), text(&head(capacity)));
    for objective in &capacity.objectives {
        let _ = writeln!(out, "- {}", text(objective));
    }
    out.push('\n');
    if !capacity.warnings.is_empty() {
        out += "> [!WARNING]\n";
        for warning in &capacity.warnings {
            let _ = writeln!(out, "> - {}", text(warning));
        }
        out.push('\n');
    }
    for (name, finding) in findings(capacity) {
        let _ = writeln!(out, "- **{name}**: {}", text(&finding));
    }
    let _ = writeln!(out, "\n| | {} | |\n|---|{}---|", COLUMNS.join(" | "), "--:|".repeat(COLUMNS.len()));
    for one in by_rate(capacity) {
        let sign = match one.answer {
            Answer::Held => "✓",
            Answer::Broken => "✗",
            Answer::Unusable => "?",
        };
        let _ = writeln!(out, "| {sign} | {} | {} |", cells(one).join(" | "), text(&remark(one, capacity)));
    }
    out
}
