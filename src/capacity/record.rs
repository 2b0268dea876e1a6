//! What a search for a capacity comes to: the one record that every format shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::search::{Answer, Purpose};
use crate::result::Limit;

/// The version of the record's shape.
pub const FORMAT: u32 = 1;

/// How much a target takes. Rates are arrivals per second: each goes once through the flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// The version of this record's shape: 1.
    pub format: u32,
    /// The version of the program that searched.
    pub loadtest: String,
    /// The name of the test.
    pub scenario: String,
    /// The file, as the user named it.
    pub file: String,
    /// When the search began, as RFC 3339 in UTC.
    pub started: String,
    /// What was tested.
    pub target: String,
    /// The name of the spec it was given, if any.
    pub spec: Option<String>,
    /// What had to hold, as thresholds.
    pub objectives: Vec<String>,
    /// The limit, or why there is none.
    pub found: FoundRate,
    /// Where response times begin to cost more than throughput gains; none where too little was tried.
    pub knee: Option<Knee>,
    /// What the target ran out of; none where nothing that was watched was short.
    pub limit: Option<Limit>,
    /// How many of these it takes for a rate, where one was asked for.
    pub instances: Option<Instances>,
    /// What to beware of.
    pub warnings: Vec<String>,
    /// Everything that was tried, in its order.
    pub tries: Vec<Try>,
    /// What it all comes to.
    pub verdict: CapacityVerdict,
}

/// What was found; rates per second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoundRate {
    /// What kind of an end the search came to.
    pub kind: FoundKind,
    /// The highest rate that held for the longer time.
    pub holds: Option<f64>,
    /// Requests per second at that rate.
    pub requests: Option<f64>,
    /// The lowest rate that did not hold.
    pub breaks: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundKind {
    /// `holds` held, and `breaks`, a little more, did not.
    Limit,
    /// `holds` held, and it was the most that was to be tried.
    AtLeast,
    /// `holds` held, and the generator could not make more.
    GeneratorLimit,
    /// Even the least rate did not hold.
    Below,
    /// The generator could not even make the least rate, or the search was ended before anything was confirmed.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Knee {
    /// The rate of the greatest power.
    pub rate: f64,
    /// The mean response time there.
    pub response_ms: f64,
    /// Of the highest rate that held.
    pub share: f64,
}

/// So many of the target for a rate, if they share nothing that is itself the limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Instances {
    /// The rate that is wanted.
    pub rate: f64,
    /// The share of its capacity that each keeps free.
    pub headroom: f64,
    /// The rate that each then takes.
    pub each: f64,
    /// So many it takes.
    pub number: u64,
}

/// One load of a constant rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Try {
    /// Arrivals per second that were sent.
    pub rate: f64,
    /// What it was tried for.
    pub purpose: Purpose,
    /// For how long.
    pub load_s: f64,
    /// How it came out.
    pub answer: Answer,
    /// Why it did not hold.
    pub reasons: Vec<String>,
    /// Requests that came to an outcome, per second.
    pub requests_per_s: f64,
    /// The mean response time of successes.
    pub avg_ms: Option<f64>,
    /// Percentiles of the same.
    pub p50_ms: Option<f64>,
    /// As `p50_ms`.
    pub p95_ms: Option<f64>,
    /// As `p50_ms`.
    pub p99_ms: Option<f64>,
    /// The share of failures among all that came to an outcome.
    pub failures: f64,
    /// The most users at once.
    pub users: u64,
    /// The 95th percentile of the target's processor time: of its limit where that is known, else of one core.
    pub cpu: Option<f64>,
    /// The share of periods in which the target used up its limit of processor time.
    pub throttled: Option<f64>,
    /// The most memory the target had, in bytes.
    pub memory_bytes: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CapacityVerdict {
    /// 0; 96 where the target did not come back after a rate that it did not hold; 99 where less was found than `--at-least` asks for, or even the least rate did not hold; 97 where the
    /// generator was too weak to tell; 130 where it was interrupted.
    pub exit_code: u8,
    /// One line for people.
    pub line: String,
}
