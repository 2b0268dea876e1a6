//! Brings users into being: by their number over time (closed model), or by arrivals (open model).

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use tokio::sync::watch;

use super::Base;
use super::closed::{Allowance, closed, fixed_iterations};
use super::open::open;
use super::worker::Worker;
use crate::scenario::model::{Scenario, Shape};

/// A worker's place among all of them, and what they share.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) number: u64,
    pub(super) of: u64,
    /// Iterations begun, for each scenario that shares a fixed number of them.
    pub(super) shared_iterations: Arc<[AtomicU64]>,
    /// For each scenario, how many users the ones before it may have: its ids come after theirs.
    pub(super) users_before: Arc<[u64]>,
}

/// The beginning of a scenario's load, once it is known.
#[derive(Debug, Clone)]
pub(super) struct Begin {
    pub(super) at: Instant,
    /// What `setup` left.
    pub(super) base: Base,
}

/// Runs one scenario's share of this worker, from the beginning of its load until the last user is gone or
/// has been cut off. A scenario that has not begun when the run drains never does.
pub(super) async fn inject(
    worker: Rc<Worker>,
    scenario: u16,
    mut begin: watch::Receiver<Option<Begin>>,
    lane: Lane,
) -> u16 {
    let prepared = Arc::clone(&worker.prepared);
    let Some(Scenario { load, .. }) = prepared.test.scenarios.get(usize::from(scenario)) else {
        return scenario;
    };
    let begins = async {
        let begin = begin.wait_for(Option::is_some).await.ok()?.clone()?;
        worker.timer.sleep_until(begin.at).await;
        Some(begin)
    };
    let begin = tokio::select! {
        biased;
        () = worker.until_draining() => None,
        begin = begins => begin,
    };
    let Some(Begin { at, base }) = begin else { return scenario };
    worker.begin(scenario, at);
    let all = async {
        match &load.shape {
            Shape::Users(profile) => closed(&worker, scenario, &base, &lane, profile, load).await,
            Shape::SharedIterations { users, iterations } => {
                let allowance = Allowance::Shared(*iterations);
                fixed_iterations(&worker, scenario, &base, &lane, *users, allowance).await;
            }
            Shape::OwnIterations { users, each } => {
                fixed_iterations(&worker, scenario, &base, &lane, *users, Allowance::Own(*each)).await;
            }
            Shape::Arrivals { .. } => open(&worker, scenario, &base, &lane, load).await,
        }
    };
    let over = load.max_duration.map(|longest| at + longest);
    tokio::select! {
        () = all => {}
        // Dropping the future drops its users, and with them all that is under way.
        () = worker.timer.sleep_until(over.unwrap_or(at)), if over.is_some() => {}
    }
    scenario
}
