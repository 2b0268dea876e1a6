//! The run second by second, as columns.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::Second;

/// One value for each second in every column. Columns and not rows of objects: a run of hours stays small.
///
/// Times are those of successes; none in seconds without any.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Since the beginning of the load.
    pub at_s: Vec<u32>,
    /// At the end of the second.
    pub users: Vec<u64>,
    pub attempted: Vec<u64>,
    pub success: Vec<u64>,
    pub business: Vec<u64>,
    pub failure: Vec<u64>,
    pub iterations: Vec<u64>,
    pub dropped: Vec<u64>,
    pub sent_bytes: Vec<u64>,
    pub received_bytes: Vec<u64>,
    pub p50_ms: Vec<Option<f64>>,
    pub p95_ms: Vec<Option<f64>>,
    pub p99_ms: Vec<Option<f64>>,
    pub max_ms: Vec<Option<f64>>,
    pub service_p99_ms: Vec<Option<f64>>,
    pub lateness_p99_ms: Vec<Option<f64>>,
}

impl Series {
    pub(super) fn new(seconds: &[Second]) -> Series {
        fn column<T>(seconds: &[Second], pick: impl Fn(&Second) -> T) -> Vec<T> {
            seconds.iter().map(pick).collect()
        }
        let times =
            |pick: fn(&Second) -> Option<Duration>| column(seconds, |second| pick(second).map(millis));
        Series {
            at_s: column(seconds, |second| second.at),
            users: column(seconds, |second| second.users),
            attempted: column(seconds, |second| second.attempted),
            success: column(seconds, |second| second.success),
            business: column(seconds, |second| second.business),
            failure: column(seconds, |second| second.failure),
            iterations: column(seconds, |second| second.iterations),
            dropped: column(seconds, |second| second.dropped),
            sent_bytes: column(seconds, |second| second.bytes_sent),
            received_bytes: column(seconds, |second| second.bytes_received),
            p50_ms: times(|second| second.p50),
            p95_ms: times(|second| second.p95),
            p99_ms: times(|second| second.p99),
            max_ms: times(|second| second.max),
            service_p99_ms: times(|second| second.service_p99),
            lateness_p99_ms: times(|second| second.lateness_p99),
        }
    }
}

/// Milliseconds to the microsecond, which is as fine as anything is measured; finer digits only take space.
pub(super) fn millis(time: Duration) -> f64 {
    (time.as_nanos() as f64 / 1e3).round() / 1e3
}
