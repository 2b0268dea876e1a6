//! Polls and waits for a turn, as the record has them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::Distribution;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PollKind {
    /// `poll`
    Poll,
    /// `wait_for_turn`
    WaitForTurn,
}

/// The polls of one name. `started = got + given_up + abandoned + ended + interrupted`; the requests of their
/// probes are rows of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PollResult {
    pub name: String,
    pub scenario: String,
    pub kind: PollKind,
    /// The groups it stands in, outermost first.
    pub groups: Vec<String>,
    pub started: u64,
    /// What it waited for came.
    pub got: u64,
    /// Its time was up: failures of cause `poll`.
    pub given_up: u64,
    /// Users who would wait no longer; no failures.
    pub abandoned: u64,
    /// A step of a probe ended the iteration.
    pub ended: u64,
    /// The user had to go, or was cut off by the end of the run.
    pub interrupted: u64,
    /// How long those took that got what they waited for; of `wait_for_turn`, the time to turn.
    pub duration: Option<Distribution>,
    /// All of these times as a histogram, in the form of those of rows.
    pub duration_histogram: Option<String>,
    /// How long those had waited who left.
    pub abandoned_after: Option<Distribution>,
    /// Places in the queue, as answers told them.
    pub position: Option<PositionResult>,
    pub series: PollSeries,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PositionResult {
    /// How many answers told one.
    pub samples: u64,
    pub min: f64,
    pub avg: f64,
    pub p50: f64,
    pub p95: f64,
    pub max: f64,
}

/// One value for each second of the run's series in every column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PollSeries {
    /// Users who were waiting at the end of the second.
    pub waiting: Vec<u64>,
    /// The smallest of the places in the queue that answers told in the second; none in seconds without any.
    pub position_min: Vec<Option<f64>>,
    pub position_avg: Vec<Option<f64>>,
    pub position_max: Vec<Option<f64>>,
}
