//! What may be typed: arguments and their help. What they do is in `commands`.

#![expect(clippy::doc_markdown, reason = "these comments are shown in a terminal, as they stand")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::report::Lang;

/// Load tests that tell expected business answers from true failures.
///
/// A YAML scenario goes in; a verdict, an exit code and a report come out.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, max_term_width = 100, args_override_self = true, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Exit codes:
    0  passed
   99  a threshold was not met
   98  an invariant was broken: a check of `verify` is false
   97  the run is not valid, or `verify` could not ask
   96  the target never got ready, or `setup` failed
    2  bad arguments or a bad scenario
  130  interrupted
    1  anything else";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario against its target, and judge it.
    Run(RunArgs),
    /// Compare runs: what differs, how sure that is, and whether it matters to you.
    Compare(CompareArgs),
    /// Search for the highest rate that a target holds.
    Capacity(CapacityArgs),
    /// Keep a run to compare later ones with.
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Show what would run: users or arrivals over time, totals, thresholds. Sends nothing.
    Plan(PlanArgs),
    /// Check scenario files; every finding with its place and what to write instead.
    Validate(ValidateArgs),
    /// Show a saved run again: as a page, Markdown, JUnit, CSV, JSON, or an incident review.
    Report(ReportArgs),
    /// Run the bundled ticketing service in the foreground.
    Target(TargetArgs),
    /// Print the JSON Schema of scenario files, for editors, or of results.
    Schema {
        /// What the files hold.
        #[arg(value_enum, default_value = "test")]
        kind: SchemaKind,
    },
    /// Print a completion script for a shell.
    Completions { shell: clap_complete::Shell },
}

/// A scenario and what changes it; the same for `run` and `plan`.
#[derive(Debug, Args)]
pub struct ScenarioArgs {
    /// The scenario file.
    pub file: PathBuf,
    /// Test this instead of the scenario's own target: a URL, or `bundled`.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    #[command(flatten)]
    pub environment: EnvironmentArgs,
    /// One user, once through the flow: does the scenario work at all?
    #[arg(long)]
    pub smoke: bool,
    /// Scale stages and durations, so that 0.1 takes a tenth of the time. Think times, rates and timeouts stay.
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub time_scale: Option<f64>,
    /// Worker threads. Default: half the cores where the target runs on this machine, else all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,
    /// No colours. The environment variable NO_COLOR does the same.
    #[arg(long)]
    pub no_color: bool,
}

/// What a scenario reads by env() and secret(), besides the environment itself.
#[derive(Debug, Clone, Args)]
pub struct EnvironmentArgs {
    /// Set a variable that the scenario reads by env() or secret(); may be given several times.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub env: Vec<(String, String)>,
    /// Take variables from a file of NAME=VALUE lines, unless they are set otherwise; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Where results are written.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub out: PathBuf,
    /// The seed of everything that is drawn at random. Default: a new one, which the result names.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Do not pass a run that is suspect: exit 97, as for one that is invalid.
    #[arg(long)]
    pub strict: bool,
    /// No progress and no table, only the verdict.
    #[arg(long, short)]
    pub quiet: bool,
    /// The language of report.html and report.md.
    #[arg(long, value_enum, default_value = "en")]
    pub lang: Lang,
    /// Compare the run with this one: a baseline, a run's folder, or its result.json.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Fail (exit 99) if the run differs so from the baseline, like 'latency p95 > +10%'; may be given several times.
    #[arg(long, value_name = "CHANGE", requires = "baseline")]
    pub fail_if: Vec<String>,
}

#[derive(Debug, Args)]
pub struct CapacityArgs {
    /// The scenario file; its flow is what each arrival does, its load is not used.
    pub file: PathBuf,
    /// What must hold at a rate, like 'latency p95 < 500ms'; may be given several times. Default: the
    /// thresholds of the file.
    #[arg(long, value_name = "OBJECTIVE")]
    pub slo: Vec<String>,
    /// Test this instead of the scenario's own target: a URL, or `bundled`.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// The first rate: arrivals per second.
    #[arg(long, value_name = "RATE", default_value = "10/s", value_parser = rate)]
    pub from: f64,
    /// The highest rate to try.
    #[arg(long, value_name = "RATE", default_value = "100000/s", value_parser = rate)]
    pub most: f64,
    /// How near to the limit to come.
    #[arg(long, value_name = "SHARE", default_value = "3%", value_parser = precision)]
    pub precision: f64,
    /// How long to try a rate; longer where an iteration takes more than a quarter of it.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = some_time)]
    pub probe: Duration,
    /// How long to confirm what was found.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = some_time)]
    pub confirm: Duration,
    /// Do not try rates below what was found, by which the knee is seen.
    #[arg(long)]
    pub no_curve: bool,
    /// How long the target may take to recover after a rate that it did not hold.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = some_time)]
    pub settle: Duration,
    /// Fail (exit 99) if less than this holds.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub at_least: Option<f64>,
    /// Say how many instances (pods) it takes for this rate.
    #[arg(long = "for", value_name = "RATE", value_parser = rate)]
    pub wanted: Option<f64>,
    /// The share of its capacity that each instance keeps free.
    #[arg(long, value_name = "SHARE", default_value = "30%", value_parser = headroom)]
    pub headroom: f64,
    #[command(flatten)]
    pub environment: EnvironmentArgs,
    /// Worker threads. Default: half the cores where the target runs on this machine, else all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,
    /// Where the report is written.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub out: PathBuf,
    /// The seed of everything that is drawn at random.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// No word of single tries and no table, only the outcome.
    #[arg(long, short)]
    pub quiet: bool,
    /// No colours. The environment variable NO_COLOR does the same.
    #[arg(long)]
    pub no_color: bool,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Runs: their folders, their result.json, or baselines. All are compared with the first.
    /// Several runs of the same thing count as one, with commas between them: A1,A2 B1,B2.
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<String>,
    /// Fail (exit 99) if a run differs so from the first, like 'latency p95 > +10%'; may be given several times.
    #[arg(long, value_name = "CHANGE")]
    pub fail_if: Vec<String>,
    /// How the comparison is written.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ComparisonFormat,
    /// Write it to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How sure intervals are.
    #[arg(long, value_name = "SHARE", default_value = "99%", value_parser = confidence)]
    pub confidence: f64,
    /// Changes up to this count as none, however sure they are.
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = share)]
    pub margin: f64,
    /// No colours. The environment variable NO_COLOR does the same.
    #[arg(long)]
    pub no_color: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ComparisonFormat {
    /// For a terminal.
    Text,
    /// Markdown, for a pull request.
    Md,
    /// One HTML file that needs nothing else.
    Html,
    /// For programs: one JSON document.
    Json,
}

