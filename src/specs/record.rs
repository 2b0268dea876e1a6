//! What runs on several sizes come to: the one record that every format shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compare::Comparison;
use crate::result::Limit;

/// The version of the record's shape.
pub const FORMAT: u32 = 1;

/// One test on several sizes of its target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Specs {
    /// The version of this record's shape: 1.
    pub format: u32,
    /// The version of the program that ran them.
    pub loadtest: String,
    /// The name of the test.
    pub scenario: String,
    /// The file, as the user named it.
    pub file: String,
    /// When the first run began, as RFC 3339 in UTC.
    pub started: String,
    /// The image that was started.
    pub image: String,
    /// The names of the specs in the order in which they ran.
    pub order: Vec<String>,
    /// The smallest first.
    pub specs: Vec<SpecResult>,
    /// What differs, and how sure that is: all compared with the smallest. None where fewer than two were measured.
    pub comparison: Option<Comparison>,
    /// Which to take.
    pub recommendation: Recommendation,
    /// What it all comes to.
    pub verdict: SpecsVerdict,
}

/// One size. Figures are of all its runs together; none where they were not measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpecResult {
    /// As the file names it.
    pub name: String,
    /// Cores it may use.
    pub cpus: f64,
    /// Memory it may use.
    pub memory_limit_bytes: u64,
    /// What it costs per hour, where the file says so.
    pub price_per_hour: Option<f64>,
    /// In the order in which they ran.
    pub runs: Vec<SpecRun>,
    /// Whether each of its runs passed.
    pub passed: bool,
    /// Why not, each reason once.
    pub problems: Vec<String>,
    /// Requests that came to an outcome, per second.
    pub requests_per_s: Option<f64>,
    /// Percentiles of the response times of successes.
    pub p50_ms: Option<f64>,
    /// As `p50_ms`.
    pub p95_ms: Option<f64>,
    /// As `p50_ms`.
    pub p99_ms: Option<f64>,
    /// The share of failures among all that came to an outcome.
    pub failures: Option<f64>,
    /// Cores it used on average.
    pub cpu_cores: Option<f64>,
    /// The same as a share of those it may use.
    pub cpu: Option<f64>,
    /// The 95th percentile of that share, of the run where it was highest.
    pub cpu_p95: Option<f64>,
    /// The share of periods in which it used up its limit of processor time.
    pub throttled: Option<f64>,
    /// The most memory it had.
    pub memory_bytes: Option<f64>,
    /// What it was short of, if anything that was watched.
    pub limit: Option<Limit>,
    /// What a million requests cost at this rate, where its price is known.
    pub cost_per_million: Option<f64>,
}

/// One run of a size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpecRun {
    /// The folder with its result; none where the container never got ready.
    pub folder: Option<String>,
    /// As of a run alone.
    pub exit_code: u8,
    /// Its verdict.
    pub line: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// The name of the spec to take; none where none passed.
    pub spec: Option<String>,
    /// Which, and why.
    pub line: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpecsVerdict {
    /// 0 where a spec passed in each of its runs; else that of the runs which counts most, as for a run alone.
    pub exit_code: u8,
    /// One line for people.
    pub line: String,
}
