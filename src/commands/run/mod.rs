//! `loadtest run`: a test, its result, and its report.

use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;

use super::github;
use super::scenario::{self, print, show};
use crate::cli::RunArgs;
use crate::exit::Exit;
use crate::report::{Lang, html, junit, markdown, terminal};
use crate::result::{RunDirectory, RunResult};
use crate::run::{On, Settings, Stops, block_on, run as run_test};
use crate::usage;

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let Some(test) = scenario::read(&args.scenario) else { return Ok(Exit::Usage) };
    usage::raise_open_files();
    let started = Timestamp::now();
    let directory = RunDirectory::create(&args.out, &test.name, started);
    let directory = directory.context("the result has no place to go; choose another with --out")?;
    let settings = Settings {
        seed: args.seed,
        workers: args.scenario.workers,
        env: args.scenario.env.clone(),
        strict: args.strict,
        progress: scenario::progress(args.quiet),
        command: scenario::command_line(),
    };
    let log = directory.latency_log();
    let result = block_on(async {
        let stops = Stops::listen();
        run_test(Arc::new(test), On::Its, &settings, started, Some(&log), &stops).await
    })??;

    // Shown whether or not it could be written: where the disk is full, at least the table is there.
    let written = directory.write(&result).context("the result could not be written");
    if written.is_ok() {
        reports(&result, &directory, args.lang);
    }
    let style = scenario::style(args.scenario.no_color);
    let text =
        if args.quiet { format!("{}\n", result.verdict.line) } else { terminal::render(&result, style) };
    print(&text)?;
    github::tell(&result, args.lang)?;
    written?;
    if !args.quiet {
        print(&terminal::written(directory.path(), style))?;
    }
    Ok(Exit::from_code(result.verdict.exit_code))
}

/// Writes the reports beside the result. They can be made again from it, so that one that fails ends nothing.
fn reports(result: &RunResult, directory: &RunDirectory, lang: Lang) {
    let made = [
        ("report.html", html::render(result, lang).map_err(anyhow::Error::from)),
        ("report.md", Ok(markdown::render(result, lang))),
        ("junit.xml", junit::render(result).map_err(anyhow::Error::from)),
    ];
    for (name, text) in made {
        let written = text.and_then(|text| Ok(directory.write_report(name, &text)?));
        if let Err(error) = written {
            show(&format!("warning: {name}: {error:#}\n"));
        }
    }
}
