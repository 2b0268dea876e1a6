//! What is counted: a recorder for each worker, handed over every second, added up to totals.
//!
//! On the path of a request nothing is shared and nothing is looked up by name: rows, checks and metrics are
//! the small integers of the scenario's catalog. Memory does not grow with the length of a run.

mod polls;
mod recorder;
mod second;
mod staged;
mod times;
mod watched;
mod windows;

pub use polls::PollRecord;
pub use recorder::{Cell, Custom, Exchange, Recorder, RowRecord, Sample, ScenarioRecord, Tried};
pub use second::{PollSecond, Second};
pub use staged::Staged;
pub use times::{Amounts, Times};
pub use watched::{Figures, Watched, WatchedSource};
pub use windows::{Bucket, CellWindows, MOST_WINDOWS, RowWindows, Slot, Windows};
