//! Causes of failure, each with an example of what was asked and what came back.

use serde::Serialize;

use super::table::{named, plain};
use crate::report::figures::{is_optional, of_scenario, span};
use crate::report::words::Words;
use crate::result::{RunResult, harmless};
use crate::units::count;

/// How many causes a report shows; the others are in the result.
const MOST: usize = 20;

/// A cause of failure of one step. Texts are harmless to show, but not escaped for any markup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    pub(crate) step: String,
    pub(crate) cause: String,
    pub(crate) count: String,
    pub(crate) example: Option<Example>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Example {
    /// Since the beginning of the load.
    pub(crate) at: String,
    pub(crate) request: String,
    /// `503`, or that there was no answer.
    pub(crate) answer: String,
    pub(crate) detail: String,
    /// The beginning of the answer's body, in several lines; empty where there was none.
    pub(crate) body: String,
}

/// The most frequent causes, and how many there are besides.
pub(crate) fn failures(result: &RunResult, words: &Words) -> (Vec<Failure>, usize) {
    let shown = result.causes.iter().take(MOST).map(|cause| Failure {
        step: named(&of_scenario(result, &cause.scenario, &cause.step), is_optional(result, cause), words),
        cause: plain(&cause.cause).into_owned(),
        count: count(cause.count),
        example: cause.example.as_ref().map(|example| Example {
            at: span(example.at_s).map_or_else(|| "?".into(), words.duration),
            request: plain(&example.request).into_owned(),
            answer: match example.status {
                Some(status) => status.to_string(),
                None => words.no_answer.into(),
            },
            detail: plain(&example.detail).into_owned(),
            body: harmless(example.body.trim(), true).into_owned(),
        }),
    });
    (shown.collect(), result.causes.len().saturating_sub(MOST))
}
