//! Scenario files: YAML → a tree with positions → a typed, fully checked [`model::Test`].
//!
//! All findings of a file come at once; nothing is sent before a file has none.

mod check;
mod finding;
mod include;
pub mod model;
pub mod monitor;
mod read;
mod schema;
pub mod threshold;
mod yaml;

pub(crate) use check::imply_failures;
pub use finding::{Finding, MachineFinding, Position, Severity, Source};
pub use read::{
    Failed, LARGEST, LoadOptions, Loaded, ReadError, ReadProblem, TargetError, load, load_text,
    target_override,
};
pub use schema::{FileKind, schema};

#[cfg(test)]
mod tests;
