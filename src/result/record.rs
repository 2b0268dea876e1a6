//! The types of `result.json`, field by field.
//!
//! Units stand in the names: `_ms`, `_s`, `_bytes`; shares lie between 0 and 1. A reader of an older version
//! ignores fields it does not know; [`FORMAT`] rises when a field changes its meaning or goes away.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::drift::DriftResult;
use super::monitor::WatchedResult;
use super::polls::PollResult;
use super::series::Series;
use super::validity::Validity;

/// The version of the record's shape.
pub const FORMAT: u32 = 1;

/// Everything that is known of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// The version of this record's shape: 1.
    pub format: u32,
    /// The version of the program that ran it.
    pub loadtest: String,
    pub scenario: ScenarioInfo,
    /// The command line, secrets left out.
    pub command: Vec<String>,
    /// With the same seed every user does the same again.
    pub seed: u64,
    /// Threads that made the load.
    pub workers: u32,
    /// When the load began, as RFC 3339 in UTC.
    pub started: String,
    /// From the first action to the last, set-up and draining included.
    pub wall_s: f64,
    /// How long there was load; draining is no part of it. Rates are per second of a scenario's own load.
    pub load_s: f64,
    /// What `--time-scale` made of the file's times; 1 without it.
    pub time_scale: Option<f64>,
    pub target: TargetInfo,
    pub environment: Environment,
    /// How many seconds one window of `response_windows` covers.
    pub window_s: Option<u32>,
    pub totals: Totals,
    pub scenarios: Vec<ScenarioResult>,
    /// One for each name of a request, in the order of the file.
    pub rows: Vec<RowResult>,
    pub groups: Vec<GroupResult>,
    /// One for each name of a `poll` or `wait_for_turn`, in the order of the file.
    #[serde(default)]
    pub polls: Vec<PollResult>,
    pub checks: Vec<CheckResult>,
    /// The test's own metrics: `count`, `observe`, `share`.
    pub metrics: Vec<CustomResult>,
    /// Failures by row or poll, and by cause, most frequent first, each with one example.
    pub causes: Vec<CauseResult>,
    pub thresholds: Vec<ThresholdResult>,
    /// What `verify` found.
    pub invariants: Vec<InvariantResult>,
    /// Whether the figures can be believed.
    pub validity: Validity,
    pub generator: GeneratorResult,
    /// What the generator itself could not do; never counted against the target.
    pub own_faults: Vec<FaultResult>,
    pub series: Series,
    /// What was watched beside the load, once a second.
    #[serde(default)]
    pub monitor: Vec<WatchedResult>,
    /// Whether something grew that should not; looked for with `kind: endurance`.
    #[serde(default)]
    pub drift: Option<DriftResult>,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioInfo {
    pub name: String,
    pub description: Option<String>,
    /// The file, as the user named it.
    pub file: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetInfo {
    pub url: String,
    /// The reference service that comes with the program, on the same machine.
    pub bundled: bool,
    /// The socket of this machine over which it was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// Certificates of servers were not checked (`http.tls.insecure`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
    /// The image of the container that it was started in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The size of that container, by the name it has in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
}

/// Where the load was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    pub os: String,
    pub arch: String,
    /// Cores the program could use.
    pub cpus: u32,
    /// The processor's own name, where the system tells it.
    #[serde(default)]
    pub cpu_model: Option<String>,
    /// Of the machine, or as much as a container may use of it.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
}

/// All rows together, but for optional ones. `attempted = success + business + failure + interrupted`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Requests that were begun.
    pub attempted: u64,
    pub success: u64,
    /// Refusals the service is right to give; never failures.
    pub business: u64,
    pub failure: u64,
    /// Cut off by the end of the run.
    pub interrupted: u64,
    /// Bytes went out and no whole answer came back: the target may have done it or not.
    pub in_doubt: u64,
    /// Requests that came to an outcome, per second of load.
    pub rate_per_s: f64,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    /// Requests of optional steps that were begun: they are in none of the other totals.
    #[serde(default)]
    pub optional: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LoadModel {
    /// A number of users, each of whom waits for the answer.
    Closed,
    /// Arrivals that come whatever the target does.
    Open,
}

