//! A capacity as one HTML file that needs nothing else.

use std::fmt::Write as _;

use super::{COLUMNS, by_rate, cells, findings, head, rate, remark, time};
use crate::capacity::{Answer, Capacity, Try};
use crate::report::escape::html as text;
use crate::report::page::page;

/// The whole document.
pub fn render(capacity: &Capacity) -> String {
    let mut body = String::new();
    let class = if capacity.verdict.exit_code == 0 { "better" } else { "worse" };
    // Writing to a string does not fail.
    let _ = writeln!(body, "<p class=\"verdict {class}\">{}</p>", text(&capacity.verdict.line));
    let _ = writeln!(body, "<p class=\"note\">{}</p>\n<ul>", text(&head(capacity)));
    for objective in &capacity.objectives {
        let _ = writeln!(body, "<li><code>{}</code></li>", text(objective));
    }
    body += "</ul>\n";
    if !capacity.warnings.is_empty() {
        body += "<section class=\"warnings\" aria-label=\"Warnings\">\n<ul>\n";
        for warning in &capacity.warnings {
            let _ = writeln!(body, "<li>{}</li>", text(warning));
        }
        body += "</ul>\n</section>\n";
    }
    body += "<dl class=\"sides\">\n";
    for (name, finding) in findings(capacity) {
        let _ = writeln!(body, "<dt>{name}</dt>\n<dd>{}</dd>", text(&finding));
    }
    body += "</dl>\n";
    body += &chart(capacity);
    body += &table(capacity);
    page(&format!("Capacity for {}", capacity.scenario), &body)
}

fn table(capacity: &Capacity) -> String {
    let mut out = String::from("<div class=\"wide\">\n<table>\n<thead><tr>");
    for name in COLUMNS {
        let _ = write!(out, "<th class=\"number\">{name}</th>");
    }
    out += "<th></th></tr></thead>\n<tbody>\n";
    for one in by_rate(capacity) {
        out += "<tr>";
        for cell in cells(one) {
            let _ = write!(out, "<td class=\"number\">{}</td>", text(&cell));
        }
        let (sign, class) = match one.answer {
            Answer::Held => ("✓", "better"),
            Answer::Broken => ("✗", "worse"),
            Answer::Unusable => ("?", "moved"),
        };
        let _ = writeln!(out, "<td class=\"{class}\">{sign} {}</td></tr>", text(&remark(one, capacity)));
    }
    out + "</tbody>\n</table>\n</div>\n"
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 14.0;

/// Response times by rate: p50 and p95, on a logarithmic scale, since they grow by orders of magnitude.
fn chart(capacity: &Capacity) -> String {
    let tries: Vec<&Try> =
        by_rate(capacity).into_iter().filter(|one| one.answer != Answer::Unusable).collect();
    let times = || tries.iter().flat_map(|one| [one.p50_ms, one.p95_ms]).flatten().filter(|time| *time > 0.0);
    let (Some(least), Some(most)) = (times().reduce(f64::min), times().reduce(f64::max)) else {
        return String::new();
    };
    let widest = tries.iter().map(|one| one.rate).fold(0.0, f64::max);
    let (low, high) = (least.log10().floor(), most.log10().ceil().max(least.log10().floor() + 1.0));
    let x = |rate: f64| LEFT + rate / widest * (WIDTH - LEFT - 20.0);
    let y = |millis: f64| TOP + (high - millis.log10()) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let mut out = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Response times by rate; the table below has the figures\">\n"
    );
    for power in (low as i32)..=(high as i32) {
        let (at, millis) = (y(10.0_f64.powi(power)), 10.0_f64.powi(power));
        let _ = writeln!(
            out,
            "<path class=\"axis\" d=\"M{LEFT} {at:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - 20.0,
            LEFT - 8.0,
            at + 4.0,
            text(&time(Some(millis)))
        );
    }
    for part in 0..=4 {
        let value = widest * f64::from(part) / 4.0;
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(value),
            HEIGHT - BOTTOM + 18.0,
            text(&rate(value.round()))
        );
    }
    let mark = |out: &mut String, rate: f64, name: &str| {
        let at = x(rate);
        let _ = writeln!(
            out,
            "<path class=\"mark\" d=\"M{at:.1} {TOP}V{:.1}\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - 6.0
        );
    };
    if let Some(holds) = capacity.found.holds {
        mark(&mut out, holds, "holds");
    }
    if let Some(knee) = capacity.knee.filter(|knee| knee.share <= 0.97) {
        mark(&mut out, knee.rate, "knee");
    }
    for (class, pick) in [("p50", (|one| one.p50_ms) as fn(&Try) -> Option<f64>), ("p95", |one| one.p95_ms)] {
        let points: Vec<(f64, f64, Answer)> = tries
            .iter()
            .filter_map(|one| Some((x(one.rate), y(pick(one).filter(|time| *time > 0.0)?), one.answer)))
            .collect();
        let line: Vec<String> = points.iter().map(|(x, y, _)| format!("{x:.1} {y:.1}")).collect();
        let _ = writeln!(out, "<path class=\"line {class}\" d=\"M{}\"/>", line.join("L"));
        for (x, y, answer) in &points {
            let class = if *answer == Answer::Held { class.to_owned() } else { format!("{class} worse") };
            let _ = writeln!(out, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        }
        if let Some((x, y, _)) = points.last() {
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{class}</text>",
                x - 6.0,
                y - 6.0
            );
        }
    }
    out + "</svg>\n"
}
