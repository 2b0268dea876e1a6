//! Brings users into being: by their number over time (closed model), or by arrivals (open model).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::Base;
use super::steps::{Early, Flow};
use super::user::User;
use super::worker::Worker;
use crate::plan::{Arrivals, Presence, most_users, presence};
use crate::scenario::model::{Action, Load, Profile, Scenario, Shape, Step, WhenFull};

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
            Shape::Arrivals { profile, max_users, when_full } => {
                open(&worker, scenario, &base, &lane, profile, load, *max_users, *when_full).await;
            }
        }
    };
    let over = load.max_duration.map(|longest| worker.epoch + longest);
    tokio::select! {
        () = all => {}
        // Dropping the future drops its users, and with them all that is under way.
        () = worker.timer.sleep_until(over.unwrap_or(worker.epoch)), if over.is_some() => {}
    }
}

async fn closed(
    worker: &Rc<Worker>,
    scenario: u16,
    base: &Base,
    lane: &Lane,
    profile: &Profile,
    load: &Load,
) {
    let mut comers: Vec<(Vec<Presence>, u64)> = (lane.number..most_users(profile))
        .step_by(usize::try_from(lane.of).unwrap_or(usize::MAX))
        .map(|index| (presence(profile, index), index))
        .filter(|(presences, _)| !presences.is_empty())
        .collect();
    comers.sort_by_key(|(presences, index)| (presences[0].from, *index));
    let mut users = JoinSet::new();
    for (presences, index) in comers {
        let from = worker.epoch + presences[0].from;
        worker.timer.sleep_until(from).await;
        if worker.is_draining() {
            break;
        }
        let user = User::new(&worker.prepared, scenario, base);
        users.spawn_local(stay(Rc::clone(worker), user, index, presences, load.graceful_stop));
        // The ended ones are let go as others come.
        while users.try_join_next().is_some() {}
    }
    while users.join_next().await.is_some() {}
}

/// A user of the closed model, over all the times in which it is there.
async fn stay(
    worker: Rc<Worker>,
    mut user: User,
    index: u64,
    presences: Vec<Presence>,
    graceful_stop: Duration,
) {
    user.scope.user_id = index + 1;
    for Presence { from, until } in presences {
        worker.timer.sleep_until(worker.epoch + from).await;
        if worker.is_draining() {
            return;
        }
        let retire_at = worker.epoch + until;
        user.retire_at = Some(retire_at);
        let _counted = worker.count_user(user.scenario);
        let goes = tokio::select! {
            biased;
            goes = iterate(&worker, &mut user, || true) => goes,
            () = worker.timer.sleep_until(retire_at + graceful_stop) => {
                user.connections.close();
                false
            }
        };
        if goes {
            return;
        }
    }
}

async fn shared_iterations(worker: &Rc<Worker>, scenario: u16, base: &Base, lane: &Lane, users: u64) {
    let mut all = JoinSet::new();
    for index in (lane.number..users).step_by(usize::try_from(lane.of).unwrap_or(usize::MAX)) {
        let mut user = User::new(&worker.prepared, scenario, base);
        user.scope.user_id = index + 1;
        let (worker, lane) = (Rc::clone(worker), lane.clone());
        all.spawn_local(async move {
            let _counted = worker.count_user(scenario);
            let Shape::SharedIterations { iterations, .. } =
                worker.prepared.test.scenarios[usize::from(scenario)].load.shape
            else {
                return;
            };
            let begun = &lane.shared_iterations[usize::from(scenario)];
            iterate(&worker, &mut user, || begun.fetch_add(1, Ordering::Relaxed) < iterations).await;
        });
    }
    while all.join_next().await.is_some() {}
}

