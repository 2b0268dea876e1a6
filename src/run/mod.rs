//! One run of a test, whoever asks for it: on the test's own target or one that is ready, to its record.
//!
//! `run` does one; what tries several loads, or several sizes of a target, does one after another.

mod order;
mod session;
mod stops;

use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::LocalSet;

use crate::output::Mode;
use crate::result::RunResult;
use crate::scenario::model::Test;
use crate::target::Ready;
use crate::usage;
use session::Session;
pub use stops::Stops;

/// How to run a test: what the command line says besides the test itself.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A new one without it, which the result names.
    pub seed: Option<u64>,
    /// Threads that make the load; without it [as many as are fit](workers).
    pub workers: Option<u16>,
    /// What the test's times were multiplied by; 1 where they were left alone.
    pub time_scale: f64,
    /// Whether a suspect run is no better than an invalid one.
    pub strict: bool,
    pub progress: Mode,
    /// The command line, for the record; nothing secret may stand in it.
    pub command: Vec<String>,
}

/// What a run is run on.
#[derive(Debug, Clone, Copy)]
pub enum On<'a> {
    /// The test's own target: started for this run, and ended with it.
    Its,
    /// One that is ready, and stays so.
    Ready(&'a Ready),
}

/// Why a run could not be done, apart from what its result tells.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the workers could not be started: {0}")]
    Workers(io::Error),
}

/// Runs a test to its record. `log` is where each second's response times are written as they come.
pub async fn run(
    test: Arc<Test>,
    on: On<'_>,
    settings: &Settings,
    started: Timestamp,
    log: Option<&Path>,
    stops: &Stops,
) -> Result<RunResult, RunError> {
    let mut session = Session::new(settings, test, started);
    let ended = session.run(on, log, stops).await?;
    Ok(session.result(ended))
}

/// Does what `what` says on a runtime of its own.
pub fn block_on<F: Future>(what: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = LocalSet::new().block_on(&runtime, what);
    // Without waiting for a name server that says nothing: whoever asked it has long had their timeout.
    runtime.shutdown_background();
    Ok(done)
}

/// How many threads make the load: half the cores where the target takes the others, else all.
pub fn workers(asked: Option<u16>, target_is_local: bool) -> usize {
    let cores = usage::cores();
    match asked {
        Some(workers) => usize::from(workers),
        None if target_is_local => (cores / 2).max(1),
        None => cores,
    }
}
