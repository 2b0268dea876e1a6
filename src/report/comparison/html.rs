//! A comparison as one HTML file that needs nothing else.
//!
//! Whatever comes from a file or a server is escaped; only what stands in this file is markup.

use std::fmt::Write as _;

use super::{change, gate, interval, level, note, run, value, word};
use crate::compare::{Change, Comparison, FigureRow, FigureUnit, GateState, Interval, Row, Word};
use crate::report::escape::html as text;
use crate::report::page::page;
use crate::result::OutcomeKind;

/// The whole document.
pub fn render(comparison: &Comparison) -> String {
    let names: Vec<&str> = comparison.sides.iter().map(|side| side.name.as_str()).collect();
    let title = match names.split_first() {
        Some((base, others)) => format!("{} against {base}", others.join(", ")),
        None => "Comparison".into(),
    };
    let mut body = summary(comparison);
    body += &sides(comparison);
    body += &table(comparison);
    body += &gates(comparison);
    // Writing to a string does not fail.
    let _ = writeln!(body, "<p class=\"note\">{}</p>", text(&note(comparison)));
    page(&title, &body)
}

fn summary(comparison: &Comparison) -> String {
    let mut out = String::new();
    if let Some(verdict) = &comparison.verdict {
        let class = if verdict.exit_code == 0 { "better" } else { "worse" };
        let _ = writeln!(out, "<p class=\"verdict {class}\">{}</p>", text(&verdict.line));
    }
    for line in &comparison.lines {
        let _ = writeln!(out, "<p class=\"line\">{}</p>", text(line));
    }
    if !comparison.warnings.is_empty() {
        out += "<section class=\"warnings\" aria-label=\"Warnings\">\n<ul>\n";
        for warning in &comparison.warnings {
            let _ = writeln!(out, "<li>{}</li>", text(warning));
        }
        out += "</ul>\n</section>\n";
    }
    out
}

fn sides(comparison: &Comparison) -> String {
    let mut out = String::from("<dl class=\"sides\">\n");
    for side in &comparison.sides {
        let _ = writeln!(out, "<dt>{}</dt>", text(&side.name));
        for one in &side.runs {
            let facts: Vec<String> = run(one).iter().map(|fact| text(fact)).collect();
            let _ = writeln!(
                out,
                "<dd>{}<br><small>{}<br>{}</small></dd>",
                text(&one.from),
                facts.join(" · "),
                text(&one.verdict)
            );
        }
    }
    out + "</dl>\n"
}

fn table(comparison: &Comparison) -> String {
    let sure = level(comparison.confidence);
    let mut out = String::from(
        "<div class=\"wide\">\n<table>\n<thead><tr><th>step</th><th>outcome</th><th>figure</th>",
    );
    for side in &comparison.sides {
        let _ = write!(out, "<th class=\"number\">{}</th>", text(&side.name));
    }
    for side in comparison.sides.iter().skip(1) {
        let name = if comparison.sides.len() > 2 { format!("{}: ", text(&side.name)) } else { String::new() };
        let _ = write!(
            out,
            "<th class=\"number\">{name}change</th><th>{sure} interval</th><th aria-hidden=\"true\"></th><th>difference</th>"
        );
    }
    out += "</tr></thead>\n";
    let scale = Scale::of(comparison);
    for row in &comparison.rows {
        out += "<tbody>\n";
        for (place, figure) in row.figures.iter().enumerate() {
            out += "<tr>";
            if place == 0 {
                out += &named(row);
            }
            out += &of_figure(figure, scale);
            out += "</tr>\n";
        }
        out += "</tbody>\n";
    }
    out + "</table>\n</div>\n"
}

