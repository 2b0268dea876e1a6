//! `loadtest schema`: the JSON Schema of scenario files, or of results.

use super::scenario::print;
use crate::cli::{SchemaArgs, SchemaOf};
use crate::exit::Exit;
use crate::result::RunResult;
use crate::scenario::schema;

pub(super) fn run(args: &SchemaArgs) -> anyhow::Result<Exit> {
    let mut text = match args.of {
        SchemaOf::Scenario => serde_json::to_string_pretty(&schema())?,
        SchemaOf::Result => serde_json::to_string_pretty(&schemars::schema_for!(RunResult))?,
    };
    text.push('\n');
    print(&text)?;
    Ok(Exit::Passed)
}
