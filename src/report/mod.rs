//! Renderers: a folder for each format, each a function of a `RunResult` alone, or of a comparison.
//!
//! `content` says what stands in a report and `words` says it in a language; HTML and Markdown mark it up.

mod analysis;
pub mod capacity;
pub mod comparison;
mod content;
pub mod csv;
mod escape;
mod figures;
pub mod github;
pub mod html;
pub mod incident;
pub mod json;
pub mod junit;
pub mod markdown;
mod page;
pub mod plan;
#[cfg(test)]
mod samples;
mod sparkline;
pub mod terminal;
mod words;

pub use words::Lang;
