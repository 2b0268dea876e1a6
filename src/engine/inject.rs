//! Brings users into being: by their number over time (closed model), or by arrivals (open model).

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::Base;
use super::closed::{closed, shared_iterations};
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
}

/// Runs one scenario's share of this worker, from the beginning of its load until the last user is gone or
/// has been cut off.
pub(super) async fn inject(worker: Rc<Worker>, scenario: u16, base: Base, lane: Lane) {
    let prepared = Arc::clone(&worker.prepared);
    let Some(Scenario { load, .. }) = prepared.test.scenarios.get(usize::from(scenario)) else { return };
    worker.timer.sleep_until(worker.epoch).await;
    let all = async {
        match &load.shape {
            Shape::Users(profile) => closed(&worker, scenario, &base, &lane, profile, load).await,
            Shape::SharedIterations { users, .. } => {
                shared_iterations(&worker, scenario, &base, &lane, u64::from(*users)).await;
            }
            Shape::Arrivals { .. } => open(&worker, scenario, &base, &lane, load).await,
        }
    };
    let over = load.max_duration.map(|longest| worker.epoch + longest);
    tokio::select! {
        () = all => {}
        // Dropping the future drops its users, and with them all that is under way.
        () = worker.timer.sleep_until(over.unwrap_or(worker.epoch)), if over.is_some() => {}
    }
}
