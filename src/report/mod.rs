//! Renderers: one file for each format, each a function of a `RunResult` alone.

mod content;
mod figures;
pub mod markdown;
pub mod plan;
#[cfg(test)]
mod samples;
pub mod terminal;
mod words;

pub use words::Lang;
