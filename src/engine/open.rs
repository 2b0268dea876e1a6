//! The open model: arrivals at their due times, whatever the target does.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::Base;
use super::inject::Lane;
use super::iteration::{iteration, start};
use super::steps::Flow;
use super::user::User;
use super::worker::Worker;
use crate::plan::Arrivals;
use crate::scenario::model::{Load, Profile, WhenFull};

#[expect(clippy::too_many_arguments, reason = "the parts of one load, as its shape holds them")]
pub(super) async fn open(
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
