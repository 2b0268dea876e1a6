//! `loadtest schema`: the JSON Schema of scenario files.

use std::io::Write as _;

use crate::exit::Exit;
use crate::scenario::schema;

pub(super) fn run() -> anyhow::Result<Exit> {
    let mut text = serde_json::to_string_pretty(&schema())?;
    text.push('\n');
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Passed)
}
