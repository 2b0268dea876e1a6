//! `loadtest completions`: a script that lets a shell complete what is typed.

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::exit::Exit;

pub(super) fn run(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    // Not straight to standard output: it would panic where nobody reads any more.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "loadtest", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Passed)
}
