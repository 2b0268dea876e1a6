//! How much a target can take: rates are tried, one after another, until the highest that holds is known.
//!
//! `search` says what to try next, `judge` whether it held, and `hunt` does it.

mod hunt;
mod judge;
mod knee;
mod objective;
mod record;
mod search;

pub use hunt::{Hunt, HuntError, Plan};
pub use judge::{Judged, judge};
pub use knee::{Point, knee};
pub use objective::objective;
pub use record::{Capacity, CapacityVerdict, FORMAT, FoundKind, FoundRate, Instances, Knee, Try};
pub use search::{Answer, Bounds, Found, Next, Purpose, Search};

#[cfg(test)]
mod tests;
