//! Runs on several sizes as one HTML file that needs nothing else.

use std::fmt::Write as _;

use super::{folders, head, remarks, rows};
use crate::report::comparison;
use crate::report::escape::html as text;
use crate::report::page::page;
use crate::specs::Specs;

/// The whole document.
pub fn render(specs: &Specs) -> String {
    let class = if specs.verdict.exit_code == 0 { "better" } else { "worse" };
    // Writing to a string does not fail.
    let mut body = format!("<p class=\"verdict {class}\">{}</p>\n", text(&specs.verdict.line));
    let _ = writeln!(body, "<p class=\"note\">{}</p>", text(&head(specs)));
    body += "<div class=\"wide\">\n<table>\n<thead><tr><th></th>";
    for spec in &specs.specs {
        let _ = write!(body, "<th class=\"number\">{}</th>", text(&spec.name));
    }
    body += "</tr></thead>\n<tbody>\n";
    for (name, cells) in rows(specs) {
        let _ = write!(body, "<tr><th>{name}</th>");
        for cell in cells {
            let _ = write!(body, "<td class=\"number\">{}</td>", text(&cell));
        }
        body += "</tr>\n";
    }
    body += "</tbody>\n</table>\n</div>\n<dl class=\"sides\">\n";
    for (name, said) in remarks(specs) {
        let _ = writeln!(body, "<dt>{}</dt>\n<dd>{}</dd>", text(&name), text(&said));
    }
    body += "</dl>\n<h2>Runs</h2>\n<dl class=\"sides\">\n";
    for (name, folder, line) in folders(specs) {
        let _ = writeln!(
            body,
            "<dt>{}</dt>\n<dd>{}<br><small>{}</small></dd>",
            text(name),
            text(folder),
            text(line)
        );
    }
    body += "</dl>\n";
    if let Some(compared) = &specs.comparison {
        body += "<h2>What differs</h2>\n";
        body += &comparison::html::body(compared);
    }
    page(&format!("Specs for {}", specs.scenario), &body)
}
