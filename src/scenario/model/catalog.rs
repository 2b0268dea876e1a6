//! What is measured, by number: the ids that the rest of the program counts and reports by.

use super::PollInfo;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);
        impl $name {
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

id! {
    /// The number of a request among those of the file, from 0.
    RequestId,
    /// A row of the report: the requests of one name. An index into [`Catalog::rows`].
    RowId,
    /// An index into [`Catalog::groups`].
    GroupId,
    /// An index into [`Catalog::checks`].
    CheckId,
    /// An index into [`Catalog::customs`].
    CustomId,
    /// An index into [`Catalog::stages`].
    StageId,
    /// An index into [`Test::data`](super::Test::data).
    FeederId,
    /// An index into [`Catalog::polls`].
    PollId,
    /// The number of a `log` among those of the file, from 0.
    LogId,
}

/// What a name of `step=` in a threshold stands for, and what can fail: the requests of one name, or a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepId {
    Requests(RowId),
    Poll(PollId),
}

/// Everything that is measured, by number: what metrics count and reports name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    pub rows: Vec<RowInfo>,
    pub groups: Vec<GroupInfo>,
    pub polls: Vec<PollInfo>,
    pub checks: Vec<CheckInfo>,
    pub customs: Vec<CustomInfo>,
    /// The names of the named stages.
    pub stages: Vec<String>,
    /// The scenarios that count only where a filter names them: indices into
    /// [`Test::scenarios`](super::Test::scenarios).
    pub unmeasured: Vec<u16>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RowInfo {
    pub name: String,
    /// Index into [`Test::scenarios`](super::Test::scenarios).
    pub scenario: u16,
    /// The groups it stands in, outermost first; all of them where requests of one name stand in several.
    pub groups: Vec<GroupId>,
    /// Left out of every metric that does not name it.
    pub optional: bool,
    /// The names of its business outcomes; the index is their number in `Outcome::Business`.
    pub business: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct GroupInfo {
    pub name: String,
    pub scenario: u16,
    /// Left out of every metric that does not name it.
    pub optional: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CheckInfo {
    pub name: String,
    pub scenario: u16,
    /// The row whose answers it looks at; none for a `check:` step, and for requests that are not measured.
    pub row: Option<RowId>,
    /// A check of `verify`: what must be true of the data after the load. Its name is unique among them.
    pub invariant: bool,
    /// Whether it is looked at under load, by `on_start` or `flow`; the others are looked at once.
    pub measured: bool,
    /// Left out of every metric that does not name it, or its row.
    pub optional: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CustomInfo {
    pub name: String,
    pub kind: CustomKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomKind {
    /// A sum.
    Count,
    /// A distribution.
    Observe,
    /// A share of true.
    Share,
}