/// Iterations one after another, as long as `another` says so and the user need not go. True where the user
/// is gone for good.
async fn iterate(worker: &Rc<Worker>, user: &mut User, another: impl Fn() -> bool) -> bool {
    let prepared = Arc::clone(&worker.prepared);
    let scenario = &prepared.test.scenarios[usize::from(user.scenario)];
    if user.scope.iteration == 0 && !start(worker, user, scenario).await {
        return true;
    }
    while !worker.is_retired(user) && another() {
        match iteration(worker, user, scenario, Instant::now()).await {
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
    }
    false
}

/// `on_start`, tried until it succeeds; think times of the flow pass in between, so that a broken target is
/// not hammered. False where the user has to go before.
async fn start(worker: &Worker, user: &mut User, scenario: &Scenario) -> bool {
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
            Flow::End(Early::Failed | Early::Cut) => {}
            Flow::EndUser => return false,
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

async fn iteration(worker: &Worker, user: &mut User, scenario: &Scenario, due: Instant) -> Flow {
    user.begin_iteration(scenario, due);
    let stage = worker.stage_at(user.scenario, due);
    let number = usize::from(user.scenario);
    worker.record(stage, |recorder| recorder.scenarios[number].started += 1);
    let mut running = Running { worker, scenario: user.scenario, due, over: false };
    let mut flow = Flow::Next;
    for (place, step) in scenario.flow.iter().enumerate() {
        flow = worker.step(user, step).await;
        if flow != Flow::Next {
            if matches!(flow, Flow::End(Early::Failed | Early::Cut)) {
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

#[expect(clippy::too_many_arguments, reason = "the parts of one load, as its shape holds them")]
async fn open(
    worker: &Rc<Worker>,
    scenario: u16,
    base: &Base,
    lane: &Lane,
    profile: &Profile,
    load: &Load,
    max_users: Option<u32>,
    when_full: WhenFull,
) {
    // The cap is dealt out like arrivals, so that no worker asks another. With fewer places than workers only
    // as many take part.
    let of = lane.of.min(max_users.map_or(u64::MAX, u64::from)).max(1);
    if lane.number >= of {
        return;
    }
    let places = max_users.map_or(u64::MAX, |most| (u64::from(most) + of - 1 - lane.number) / of);
    let arrivals = Arrivals::new(profile);
    let mut open = Open {
        worker,
        scenario,
        base,
        retire_at: worker.epoch + profile.duration(),
        busy: 0,
        done: Rc::new(RefCell::new(Vec::new())),
        users: JoinSet::new(),
    };
    let mut waiting: VecDeque<(u64, Instant)> = VecDeque::new();
    let mut next = lane.number;
    let end = open.retire_at;
    loop {
        let due = arrivals.due(next).map(|due| worker.epoch + due);
        let stopping = worker.is_draining();
        if due.is_none() || stopping {
            break;
        }
        let due = due.unwrap_or(end);
        tokio::select! {
            biased;
            Some(_) = open.users.join_next(), if !open.users.is_empty() => {
                open.busy -= 1;
                if let Some((number, due)) = waiting.pop_front() {
                    open.arrive(number, due);
                }
            }
            () = worker.timer.sleep_until(due) => {
                if open.busy < places {
                    worker.late(scenario, due, Instant::now());
                    open.arrive(next, due);
                } else if when_full == WhenFull::Wait {
                    waiting.push_back((next, due));
                } else {
                    dropped(worker, scenario, due, 1);
                }
                next += of;
            }
            () = worker.draining.notified() => {}
        }
    }
    let cut_off = end + load.graceful_stop;
    loop {
        if worker.is_draining() || Instant::now() >= end {
            // Arrivals that still wait when the load is over have waited in vain.
            waiting.drain(..).for_each(|(_, due)| dropped(worker, scenario, due, 1));
        }
        if open.users.is_empty() {
            return;
        }
        tokio::select! {
            biased;
            _ = open.users.join_next() => {
                open.busy -= 1;
                if let Some((number, due)) = waiting.pop_front() {
                    open.arrive(number, due);
                }
            }
            () = worker.timer.sleep_until(cut_off) => return,
        }
    }
}

fn dropped(worker: &Worker, scenario: u16, due: Instant, count: u64) {
    let stage = worker.stage_at(scenario, due);
    worker.record(stage, |recorder| recorder.scenarios[usize::from(scenario)].dropped += count);
}

/// The users of an open load on this worker.
struct Open<'a> {
    worker: &'a Rc<Worker>,
    scenario: u16,
    base: &'a Base,
    retire_at: Instant,
    busy: u64,
    /// Users who are done: an arrival takes over the connection of one of them.
    done: Rc<RefCell<Vec<User>>>,
    users: JoinSet<()>,
}

impl Open<'_> {
    fn arrive(&mut self, number: u64, due: Instant) {
        let worker = Rc::clone(self.worker);
        let recycled = self.done.borrow_mut().pop();
        let mut user = recycled.unwrap_or_else(|| User::new(&worker.prepared, self.scenario, self.base));
        user.become_user(number + 1, self.base);
        user.scope.iteration = 0;
        user.retire_at = Some(self.retire_at);
        self.busy += 1;
        let (done, number) = (Rc::clone(&self.done), usize::from(self.scenario));
        self.users.spawn_local(async move {
            let prepared = Arc::clone(&worker.prepared);
            let scenario = &prepared.test.scenarios[number];
            let counted = worker.count_user(user.scenario);
            if start(&worker, &mut user, scenario).await
                && iteration(&worker, &mut user, scenario, due).await == Flow::EndRun
            {
                worker.ask_to_stop_run();
            }
            drop(counted);
            done.borrow_mut().push(user);
        });
    }
}
