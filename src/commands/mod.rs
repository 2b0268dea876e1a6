//! One file per verb. Each joins the parts of the program, and holds no logic of its own.

mod baseline;
mod capacity;
mod compare;
mod completions;
mod github;
mod plan;
mod report;
mod run;
mod scenario;
mod schema;
mod target;
mod validate;

use crate::cli::{BaselineCommand, Cli, Command};
use crate::exit::Exit;

/// Does what was typed.
pub fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Capacity(args) => capacity::run(&args),
        Command::Baseline(BaselineCommand::Save(args)) => baseline::save(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Target(args) => target::run(&args),
        Command::Schema { kind } => schema::run(kind),
        Command::Completions { shell } => completions::run(shell),
    }
}
