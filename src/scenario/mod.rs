//! Scenario files: YAML → a tree with positions → a typed, fully checked [`model::Test`].
//!
//! All findings of a file come at once; nothing is sent before a file has none.

mod finding;
pub mod model;
mod yaml;
