//! `loadtest run`: a test, its result, and its report.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;

use super::scenario::{self, print, show};
use super::{compare, github, specs};
use crate::cli::RunArgs;
use crate::compare::gate::Names;
use crate::compare::{Comparison, Gate, Options, Side, Source, compare as compare_sides};
use crate::exit::Exit;
use crate::report::{Lang, html, junit, markdown, terminal};
use crate::result::{RunDirectory, RunResult, read};
use crate::run::{On, Settings, Stops, block_on, run as run_test};
use crate::scenario::model::Test;
use crate::usage;

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let Some(test) = scenario::read(&args.scenario) else { return Ok(Exit::Usage) };
    if !args.spec.is_empty() {
        return specs::run(args, &test);
    }
    let baseline = match &args.baseline {
        Some(path) => match Baseline::new(path, args, &test) {
            Some(baseline) => Some(baseline),
            None => return Ok(Exit::Usage),
        },
        None => None,
    };
    usage::raise_open_files();
    let started = Timestamp::now();
    let directory = RunDirectory::create(&args.out, &test.name, started);
    let directory = directory.context("the result has no place to go; choose another with --out")?;
    let settings = Settings {
        seed: args.seed,
        workers: args.scenario.workers,
        time_scale: args.scenario.time_scale.unwrap_or(1.0),
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
    let code = Exit::from_code(result.verdict.exit_code);
    let Some(baseline) = baseline else { return Ok(code) };
    let compared = baseline.compare(result, directory.path().display().to_string());
    if args.quiet {
        let verdict = compared.verdict.iter().map(|verdict| &verdict.line);
        print(&verdict.chain(&compared.lines).map(|line| format!("{line}\n")).collect::<String>())?;
    } else {
        print(&format!("\n{}", terminal::render_comparison(&compared, style)))?;
    }
    Ok(Exit::of(&[code, compare::exit(&compared)]))
}

/// What the run will be compared with: read before it begins, since a slip of the pen shall not cost a run.
struct Baseline {
    from: Source,
    gates: Vec<Gate>,
}

impl Baseline {
    /// None where what is wrong was shown.
    fn new(path: &Path, args: &RunArgs, test: &Test) -> Option<Baseline> {
        let result = match read(path) {
            Ok(result) => result,
            Err(error) => {
                show(&format!("error: --baseline: {error}\n"));
                return None;
            }
        };
        let scenarios = test.scenarios.iter().map(|scenario| scenario.name.clone()).collect();
        let names = Names::of_test(&test.catalog, scenarios, &result);
        let gates = compare::gates(&args.fail_if, &names, args.scenario.no_color)?;
        Some(Baseline { from: Source { from: path.display().to_string(), result }, gates })
    }

    fn compare(self, result: RunResult, from: String) -> Comparison {
        let side = |name: &str, source| Side { name: name.into(), runs: vec![source] };
        let sides = [side("baseline", self.from), side("this run", Source { from, result })];
        compare_sides(&sides, Options::default(), &self.gates)
    }
}

/// Writes the reports beside the result. They can be made again from it, so that one that fails ends nothing.
pub(super) fn reports(result: &RunResult, directory: &RunDirectory, lang: Lang) {
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