/// One load of the test, and its iterations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioResult {
    pub name: String,
    /// `stress`, `spike` … as the file says.
    pub kind: Option<String>,
    pub model: LoadModel,
    /// How long it was under load.
    pub load_s: f64,
    /// The planned course of its load; empty where a fixed number of iterations is shared.
    #[serde(default)]
    pub stages: Vec<StageResult>,
    pub started: u64,
    /// Iterations that came to their end.
    pub completed: u64,
    pub completed_per_s: f64,
    /// Ended for want of something an earlier step should have captured.
    pub cut: u64,
    /// Ended by users who would wait for their turn no longer.
    #[serde(default)]
    pub abandoned: u64,
    /// Ended by a failure, a business outcome or `stop`.
    pub ended_early: u64,
    /// Still running when the time to stop was over.
    pub interrupted: u64,
    /// Arrivals that found `max_users` busy.
    pub dropped: u64,
    pub duration: Option<Distribution>,
    /// How late iterations began: the generator's own tardiness.
    pub lateness: Option<Distribution>,
    /// How long requests waited for the throttle, of those that had to.
    #[serde(default)]
    pub throttled: Option<Distribution>,
}

/// A stage as the file plans it: a straight line of users, or in the open model of arrivals per second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageResult {
    /// Where the file names it.
    pub name: Option<String>,
    /// Since the beginning of the load.
    pub from_s: f64,
    pub to_s: f64,
    /// Users or arrivals per second at its beginning.
    pub from: f64,
    /// The same at its end.
    pub to: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeKind {
    Success,
    Business,
    Failure,
}

/// The requests of one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowResult {
    pub name: String,
    pub method: Option<String>,
    /// Where it is the same for every request.
    pub path: Option<String>,
    pub scenario: String,
    /// The groups it stands in, outermost first.
    pub groups: Vec<String>,
    /// Left out of the totals and of every metric that does not name it.
    #[serde(default)]
    pub optional: bool,
    pub attempted: u64,
    pub success: u64,
    pub business: u64,
    pub failure: u64,
    pub interrupted: u64,
    pub in_doubt: u64,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    /// Success first, then business outcomes in the order of the file, then causes of failure by frequency.
    /// Success and declared business outcomes are here even where they never came.
    pub outcomes: Vec<OutcomeResult>,
}

/// The requests of one row that ended one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeResult {
    pub kind: OutcomeKind,
    /// `success`, the name of a business outcome, or a cause of failure.
    pub name: String,
    pub count: u64,
    /// Per second of its scenario's load.
    pub rate_per_s: f64,
    /// Of the row's requests that came to an outcome.
    pub share: f64,
    /// From when the request was due to its last byte.
    pub response: Option<Distribution>,
    /// From the first byte written to the last one read.
    pub service: Option<Distribution>,
    /// From the first byte written to the first byte read.
    pub ttfb: Option<Distribution>,
    /// Opening the connection, where a request had to.
    pub connect: Option<Distribution>,
    pub tls: Option<Distribution>,
    /// All response times as a histogram of nanoseconds: `HdrHistogram` V2, compressed, in base64.
    pub response_histogram: Option<String>,
    /// All service times, in the same form.
    pub service_histogram: Option<String>,
    /// How response times came in the course of the run: what comparisons draw their samples from.
    pub response_windows: Option<String>,
}

/// A distribution of times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    pub count: u64,
    pub min_ms: f64,
    pub avg_ms: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    pub stddev_ms: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupResult {
    pub name: String,
    pub scenario: String,
    /// Left out of every metric that does not name it.
    #[serde(default)]
    pub optional: bool,
    /// From its first step to the end of its last.
    pub duration: Option<Distribution>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    pub name: String,
    pub scenario: String,
    /// The row whose answers it looks at.
    pub step: Option<String>,
    /// Left out of every metric that does not name it, or its step.
    #[serde(default)]
    pub optional: bool,
    pub passed: u64,
    pub failed: u64,
}

/// A metric of the test's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomResult {
    pub name: String,
    #[serde(flatten)]
    pub value: CustomValue,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum CustomValue {
    /// A sum.
    Count { sum: f64, samples: u64 },
    /// A distribution, in the metric's own unit; without samples there are no values.
    Observe {
        samples: u64,
        min: Option<f64>,
        avg: Option<f64>,
        p50: Option<f64>,
        p95: Option<f64>,
        p99: Option<f64>,
        max: Option<f64>,
    },
    /// How often something was true.
    Share { passed: u64, failed: u64 },
}

