//! Judges thresholds on what was measured: at the end of a run, and while it goes on.

mod breaches;
mod gate;
mod judge;
mod load_time;
mod wanted;
mod watched;

pub use breaches::Breach;
pub use gate::{Broken, Gate};
pub use judge::{Data, Judgement, holds, judge};
pub use load_time::LoadTime;
pub use wanted::names_cause;
pub(crate) use wanted::{wants_check, wants_group, wants_poll, wants_row, wants_scenario};
