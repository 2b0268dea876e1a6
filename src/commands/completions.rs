//! `loadtest completions`: a script that lets a shell complete what is typed.

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::exit::Exit;

#[expect(clippy::unnecessary_wraps, reason = "every verb has the same shape")]
pub(super) fn run(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    clap_complete::generate(shell, &mut Cli::command(), "loadtest", &mut std::io::stdout());
    Ok(Exit::Passed)
}
