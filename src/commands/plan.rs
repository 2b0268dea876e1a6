//! `loadtest plan`: what would run. Sends nothing.

use std::io::Write as _;

use super::scenario;
use crate::cli::PlanArgs;
use crate::exit::Exit;
use crate::report::plan::render;
use crate::run::workers;
use crate::scenario::model::TargetKind;
use crate::usage;

pub(super) fn run(args: &PlanArgs) -> anyhow::Result<Exit> {
    let Some(test) = scenario::read(&args.scenario) else { return Ok(Exit::Usage) };
    let local = matches!(test.target.kind, TargetKind::Bundled | TargetKind::Image(_));
    let open_files = usage::raise_open_files();
    let text = render(&test, workers(args.scenario.workers, local), open_files);
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Passed)
}