fn named(row: &Row) -> String {
    let step = match (&row.step, &row.scenario) {
        (None, _) => "<em>all steps</em>".into(),
        (Some(step), None) => text(step),
        (Some(step), Some(scenario)) => format!("{}: {}", text(scenario), text(step)),
    };
    let outcome = match (row.kind, &row.outcome) {
        (Some(kind), Some(outcome)) => {
            let (sign, class) = match kind {
                OutcomeKind::Success => ('✓', "success"),
                OutcomeKind::Business => ('○', "business"),
                OutcomeKind::Failure => ('✗', "failure"),
            };
            format!("<span class=\"{class}\">{sign} {}</span>", text(outcome))
        }
        _ => String::new(),
    };
    let rows = row.figures.len();
    format!("<th rowspan=\"{rows}\" scope=\"rowgroup\">{step}</th><td rowspan=\"{rows}\">{outcome}</td>")
}

fn of_figure(figure: &FigureRow, scale: Scale) -> String {
    let mut out = format!("<td>{}</td>", text(&figure.figure));
    for one in &figure.values {
        let _ = write!(out, "<td class=\"number\">{}</td>", text(&value(*one, figure.unit)));
    }
    for one in &figure.changes {
        let class = class(one);
        let _ = write!(
            out,
            "<td class=\"number {class}\">{}</td><td class=\"interval\">{}</td><td>{}</td><td class=\"{class}\">{}</td>",
            text(&change(one, figure.unit)),
            text(&interval(one.interval, figure.unit)),
            bar(one, figure.unit, scale),
            text(&word(one))
        );
    }
    out
}

const fn class(change: &Change) -> &'static str {
    match change.word {
        Word::Better => "better",
        Word::Worse => "worse",
        Word::More | Word::Less => "moved",
        Word::NoDifference | Word::NotJudged => "none",
    }
}

/// How far from the middle an interval may reach, so that bars of one table can be held against each other.
#[derive(Debug, Clone, Copy)]
struct Scale {
    relative: f64,
    points: f64,
}

impl Scale {
    fn of(comparison: &Comparison) -> Scale {
        let mut scale = Scale { relative: 0.1, points: 0.01 };
        for figure in comparison.rows.iter().flat_map(|row| &row.figures) {
            let ends = figure.changes.iter().filter_map(|change| change.interval);
            for Interval { low, high } in ends {
                let reach = low.abs().max(high.abs());
                match figure.unit {
                    FigureUnit::Share => scale.points = scale.points.max(reach),
                    // A tenfold change would leave all others a line.
                    _ => scale.relative = scale.relative.max(reach.min(1.0)),
                }
            }
        }
        scale
    }
}

/// The interval as a line with its point, no change in the middle.
fn bar(change: &Change, unit: FigureUnit, scale: Scale) -> String {
    const HALF: f64 = 70.0;
    let Some(Interval { low, high }) = change.interval else { return String::new() };
    let (point, reach) = match unit {
        FigureUnit::Share => (change.absolute, scale.points),
        _ => (change.relative, scale.relative),
    };
    let x = |value: f64| HALF + (value / reach).clamp(-1.0, 1.0) * (HALF - 4.0);
    let (low, high, point) = (x(low), x(high), x(point.unwrap_or_default()));
    format!(
        "<svg class=\"{}\" width=\"140\" height=\"14\" viewBox=\"0 0 140 14\" aria-hidden=\"true\">\
         <path class=\"axis\" d=\"M{HALF} 0V14\"/><path class=\"bar\" d=\"M{low:.1} 7H{high:.1}\"/>\
         <circle cx=\"{point:.1}\" cy=\"7\" r=\"3\"/></svg>",
        class(change)
    )
}

fn gates(comparison: &Comparison) -> String {
    if comparison.gates.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<h2>Fails if</h2>\n<div class=\"wide\">\n<table>\n<thead><tr><th></th><th>condition</th><th>side</th>\
         <th>what was seen</th></tr></thead>\n<tbody>\n",
    );
    for one in &comparison.gates {
        let (sign, class) = match one.state {
            GateState::Held => ("✓ held", "better"),
            GateState::Unsure => ("? may be chance", "moved"),
            GateState::Broken => ("✗ broken", "worse"),
        };
        let _ = writeln!(
            out,
            "<tr><td class=\"{class}\">{sign}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            text(&one.text),
            text(&one.side),
            text(&gate(one, comparison.confidence))
        );
    }
    out + "</tbody>\n</table>\n</div>\n"
}
