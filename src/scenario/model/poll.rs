//! Asking again and again: `poll`, and `wait_for_turn` over it.

use std::time::Duration;

use super::{GroupId, OnFailure, PollId, Step};
use crate::template::{Expr, ValueTemplate};
use crate::units::LeavingRate;

/// Steps that are taken again and again until something holds.
#[derive(Debug)]
pub struct Poll {
    /// Where its times and ends are counted; none in `setup`, `verify` and `teardown`, which are not measured.
    pub id: Option<PollId>,
    /// One probe.
    pub steps: Vec<Step>,
    /// Looked at after each probe.
    pub until: Expr,
    pub every: Every,
    /// How long it may take before it gives up.
    pub at_most: Duration,
    pub on_failure: OnFailure,
    pub turn: Option<Turn>,
}

/// The time from the end of one probe to the beginning of the next.
#[derive(Debug)]
pub enum Every {
    Constant(Duration),
    /// A text like `500ms`, or a number of milliseconds; rendered after each probe.
    Rendered(ValueTemplate),
}

/// What a wait for a turn has besides.
#[derive(Debug)]
pub struct Turn {
    /// The place in the queue that an answer tells.
    pub position: Option<Expr>,
    /// How many leave, who wait.
    pub abandon: Option<LeavingRate>,
    /// Milliseconds until the next probe, as a server may ask for them in a body; the first that says one counts.
    pub retry_after_ms: Vec<Expr>,
    /// The same by the header `Retry-After`: seconds, or a date.
    pub retry_after: Expr,
}

/// A poll of the load, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct PollInfo {
    pub name: String,
    /// Index into [`Test::scenarios`](super::Test::scenarios).
    pub scenario: u16,
    /// The groups it stands in, outermost first.
    pub groups: Vec<GroupId>,
    pub kind: PollKind,
    /// Whether any of that name tells its place in the queue.
    pub has_position: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollKind {
    Poll,
    /// `wait_for_turn`
    Turn,
}

impl PollKind {
    /// The word of the scenario language.
    pub const fn as_str(self) -> &'static str {
        match self {
            PollKind::Poll => "poll",
            PollKind::Turn => "wait_for_turn",
        }
    }
}
