//! Runs on several sizes on a terminal: the sizes side by side, what differs, and which to take last.

use comfy_table::{Cell, CellAlignment};

use super::{Ink, Style, paint, plain, render_comparison, wrapped};
use crate::report::specs::{head, remarks, rows};
use crate::specs::Specs;

/// The whole report, ending in its outcome and a line break.
pub fn render_specs(specs: &Specs, style: Style) -> String {
    let style = Style { width: style.width.max(60), ..style };
    let title = paint(&format!("Specs for {}", plain(&specs.scenario)), Ink::Strong, style);
    let facts = paint(&wrapped(&plain(&head(specs)), 0, style), Ink::Quiet, style);
    let mut sections = vec![format!("{title}\n{facts}")];
    if let Some(comparison) = &specs.comparison {
        sections.push(render_comparison(comparison, style).trim_end().to_owned());
    }
    sections.push(table(specs, style));
    let remarks: Vec<String> = remarks(specs)
        .into_iter()
        .map(|(name, said)| wrapped(&format!("  {}  {}", plain(&name), plain(&said)), 4, style))
        .collect();
    if !remarks.is_empty() {
        sections.push(remarks.join("\n"));
    }
    let (sign, ink) = if specs.verdict.exit_code == 0 { ('✓', Ink::Good) } else { ('✗', Ink::Bad) };
    sections.push(paint(&wrapped(&format!("{sign} {}", plain(&specs.verdict.line)), 2, style), ink, style));
    sections.join("\n\n") + "\n"
}

fn table(specs: &Specs, style: Style) -> String {
    let columns = specs.specs.len() + 1;
    let mut head = vec![Cell::new("")];
    head.extend(specs.specs.iter().map(|spec| Ink::Strong.cell(plain(&spec.name))));
    let mut all = vec![head];
    for (name, cells) in rows(specs) {
        let mut row = vec![Ink::Quiet.cell(name)];
        row.extend(cells.iter().map(|cell| Cell::new(plain(cell))));
        all.push(row);
    }
    let mut table = super::table(style, columns, 1, all);
    for index in 1..columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}
