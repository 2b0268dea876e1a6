//! `loadtest capacity`: the highest rate that a target holds.

use anyhow::Context as _;
use jiff::Timestamp;

use super::scenario::{self, colours, print, show};
use crate::capacity::{Bounds, Capacity, Hunt, HuntError, Plan, objective};
use crate::cli::{CapacityArgs, ScenarioArgs};
use crate::exit::Exit;
use crate::output::{Mode, say};
use crate::report::capacity::{html, markdown, tried};
use crate::report::terminal::{self, render_capacity};
use crate::result::RunDirectory;
use crate::run::{Settings, Stops, block_on};
use crate::scenario::model::Test;
use crate::scenario::threshold::{Metric, Names, Threshold};
use crate::scenario::{Finding, Source as Text, imply_failures};
use crate::{target, usage};

pub(super) fn run(args: &CapacityArgs) -> anyhow::Result<Exit> {
    let file = ScenarioArgs {
        file: args.file.clone(),
        target: args.target.clone(),
        environment: args.environment.clone(),
        smoke: false,
        time_scale: None,
        workers: args.workers,
        no_color: args.no_color,
    };
    let Some(test) = scenario::read(&file) else { return Ok(Exit::Usage) };
    let Some(objectives) = objectives(args, &test) else { return Ok(Exit::Usage) };
    usage::raise_open_files();
    let started = Timestamp::now();
    let directory = RunDirectory::create(&args.out, &format!("{} capacity", test.name), started);
    let directory = directory.context("the report has no place to go; choose another with --out")?;
    let searched = block_on(search(args, &file, &test, &objectives, started))?;
    let capacity = match searched {
        Ok(capacity) => capacity,
        Err(error) => {
            // Nothing was found, so nothing is left.
            let _ = std::fs::remove_dir(directory.path());
            return match error {
                HuntError::Run(error) => Err(error.into()),
                HuntError::File => Err(anyhow::anyhow!("{} cannot be read any more", args.file.display())),
                HuntError::Interrupted => Ok(Exit::Interrupted),
                HuntError::NotReady(_) | HuntError::Fails(_) => {
                    show(&format!("error: {}\n", crate::result::harmless(&error.to_string(), false)));
                    Ok(Exit::NotReady)
                }
            };
        }
    };
    let style = scenario::style(args.no_color);
    let text =
        if args.quiet { format!("{}\n", capacity.verdict.line) } else { render_capacity(&capacity, style) };
    print(&text)?;
    write(&directory, &capacity).context("the report could not be written")?;
    if !args.quiet {
        print(&terminal::written(directory.path(), style))?;
    }
    Ok(Exit::from_code(capacity.verdict.exit_code))
}

fn write(directory: &RunDirectory, capacity: &Capacity) -> anyhow::Result<()> {
    directory.write_report("capacity.json", &serde_json::to_string(capacity)?)?;
    directory.write_report("capacity.md", &markdown::render(capacity))?;
    directory.write_report("capacity.html", &html::render(capacity))?;
    Ok(())
}

async fn search(
    args: &CapacityArgs,
    file: &ScenarioArgs,
    test: &Test,
    objectives: &[Threshold],
    started: Timestamp,
) -> Result<Capacity, HuntError> {
    let settings = Settings {
        seed: args.seed,
        workers: args.workers,
        time_scale: 1.0,
        strict: false,
        progress: Mode::Nothing,
        command: scenario::command_line(),
    };
    let stops = Stops::listen();
    let ready = tokio::select! {
        ready = target::start(test) => ready.map_err(|error| HuntError::NotReady(error.to_string()))?,
        () = stops.at_least(1) => return Err(HuntError::Interrupted),
    };
    let again = || {
        let mut test = scenario::read_again(file)?;
        test.thresholds = objectives.to_vec();
        Some(test)
    };
    let plan = Plan {
        bounds: Bounds {
            from: args.from,
            least: Plan::least(args.from, args.probe),
            most: args.most,
            precision: args.precision,
            curve: !args.no_curve,
        },
        probe: args.probe,
        confirm: args.confirm,
        settle: args.settle,
        at_least: args.at_least,
        wanted: args.wanted.map(|rate| (rate, args.headroom)),
        spec: None,
    };
    let hunt = Hunt {
        test: &again,
        ready: &ready,
        settings: &settings,
        stops: &stops,
        tell: &|one| {
            if !args.quiet {
                say(&tried(one));
            }
        },
        warn: &|warning| say(&format!("warning: {warning}")),
    };
    hunt.search(&plan, started).await
}

/// What must hold: those of `--slo`, or the thresholds of the file. None where findings were shown instead.
fn objectives(args: &CapacityArgs, test: &Test) -> Option<Vec<Threshold>> {
    if test.scenarios.len() != 1 {
        show("error: a rate can be searched for one scenario; this file has several\n");
        return None;
    }
    let mut objectives: Vec<Threshold> = Vec::new();
    if args.slo.is_empty() {
        // Those on rates speak of the load of the file, and those of stages of its stages.
        let fits = |threshold: &&Threshold| {
            !matches!(threshold.metric, Metric::Requests | Metric::Iterations)
                && threshold.filter.stages.is_empty()
        };
        objectives.extend(test.thresholds.iter().filter(fits).cloned());
        for objective in &mut objectives {
            (objective.abort, objective.over) = (false, None);
        }
    }
    let scenarios: Vec<String> = test.scenarios.iter().map(|scenario| scenario.name.clone()).collect();
    let catalog = crate::scenario::model::Catalog { stages: Vec::new(), ..test.catalog.clone() };
    let mut is_wrong = false;
    for text in &args.slo {
        match objective(text, Names { catalog: &catalog, scenarios: &scenarios, monitor: &test.monitor }) {
            Ok(objective) => objectives.push(objective),
            Err(error) => {
                let finding = Finding { help: error.help, ..Finding::error(error.at, error.problem) };
                show(&Text::new("--slo", text.as_str()).render(&[finding], colours(args.no_color)));
                is_wrong = true;
            }
        }
    }
    imply_failures(&mut objectives);
    (!is_wrong).then_some(objectives)
}
