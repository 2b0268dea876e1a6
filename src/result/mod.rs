//! The one record of a run: everything a report or a comparison shows, versioned, as JSON on disk.
//!
//! [`RunResult::new`] makes it of the [`Facts`] of a run. A renderer reads a `RunResult` and nothing else, so a
//! saved one can be shown again in any format.

mod build;
mod directory;
mod drift;
pub(crate) mod gist;
mod histogram;
mod latency_log;
mod limit;
mod monitor;
mod polls;
mod record;
mod redact;
mod series;
mod slug;
mod validity;
pub(crate) mod verdict;
mod windows;

pub use build::Facts;
#[cfg(test)]
pub(crate) use build::tests::sample_result;
pub(crate) use directory::write_whole;
pub use directory::{ReadError, RunDirectory, WriteError, read};
pub use drift::{DriftResult, DriftVerdict, TrendResult};
pub use histogram::{decode_histogram, successes};
pub use latency_log::LatencyLog;
pub(crate) use limit::gauge;
pub use limit::{Limit, Resource, limit};
pub use monitor::{GaugeResult, WatchedKind, WatchedResult};
pub use polls::{PollKind, PollResult, PollSeries, PositionResult};
pub use record::{
    BreachResult, CauseResult, CheckResult, CustomResult, CustomValue, Distribution, Ended, Environment,
    ExampleResult, FORMAT, FaultResult, GeneratorResult, GroupResult, InvariantResult, InvariantState,
    LoadModel, OutcomeKind, OutcomeResult, RowResult, RunResult, ScenarioInfo, ScenarioResult, StageResult,
    TargetInfo, ThresholdResult, Totals, Unit, Verdict,
};
pub use redact::{Redactor, harmless};
pub use series::{CauseSeries, Series};
pub use slug::slug;
pub use validity::{DataRanOut, Doubt, Soundness, Validity, ValidityFacts, validity};
pub use windows::{WindowsError, decode as decode_windows, encode as encode_windows};
