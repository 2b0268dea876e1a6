//! Renderers: one file for each format, each a function of a `RunResult` alone, or of a comparison.

pub mod capacity;
pub mod comparison;
mod escape;
mod page;
pub mod plan;
mod sparkline;
pub mod terminal;
