//! `loadtest validate`: every finding of every file, for people or for programs.

use serde::Serialize;

use super::scenario::{colours, environment, print, show};
use crate::cli::{ValidateArgs, ValidateFormat};
use crate::exit::Exit;
use crate::scenario::{Failed, LoadOptions, Loaded, MachineFinding, load};

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Document {
    /// The version of this document's shape.
    format: u32,
    valid: bool,
    findings: Vec<MachineFinding>,
    /// Files that could not be read, with the reason.
    unreadable: Vec<Unreadable>,
}

#[derive(Debug, Serialize)]
struct Unreadable {
    file: String,
    message: String,
}

pub(super) fn run(args: &ValidateArgs) -> anyhow::Result<Exit> {
    let Some(env) = environment(&args.environment) else { return Ok(Exit::Usage) };
    let options = LoadOptions { env, target: None };
    let mut document = Document { format: 1, valid: true, findings: Vec::new(), unreadable: Vec::new() };
    let as_text = args.format == ValidateFormat::Text;
    // Tests and their texts are not taken apart: the process is over soon, and for a file of 1,000 steps that would
    // be a sixth of its time.
    for path in &args.files {
        let file = path.display();
        let (source, findings) = match load(path, &options) {
            Ok(Loaded { test, warnings, source, .. }) => {
                std::mem::forget(test);
                if as_text {
                    show(&source.render(&warnings, colours(args.no_color)));
                    print(&format!("{file}: valid\n"))?;
                }
                (source, warnings)
            }
            Err(Failed::Findings { file: source, findings }) => {
                document.valid = false;
                if as_text {
                    show(&source.render(&findings, colours(args.no_color)));
                    print(&format!("{file}: not valid\n"))?;
                }
                (*source, findings)
            }
            Err(error @ Failed::Read(_)) => {
                document.valid = false;
                if as_text {
                    show(&format!("error: {error}\n"));
                }
                document.unreadable.push(Unreadable { file: file.to_string(), message: error.to_string() });
                continue;
            }
        };
        document.findings.extend(source.for_machines(&findings));
        std::mem::forget(source);
    }
    if !as_text {
        let mut text = serde_json::to_string_pretty(&document)?;
        text.push('\n');
        print(&text)?;
    }
    Ok(if document.valid { Exit::Passed } else { Exit::Usage })
}
