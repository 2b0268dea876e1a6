//! Renderers: one file for each format, each a function of a `RunResult` alone.

mod figures;
pub mod plan;
#[cfg(test)]
mod samples;
pub mod terminal;
