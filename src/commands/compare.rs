//! `loadtest compare`: runs side by side, and whether what differs is a reason to fail.

use std::path::Path;

use anyhow::Context as _;

use super::scenario::{self, colours, print, show};
use crate::cli::{CompareArgs, ComparisonFormat};
use crate::compare::gate::{Names, parse};
use crate::compare::{Comparison, Gate, Options, Side, Source, compare};
use crate::exit::Exit;
use crate::report::comparison::{html, markdown};
use crate::report::terminal::{Style, render_comparison};
use crate::result::{read, write_whole};
use crate::scenario::{Finding, Source as Text};

pub(super) fn run(args: &CompareArgs) -> anyhow::Result<Exit> {
    let mut sides = Vec::new();
    for (place, runs) in args.runs.iter().enumerate() {
        match side(&letters(place), runs) {
            Ok(side) => sides.push(side),
            Err(error) => {
                show(&format!("error: {error}\n"));
                return Ok(Exit::Usage);
            }
        }
    }
    let Some(gates) = gates(&args.fail_if, &Names::of_sides(&sides), args.no_color) else {
        return Ok(Exit::Usage);
    };
    let options = Options { confidence: args.confidence, margin: args.margin, ..Options::default() };
    let comparison = compare(&sides, options, &gates);
    // A file is no terminal, whatever there is one.
    let style = if args.out.is_some() { Style::default() } else { scenario::style(args.no_color) };
    let text = written(&comparison, args.format, style)?;
    match &args.out {
        Some(path) => {
            write_whole(path, text.as_bytes()).context("the comparison could not be written")?;
            print(&format!("written to {}\n", path.display()))?;
        }
        None => print(&text)?,
    }
    Ok(exit(&comparison))
}

/// What the gates of a comparison come to.
pub(super) fn exit(comparison: &Comparison) -> Exit {
    comparison.verdict.as_ref().map_or(Exit::Passed, |verdict| Exit::from_code(verdict.exit_code))
}

/// A comparison in a format.
pub(super) fn written(
    comparison: &Comparison,
    format: ComparisonFormat,
    style: Style,
) -> anyhow::Result<String> {
    Ok(match format {
        ComparisonFormat::Text => render_comparison(comparison, style),
        ComparisonFormat::Md => markdown::render(comparison),
        ComparisonFormat::Html => html::render(comparison),
        ComparisonFormat::Json => serde_json::to_string_pretty(comparison)? + "\n",
    })
}

/// The gates of `--fail-if`; none where findings were shown instead.
pub(super) fn gates(texts: &[String], names: &Names, no_color: bool) -> Option<Vec<Gate>> {
    let mut gates = Vec::new();
    let mut is_wrong = false;
    for text in texts {
        match parse(text, names) {
            Ok(gate) => gates.push(gate),
            Err(error) => {
                let finding = Finding { help: error.help, ..Finding::error(error.at, error.problem) };
                let source = Text::new("--fail-if", text.as_str());
                show(&source.render(&[finding], colours(no_color)));
                is_wrong = true;
            }
        }
    }
    (!is_wrong).then_some(gates)
}

/// One run, or several of the same thing with commas between them.
fn side(name: &str, runs: &str) -> Result<Side, crate::result::ReadError> {
    let several: Vec<&str> = runs.split(',').map(str::trim).filter(|place| !place.is_empty()).collect();
    let places = if several.is_empty() || Path::new(runs).exists() { vec![runs] } else { several };
    let source = |place: &str| Ok(Source { from: place.into(), result: read(Path::new(place))? });
    let runs = places.into_iter().map(source).collect::<Result<Vec<_>, _>>()?;
    Ok(Side { name: name.into(), runs })
}

/// `A`, `B` … `Z`, `AA` …
fn letters(place: usize) -> String {
    let letter = char::from(b'A' + (place % 26) as u8);
    match place / 26 {
        0 => letter.into(),
        more => letters(more - 1) + &letter.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sides_are_named_by_letters() {
        let names = [(0, "A"), (25, "Z"), (26, "AA"), (27, "AB"), (52, "BA")];
        for (place, name) in names {
            assert_eq!(super::letters(place), name);
        }
    }
}
