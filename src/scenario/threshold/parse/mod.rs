//! The text of a threshold: `latency{step=reserve seat}` and `p95 < 500ms`, resolved against a file's names.
//!
//! Judging is not done here. Errors carry the place within the text, so that a finding points at the word.

mod condition;
mod key;
mod limit;
#[cfg(test)]
mod tests;
mod watched;

use std::ops::Range;

pub use condition::{Condition, condition};
pub(crate) use key::{CAUSES, CLASSES};
pub use key::{Implied, metric_and_filter};
pub(crate) use watched::watched_metrics;

use super::Metric;
use crate::scenario::model::Catalog;
use crate::scenario::monitor::{Gauge, TakenAs, Watch};

/// What a threshold may speak of.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    pub catalog: &'a Catalog,
    pub scenarios: &'a [String],
    pub monitor: &'a [Watch],
}

impl Names<'_> {
    /// Whether a series of an endpoint is taken as its growth per second.
    fn is_rate(self, source: u16, gauge: Gauge) -> bool {
        let watch = self.monitor.get(usize::from(source));
        watch.and_then(|watch| watch.chosen(gauge)).is_some_and(|series| series.taken_as == TakenAs::Rate)
    }
}

/// Why a threshold cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseError {
    pub problem: String,
    pub help: Option<String>,
    /// Where in the given text, in bytes.
    pub at: Range<usize>,
}

type Result<T> = std::result::Result<T, ParseError>;

fn wrong<T>(at: Range<usize>, problem: impl Into<String>, help: impl Into<String>) -> Result<T> {
    Err(ParseError { problem: problem.into(), help: Some(help.into()), at })
}

/// The metrics that every run has.
pub(crate) const METRICS: [(&str, Metric); 21] = [
    ("latency", Metric::Latency),
    ("service_time", Metric::ServiceTime),
    ("connect", Metric::Connect),
    ("tls", Metric::Tls),
    ("ttfb", Metric::Ttfb),
    ("iteration_duration", Metric::IterationDuration),
    ("group_duration", Metric::GroupDuration),
    ("requests", Metric::Requests),
    ("iterations", Metric::Iterations),
    ("failures", Metric::Failures),
    ("business", Metric::Business),
    ("checks", Metric::Checks),
    ("dropped", Metric::Dropped),
    ("cut", Metric::Cut),
    ("interrupted", Metric::Interrupted),
    ("lateness", Metric::Lateness),
    ("poll_duration", Metric::PollDuration),
    ("time_to_turn", Metric::TimeToTurn),
    ("queue_position", Metric::QueuePosition),
    ("given_up", Metric::GivenUp),
    ("abandoned", Metric::Abandoned),
];

/// A range without the blanks at its ends.
fn word_range(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let trimmed = part.trim();
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + trimmed.len()
}

fn listed(names: impl Iterator<Item = String>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
