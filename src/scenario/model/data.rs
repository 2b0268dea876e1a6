//! Rows of files that users take.

use super::FeederId;
use crate::data::Rows;
use crate::template::Slot;

/// Rows that users take.
#[derive(Debug)]
pub struct Feeder {
    pub name: String,
    /// Where they come from, as messages call it: a file, or the scenario itself.
    pub from: String,
    pub rows: Rows,
    pub pick: Pick,
    /// The fields that no report shows; where a row is one value, an empty name stands for it.
    pub secret: Vec<String>,
}

/// Which row a user takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The next of the file, whoever asks.
    Next(AfterLast),
    /// Any; the same for the same seed, scenario, user and iteration.
    Random,
    /// That of the user's own number, for as long as it lives.
    PerUser(AfterLast),
}

/// What comes after the last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterLast {
    /// The first again.
    Recycle,
    /// Nothing: whoever asks goes.
    Stop,
}

/// A name that takes rows of a feeder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    pub feeder: FeederId,
    pub slot: Slot,
}

/// Which rows the users of a scenario take, and when.
#[derive(Debug, Default)]
pub struct Feeds {
    /// Once, when a user comes; they stay with it.
    pub user: Vec<Feed>,
    /// Once, before `on_start`.
    pub on_start: Vec<Feed>,
    /// Before each iteration.
    pub iteration: Vec<Feed>,
}
