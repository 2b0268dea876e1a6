//! Iterations of one user: one after another, at their own pace, or a single one.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::steps::{Early, Flow};
use super::user::User;
use super::worker::Worker;
use crate::scenario::model::{Action, Scenario, Step};

/// Iterations one after another, as long as `another` says so and the user need not go. True where the user
/// is gone for good.
pub(super) async fn iterate(worker: &Rc<Worker>, user: &mut User, another: impl Fn() -> bool) -> bool {
    let prepared = Arc::clone(&worker.prepared);
    let scenario = &prepared.test.scenarios[usize::from(user.scenario)];
    if user.scope.iteration == 0 && !start(worker, user, scenario).await {
        return true;
    }
    let pace = scenario.load.pace;
    user.cursor = Instant::now();
    let mut due = user.cursor;
    while !worker.is_retired(user) && another() {
        match iteration(worker, user, scenario, due).await {
            Flow::EndUser => return true,
            Flow::EndRun => {
                worker.ask_to_stop_run();
                return true;
            }
            Flow::Next | Flow::End(_) => {}
        }
        if !user.waited {
            worker.breathe(user).await;
        }
        match pace {
            Some(pace) => {
                due += pace;
                worker.wait_until(user, due).await;
            }
            // At once: the next iteration is due where the last step of this one ended.
            None => due = user.cursor,
        }
    }
    false
}

/// The rows that a user keeps, and `on_start`, tried until it succeeds; think times of the flow pass in between,
/// so that a broken target is not hammered. False where the user has to go before.
pub(super) async fn start(worker: &Worker, user: &mut User, scenario: &Scenario) -> bool {
    let feeds = &scenario.feeds;
    if !worker.feed(user, &feeds.user) || !worker.feed(user, &feeds.on_start) {
        return false;
    }
    if scenario.on_start.is_empty() {
        return true;
    }
    loop {
        user.cursor = Instant::now();
        user.waited = false;
        match worker.block(user, &scenario.on_start).await {
            Flow::Next | Flow::End(Early::Stopped | Early::Business) => {
                user.keep_as_base();
                return true;
            }
            Flow::End(Early::Failed | Early::Cut | Early::Abandoned) => {}
            Flow::End(Early::Interrupted) | Flow::EndUser => return false,
            Flow::EndRun => {
                worker.ask_to_stop_run();
                return false;
            }
        }
        pass_think_times(worker, user, &scenario.flow).await;
        worker.breathe(user).await;
        if worker.is_retired(user) {
            return false;
        }
    }
}

/// An iteration that is cut off before its end counts as interrupted.
struct Running<'a> {
    worker: &'a Worker,
    scenario: u16,
    due: Instant,
    over: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.over {
            let stage = self.worker.stage_at(self.scenario, self.due);
            let scenario = usize::from(self.scenario);
            self.worker.record(stage, |recorder| recorder.scenarios[scenario].interrupted += 1);
        }
    }
}

/// One iteration; none where there is no row of data left for it, and then the user goes.
pub(super) async fn iteration(worker: &Worker, user: &mut User, scenario: &Scenario, due: Instant) -> Flow {
    user.begin_iteration(scenario, due);
    if !worker.feed(user, &scenario.feeds.iteration) {
        return Flow::EndUser;
    }
    let stage = worker.stage_at(user.scenario, due);
    let number = usize::from(user.scenario);
    worker.record(stage, |recorder| recorder.scenarios[number].started += 1);
    let mut running = Running { worker, scenario: user.scenario, due, over: false };
    let mut flow = Flow::Next;
    for (place, step) in scenario.flow.iter().enumerate() {
        flow = worker.step(user, step).await;
        if flow != Flow::Next {
            if matches!(flow, Flow::End(Early::Failed | Early::Cut | Early::Abandoned)) {
                pass_think_times(worker, user, &scenario.flow[place + 1..]).await;
            }
            break;
        }
    }
    running.over = true;
    drop(running);
    let took = user.cursor.saturating_duration_since(due);
    worker.record(stage, |recorder| {
        let record = &mut recorder.scenarios[number];
        match flow {
            Flow::Next => record.iterations.record(took),
            Flow::End(Early::Cut) => record.cut += 1,
            Flow::End(Early::Abandoned) => record.abandoned += 1,
            Flow::End(Early::Interrupted) => record.interrupted += 1,
            Flow::End(_) | Flow::EndUser | Flow::EndRun => record.ended_early += 1,
        }
    });
    user.scope.forget_answer();
    flow
}

async fn pass_think_times(worker: &Worker, user: &mut User, rest: &[Step]) {
    for step in rest {
        if let Action::Think(think) = &step.action {
            worker.think(user, think).await;
        }
    }
}
