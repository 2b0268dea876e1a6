//! A capacity as Markdown.

use std::fmt::Write as _;

use super::{COLUMNS, by_rate, cells, findings, head, remark};
use crate::capacity::{Answer, Capacity};
use crate::report::escape::markdown as plain;

/// Ends in a line break.
pub fn render(capacity: &Capacity) -> String {
    let sign = if capacity.verdict.exit_code == 0 { '✓' } else { '✗' };
    let mut text = format!("**{sign} {}**\n\n", plain(&capacity.verdict.line));
    // Writing to a string does not fail.
    let _ = writeln!(text, "Capacity for {}: {}\n", plain(&capacity.scenario), plain(&head(capacity)));
    for objective in &capacity.objectives {
        let _ = writeln!(text, "- {}", plain(objective));
    }
    text.push('\n');
    if !capacity.warnings.is_empty() {
        text += "> [!WARNING]\n";
        for warning in &capacity.warnings {
            let _ = writeln!(text, "> - {}", plain(warning));
        }
        text.push('\n');
    }
    for (name, finding) in findings(capacity) {
        let _ = writeln!(text, "- **{name}**: {}", plain(&finding));
    }
    let _ = writeln!(text, "\n| | {} | |\n|---|{}---|", COLUMNS.join(" | "), "--:|".repeat(COLUMNS.len()));
    for one in by_rate(capacity) {
        let sign = match one.answer {
            Answer::Held => "✓",
            Answer::Broken => "✗",
            Answer::Unusable => "?",
        };
        let _ = writeln!(text, "| {sign} | {} | {} |", cells(one).join(" | "), plain(&remark(one, capacity)));
    }
    text
}
