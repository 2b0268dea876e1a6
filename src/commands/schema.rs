//! `loadtest schema`: the JSON Schema of scenario files.

use std::io::Write as _;

use crate::cli::SchemaKind;
use crate::exit::Exit;
use crate::scenario::{FileKind, schema};

pub(super) fn run(kind: SchemaKind) -> anyhow::Result<Exit> {
    let kind = match kind {
        SchemaKind::Test => FileKind::Test,
        SchemaKind::Steps => FileKind::Steps,
        SchemaKind::Included => FileKind::Included,
    };
    let mut text = serde_json::to_string_pretty(&schema(kind))?;
    text.push('\n');
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Passed)
}