#[derive(Debug, Subcommand)]
pub enum BaselineCommand {
    /// Save what comparing needs of a run as one small file, to keep in the repository.
    Save(BaselineSaveArgs),
}

#[derive(Debug, Args)]
pub struct BaselineSaveArgs {
    /// The run: its folder or its result.json. Default: the newest run in `reports`.
    pub run: Option<PathBuf>,
    /// The file. Default: `baselines/` and the name of the scenario.
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Save a run that is not valid or did not pass all the same.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
}

#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The scenario files.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// How findings are written.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ValidateFormat,
    #[command(flatten)]
    pub environment: EnvironmentArgs,
    /// No colours. The environment variable NO_COLOR does the same.
    #[arg(long)]
    pub no_color: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValidateFormat {
    /// For people.
    Text,
    /// For programs: one JSON document.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// A test.
    Test,
    /// A list of steps that tests include.
    Steps,
    /// Variables and data that tests include.
    Included,
    /// The result of a run: result.json.
    Result,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run: its folder, like reports/NAME/latest, or its result.json.
    #[arg(value_name = "RUN")]
    pub place: PathBuf,
    #[arg(long, value_enum, default_value = "text")]
    pub format: ReportFormat,
    /// The language of HTML, Markdown and incident reviews.
    #[arg(long, value_enum, default_value = "en")]
    pub lang: Lang,
    /// Write the report to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// No colours. The environment variable NO_COLOR does the same.
    #[arg(long)]
    pub no_color: bool,
}

/// How a saved run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// As at the end of the run.
    Text,
    /// A page with charts, in one file.
    Html,
    /// Markdown, for a pull request.
    Md,
    /// An incident review in Markdown, to be completed by hand.
    Incident,
    /// JUnit XML, for the pages of CI.
    Junit,
    /// The run second by second.
    Csv,
    /// All that is known of the run, as result.json has it.
    Json,
}

#[derive(Debug, Args)]
pub struct TargetArgs {
    /// The port on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Answer the paths under /admin: reset and audit.
    #[arg(long)]
    pub admin: bool,
    /// End when standard input closes, as the bundled child of `run` does.
    #[arg(long, hide = true)]
    pub child: bool,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".into()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    crate::units::parse_percent(text)
        .map(crate::units::Percent::share)
        .map_err(|error| format!("{error}; {}", error.help))
}

fn rate(text: &str) -> Result<f64, String> {
    match crate::units::parse_rate(text) {
        Ok(rate) if rate.as_per_second() >= LEAST_RATE => Ok(rate.as_per_second()),
        Ok(_) => Err("the lowest rate is `0.1/s`".into()),
        Err(error) => Err(format!("{error}; {}", error.help)),
    }
}

/// Slower arrivals than this take minutes to tell anything.
const LEAST_RATE: f64 = 0.1;

fn precision(text: &str) -> Result<f64, String> {
    match share(text)? {
        share if (0.01..=0.5).contains(&share) => Ok(share),
        _ => Err("a limit can be found to between `1%` and `50%`".into()),
    }
}

fn headroom(text: &str) -> Result<f64, String> {
    match share(text)? {
        share if share < 1.0 => Ok(share),
        _ => {
            Err("an instance that keeps all of its capacity free does nothing; write less than `100%`".into())
        }
    }
}

fn some_time(text: &str) -> Result<Duration, String> {
    match crate::units::parse_duration(text) {
        Ok(time) if time >= Duration::from_secs(1) => Ok(time),
        Ok(_) => Err("that is too short; write `1s` or more".into()),
        Err(error) => Err(format!("{error}; {}", error.help)),
    }
}

fn confidence(text: &str) -> Result<f64, String> {
    match share(text)? {
        share if (0.5..=0.999).contains(&share) => Ok(share),
        _ => Err("intervals can be from `50%` to `99.9%` sure".into()),
    }
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor > 0.0 && factor <= 1000.0 => Ok(factor),
        _ => Err("a factor is a number above 0 and up to 1000, like 0.1".into()),
    }
}
