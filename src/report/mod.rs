//! Renderers: one file for each format, each a function of a `RunResult` alone, or of a comparison.

pub mod comparison;
pub mod plan;
pub mod terminal;
