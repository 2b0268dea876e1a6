//! `loadtest run --spec`: a test on several sizes of its target, and which of them to take.

use anyhow::Context as _;
use jiff::Timestamp;

use super::github;
use super::run::reports;
use super::scenario::{self, print, show};
use crate::cli::RunArgs;
use crate::exit::Exit;
use crate::output::say;
use crate::plan::{scaled, smoke};
use crate::report::specs::{html, markdown};
use crate::report::terminal::{self, render_specs};
use crate::result::{RunDirectory, harmless};
use crate::run::{Settings, Stops, block_on};
use crate::scenario::model::{Spec, TargetKind, Test};
use crate::specs::{Facts, Specs, Trial, TrialError, Trials, chosen, summary};
use crate::usage;

pub(super) fn run(args: &RunArgs, test: &Test) -> anyhow::Result<Exit> {
    let specs = match chosen(test, &args.spec) {
        Ok(specs) => specs,
        Err(error) => {
            show(&format!("error: --spec: {}\n", harmless(&error.to_string(), false)));
            return Ok(Exit::Usage);
        }
    };
    usage::raise_open_files();
    let started = Timestamp::now();
    let trials = match block_on(trials(args, &specs, started))? {
        Ok(trials) => trials,
        Err(error) => {
            let exit = match &error {
                TrialError::Interrupted => Exit::Interrupted,
                TrialError::Target(_) => Exit::NotReady,
                _ => return Err(error.into()),
            };
            let error = harmless(&error.to_string(), false).into_owned();
            let kept = if exit == Exit::Interrupted { "; what was measured until then is kept" } else { "" };
            show(&format!("error: {error}{kept}\n"));
            return Ok(exit);
        }
    };
    let facts = Facts {
        scenario: test.name.clone(),
        file: test.file.display().to_string(),
        started: started.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        image: match &test.target.kind {
            TargetKind::Image(image) => image.name.clone(),
            TargetKind::Bundled | TargetKind::Url(_) => ticketing::IMAGE.into(),
        },
    };
    let specs = summary(facts, &specs, trials);
    let directory = RunDirectory::create(&args.out, &format!("{} specs", test.name), started);
    let directory = directory.context("the report has no place to go; choose another with --out")?;
    let style = scenario::style(args.scenario.no_color);
    let text = if args.quiet { format!("{}\n", specs.verdict.line) } else { render_specs(&specs, style) };
    print(&text)?;
    write(&directory, &specs).context("the report could not be written")?;
    github::summarize(&markdown::render(&specs));
    if !args.quiet {
        print(&terminal::written(directory.path(), style))?;
    }
    Ok(Exit::from_code(specs.verdict.exit_code))
}

async fn trials(args: &RunArgs, specs: &[Spec], started: Timestamp) -> Result<Vec<Trial>, TrialError> {
    let settings = Settings {
        // The same for all: what is drawn at random shall not be what differs.
        seed: Some(args.seed.unwrap_or(started.as_nanosecond().unsigned_abs() as u64 / 1000 % 1_000_000_000)),
        workers: args.scenario.workers,
        time_scale: args.scenario.time_scale.unwrap_or(1.0),
        strict: args.strict,
        progress: scenario::progress(args.quiet),
        command: scenario::command_line(),
    };
    let stops = Stops::listen();
    let again = || {
        let mut test = scenario::read_again(&args.scenario)?;
        if let Some(factor) = args.scenario.time_scale {
            test = scaled(test, factor);
        }
        Some(if args.scenario.smoke { smoke(test) } else { test })
    };
    let trials = Trials {
        test: &again,
        specs,
        repeat: args.repeat.into(),
        warm_up: args.warm_up,
        out: &args.out,
        settings: &settings,
        stops: &stops,
        tell: &|line| {
            if !args.quiet {
                say(line);
            }
        },
        keep: &|spec, result, directory| {
            reports(result, directory, args.lang);
            if !args.quiet {
                say(&format!("{}: {}", spec.name, harmless(&result.verdict.line, false)));
            }
        },
    };
    trials.run().await
}

fn write(directory: &RunDirectory, specs: &Specs) -> anyhow::Result<()> {
    directory.write_report("specs.json", &serde_json::to_string(specs)?)?;
    directory.write_report("specs.md", &markdown::render(specs))?;
    directory.write_report("specs.html", &html::render(specs))?;
    Ok(())
}
