//! The record itself as JSON, indented for people. `loadtest schema result` says what its fields are.

use crate::result::RunResult;

/// The whole record, ending in a line break.
pub fn render(result: &RunResult) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(result).map(|json| json + "\n")
}