/// A cause of failure of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CauseResult {
    /// The test it belongs to; empty in results of before it was kept.
    #[serde(default)]
    pub scenario: String,
    pub step: String,
    pub cause: String,
    pub count: u64,
    /// One of them. Secrets and captured values are left out.
    pub example: Option<ExampleResult>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExampleResult {
    /// Since the beginning of the load.
    pub at_s: f64,
    /// Method and path, values filled in; of a poll, its name.
    pub request: String,
    pub status: Option<u16>,
    /// What happened, in words.
    pub detail: String,
    /// The beginning of the answer's body.
    pub body: String,
}

/// What a figure is, of a threshold or of something watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A time in seconds.
    Seconds,
    /// Between 0 and 1; for a drift, and for processor time of several cores, it may lie outside.
    Share,
    /// Events per second.
    PerSecond,
    /// A count, or a metric's own unit.
    Number,
    Bytes,
    BytesPerSecond,
    /// Growth of a share per minute.
    SharePerMinute,
    /// Growth of a size per minute.
    BytesPerMinute,
    /// Growth of a number per minute.
    NumberPerMinute,
    /// Growth of a time per minute, in seconds.
    SecondsPerMinute,
}

impl Unit {
    /// Of the growth of what is measured in this.
    #[must_use]
    pub const fn per_minute(self) -> Unit {
        match self {
            Unit::Seconds => Unit::SecondsPerMinute,
            Unit::Share => Unit::SharePerMinute,
            Unit::Bytes => Unit::BytesPerMinute,
            _ => Unit::NumberPerMinute,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdResult {
    /// As it stands in the file: `latency{step=reserve seat}: p99 < 2s`.
    pub text: String,
    pub unit: Unit,
    /// None without samples. For a sliding window, that of the worst one.
    pub observed: Option<f64>,
    pub limit: f64,
    pub met: bool,
    /// How many samples the value rests on.
    pub samples: u64,
    /// Why it is not met, where the figures do not say it.
    pub reason: Option<String>,
    /// Not written in the file, but held all the same.
    pub implied: bool,
    /// It ended the run.
    pub aborted: bool,
    /// The length of the sliding window it was judged on.
    pub over_s: Option<f64>,
    /// When in the load it was first broken, for those watched during the run.
    pub broken_at_s: Option<f64>,
    /// Where it stands in the file, from 1; none where it is implied.
    #[serde(default)]
    pub line: Option<u32>,
    /// When the figures of single seconds broke it, whether or not it is met on the whole. Known for times and
    /// shares; at most 20.
    #[serde(default)]
    pub breaches: Vec<BreachResult>,
}

/// A stretch of seconds that by themselves break a threshold: from the first of three in a row to the first of
/// three in a row that do not. Seconds without samples are left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BreachResult {
    /// Since the beginning of the load.
    pub from_s: f64,
    /// None where it lasted to the end.
    pub to_s: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvariantState {
    Held,
    Broken,
    /// The step has a `when`, and that said no.
    Skipped,
    /// The question could not be asked: `verify` failed before it got an answer.
    NotAsked,
}

/// A check of `verify`: whether the data is still right after the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvariantResult {
    /// The test it belongs to; empty in results of before it was kept.
    #[serde(default)]
    pub scenario: String,
    pub name: String,
    pub state: InvariantState,
    /// What was seen instead, or why it could not be asked.
    pub detail: Option<String>,
}

/// What it took to make the load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorResult {
    /// Processor time used, all threads together.
    pub cpu_s: f64,
    /// Of the cores its workers had.
    pub cpu_share: Option<f64>,
    pub peak_rss_bytes: Option<u64>,
    /// Over all scenarios.
    pub lateness_p99_ms: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultResult {
    pub name: String,
    pub count: u64,
}

/// How the run came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "how", content = "why", rename_all = "snake_case")]
pub enum Ended {
    /// As planned.
    Completed,
    /// By a `stop: run`.
    Stopped,
    /// By the threshold of this text.
    Aborted(String),
    /// By the user.
    Interrupted,
    /// The target never got ready.
    NotReady(String),
    SetupFailed(String),
}

/// What it all comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// 0 if all that was asked for holds.
    pub exit_code: u8,
    /// One line for people.
    pub line: String,
    pub ended: Ended,
}
