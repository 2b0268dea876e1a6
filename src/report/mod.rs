//! Renderers: one file for each format, each a function of a `RunResult` alone.

pub mod plan;
pub mod terminal;
