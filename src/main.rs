//! The `loadtest` program: reads its arguments and hands over to `commands`.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use loadtest::cli::Cli;
use loadtest::exit::Exit;

fn main() -> ExitCode {
    match loadtest::commands::dispatch(Cli::parse()) {
        Ok(exit) => exit.into(),
        // A reader that went away (`loadtest schema | head`) is no error worth a word.
        Err(error) if is_broken_pipe(&error) => Exit::Passed.into(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            Exit::Other.into()
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
