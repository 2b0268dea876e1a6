//! The one record of a run: everything a report or a comparison shows, versioned, as JSON on disk.
//!
//! [`RunResult::new`] makes it of the [`Facts`] of a run. A renderer reads a `RunResult` and nothing else, so a
//! saved one can be shown again in any format.

mod build;
mod directory;
pub(crate) mod gist;
mod latency_log;
mod monitor;
mod record;
mod redact;
mod series;
mod slug;
mod validity;
pub(crate) mod verdict;

pub use build::Facts;
#[cfg(test)]
pub(crate) use build::tests::sample_result;
pub use directory::{ReadError, RunDirectory, WriteError, read, write_file};
pub use latency_log::LatencyLog;
pub use monitor::{GaugeResult, WatchedKind, WatchedResult};
pub use record::{
    BreachResult, CauseResult, CheckResult, CustomResult, CustomValue, Distribution, Ended, Environment,
    ExampleResult, FORMAT, FaultResult, GeneratorResult, GroupResult, InvariantResult, InvariantState,
    LoadModel, OutcomeKind, OutcomeResult, RowResult, RunResult, ScenarioInfo, ScenarioResult, StageResult,
    TargetInfo, ThresholdResult, Totals, Unit, Verdict,
};
pub use redact::{Redactor, harmless};
pub use series::{CauseSeries, HeatCells, HeatMap, Series};
pub use slug::slug;
pub use validity::{Doubt, Soundness, Validity, ValidityFacts, validity};
