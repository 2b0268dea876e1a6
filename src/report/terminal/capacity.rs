//! A capacity on a terminal: the tries by their rate, what was found besides, and the outcome last.

use comfy_table::{Cell, CellAlignment, ColumnConstraint};

use super::{Ink, Style, paint, plain, wrapped};
use crate::capacity::{Answer, Capacity};
use crate::report::capacity::{COLUMNS, by_rate, cells, findings, head, remark};

/// From which width on a column is shown.
const FROM_WIDTH: [u16; COLUMNS.len()] = [0, 0, 90, 0, 0, 110, 0, 80, 0, 90, 110];

/// The whole report, ending in its outcome and a line break.
pub fn render_capacity(capacity: &Capacity, style: Style) -> String {
    let style = Style { width: style.width.max(60), ..style };
    let title = paint(&format!("Capacity for {}", plain(&capacity.scenario)), Ink::Strong, style);
    let facts = paint(&wrapped(&plain(&head(capacity)), 0, style), Ink::Quiet, style);
    let objectives =
        capacity.objectives.iter().map(|one| plain(one).into_owned()).collect::<Vec<_>>().join(" · ");
    let mut sections =
        vec![format!("{title}\n{facts}\n{}", wrapped(&format!("must hold: {objectives}"), 2, style))];
    let warnings = capacity.warnings.iter();
    let warnings: Vec<String> = warnings
        .map(|warning| paint(&wrapped(&format!("! {}", plain(warning)), 2, style), Ink::Warning, style))
        .collect();
    if !warnings.is_empty() {
        sections.push(warnings.join("\n"));
    }
    if !capacity.tries.is_empty() {
        sections.push(table(capacity, style));
    }
    let found: Vec<String> = findings(capacity)
        .into_iter()
        .map(|(name, finding)| wrapped(&format!("  {name:<10}  {}", plain(&finding)), 14, style))
        .collect();
    if !found.is_empty() {
        sections.push(found.join("\n"));
    }
    let (sign, ink) = if capacity.verdict.exit_code == 0 { ('✓', Ink::Good) } else { ('✗', Ink::Bad) };
    sections.push(paint(
        &wrapped(&format!("{sign} {}", plain(&capacity.verdict.line)), 2, style),
        ink,
        style,
    ));
    sections.join("\n\n") + "\n"
}

fn table(capacity: &Capacity, style: Style) -> String {
    let shown: Vec<usize> = (0..COLUMNS.len())
        .filter(|&column| style.width >= FROM_WIDTH[column])
        // Of what was not watched there is no column.
        .filter(|&column| capacity.tries.iter().any(|one| cells(one)[column] != "–"))
        .collect();
    let mut head = vec![Cell::new("")];
    head.extend(shown.iter().map(|&column| Ink::Quiet.cell(COLUMNS[column])));
    head.push(Cell::new(""));
    let columns = head.len();
    let mut rows = vec![head];
    for one in by_rate(capacity) {
        let (sign, ink) = match one.answer {
            Answer::Held => ("✓", Ink::Good),
            Answer::Broken => ("✗", Ink::Bad),
            Answer::Unusable => ("?", Ink::Warning),
        };
        let figures = cells(one);
        let mut cells = vec![ink.cell(sign)];
        cells.extend(shown.iter().map(|&column| Cell::new(&figures[column])));
        cells.push(ink.cell(plain(&remark(one, capacity))));
        rows.push(cells);
    }
    let mut table = super::table(style, columns, columns, rows);
    for index in 1..columns - 1 {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.trim_fmt()
}
