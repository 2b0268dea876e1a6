//! Renderers: one file for each format, each a function of a `RunResult` alone.

pub mod plan;
#[cfg(test)]
mod samples;
pub mod terminal;
