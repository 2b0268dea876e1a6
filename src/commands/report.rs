//! `loadtest report`: a saved run, shown again.

use super::scenario::{print, show, style};
use crate::cli::{ReportArgs, ReportFormat};
use crate::exit::Exit;
use crate::report::{Lang, csv, html, incident, json, junit, markdown, terminal};
use crate::result::{RunResult, read, write_whole};

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<Exit> {
    let result = match read(&args.place) {
        Ok(result) => result,
        // What was named is no result.
        Err(error) => {
            show(&format!("error: {error}\n"));
            return Ok(Exit::Usage);
        }
    };
    // A file has no colours and no width.
    let text = match (args.format, &args.out) {
        (ReportFormat::Text, Some(_)) => terminal::render(&result, terminal::Style::default()),
        (ReportFormat::Text, None) => terminal::render(&result, style(args.no_color)),
        (format, _) => render(&result, format, args.lang)?,
    };
    match &args.out {
        Some(path) if path.as_os_str() != "-" => write_whole(path, text.as_bytes())?,
        _ => print(&text)?,
    }
    Ok(Exit::Passed)
}

fn render(result: &RunResult, format: ReportFormat, lang: Lang) -> anyhow::Result<String> {
    Ok(match format {
        ReportFormat::Text => terminal::render(result, terminal::Style::default()),
        ReportFormat::Html => html::render(result, lang)?,
        ReportFormat::Md => markdown::render(result, lang),
        ReportFormat::Incident => incident::render(result, lang),
        ReportFormat::Junit => junit::render(result)?,
        ReportFormat::Csv => csv::render(result)?,
        ReportFormat::Json => json::render(result)?,
    })
}
