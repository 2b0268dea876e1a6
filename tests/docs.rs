//! The documentation, held against the program: every example is read, every command is run, every link leads
//! somewhere, and what can be generated is.
//!
//! `UPDATE_DOCS=1 cargo test --test docs` writes the generated parts anew.
//!
//! What stands behind the language of a code block says how it is checked:
//!
//! - `yaml whole`: a scenario file; `file=NAME` lets commands use it
//! - `yaml part`: keys of a scenario; `target`, `load` and `flow` are added where they are missing
//! - `yaml step`: steps of a `flow`
//! - `yaml thresholds`: thresholds of the first whole file of the same page
//! - `yaml included`, `yaml steps`: a file for others to include
//! - `yaml invalid`: a scenario with findings
//! - `yaml excerpt of=PATH`: lines of a file that is shipped, in their order; `…` stands for those left out
//! - `yaml github`: a workflow; only the commands in it are checked
//! - `console`: commands of `loadtest`, with exactly this output
//! - `console curl`: requests to the bundled service, with this output but for tokens and times
//! - `sh`: commands that must pass. A run is shortened by `--smoke`; `cargo` and `just` are not run here
//! - `sh docker`: commands that need Docker, on the page of the service alone; `tests/containers` runs them
//! - `json`: any JSON
//! - `csv`: rows; `file=NAME` lets scenarios use them
//! - `text`, and what other tools read (`js`, `java`, `scala`): not checked

#![allow(clippy::unwrap_used, reason = "a test that cannot read its pages fails")]

#[path = "docs/blocks.rs"]
mod blocks;
#[path = "docs/commands.rs"]
mod commands;
#[path = "docs/examples.rs"]
mod examples;
#[path = "docs/faults.rs"]
mod faults;
#[path = "docs/generated.rs"]
mod generated;
#[path = "docs/keys.rs"]
mod keys;
#[path = "docs/links.rs"]
mod links;
