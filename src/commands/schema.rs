//! `loadtest schema`: the JSON Schema of scenario files, or of results.

use super::scenario::print;
use crate::cli::SchemaKind;
use crate::exit::Exit;
use crate::result::RunResult;
use crate::scenario::{FileKind, schema};

pub(super) fn run(kind: SchemaKind) -> anyhow::Result<Exit> {
    let mut text = match kind {
        SchemaKind::Test => serde_json::to_string_pretty(&schema(FileKind::Test))?,
        SchemaKind::Steps => serde_json::to_string_pretty(&schema(FileKind::Steps))?,
        SchemaKind::Included => serde_json::to_string_pretty(&schema(FileKind::Included))?,
        SchemaKind::Result => serde_json::to_string_pretty(&schemars::schema_for!(RunResult))?,
    };
    text.push('\n');
    print(&text)?;
    Ok(Exit::Passed)
}
