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
use crate::plan::{Arrivals, striped};
use crate::scenario::model::{Load, Shape, WhenFull};
use crate::template::Random;

pub(super) async fn open(worker: &Rc<Worker>, scenario: u16, base: &Base, lane: &Lane, load: &Load) {
    let Shape::Arrivals { profile, spacing, max_users, when_full } = &load.shape else { return };
    // The cap is dealt out like arrivals, so that no worker asks another. With fewer places than workers only
    // as many take part.
    let of = lane.of.min(max_users.map_or(u64::MAX, u64::from)).max(1);
    if lane.number >= of {
        return;
    }
    let began = worker.began(scenario);
    let end = began + profile.duration();
    let mut open = Open {
        worker,
        scenario,
        base,
        retire_at: end,
        places: max_users.map_or(u64::MAX, |most| (u64::from(most) + of - 1 - lane.number) / of),
        when_full: *when_full,
        busy: 0,
        waiting: VecDeque::new(),
        done: Rc::new(RefCell::new(Vec::new())),
        users: JoinSet::new(),
    };
    let arrivals = Arrivals::new(profile);
    let before = lane.users_before.get(usize::from(scenario)).copied().unwrap_or_default();
    // The stream of user 0, which no user has.
    let random = Random::of_iteration(worker.prepared.shared.seed, u64::from(scenario), 0, 0);
    for (number, due) in striped(&arrivals, *spacing, random, lane.number, of) {
        let due = began + due;
        open.until(due).await;
        if worker.is_draining() {
            break;
        }
        open.came(before + number, due);
        if worker.is_out_of_data(scenario) {
            break;
        }
    }
    let in_vain = if worker.is_out_of_data(scenario) {
        // Nobody comes any more, and who waits for a place would find no row.
        open.waiting.clear();
        VecDeque::new()
    } else {
        open.until(end).await;
        std::mem::take(&mut open.waiting)
    };
    // Arrivals that still wait when the load is over have waited in vain.
    in_vain.into_iter().for_each(|(_, due)| open.dropped(due));
    let cut_off = end + load.graceful_stop;
    tokio::select! {
        () = open.all_done() => {}
        () = worker.timer.sleep_until(cut_off) => {}
    }
}

/// The users of an open load on this worker.
struct Open<'a> {
    worker: &'a Rc<Worker>,
    scenario: u16,
    base: &'a Base,
    retire_at: Instant,
    /// How many may be busy at once.
    places: u64,
    when_full: WhenFull,
    busy: u64,
    /// Arrivals that found no place, and wait for one.
    waiting: VecDeque<(u64, Instant)>,
    /// Users who are done: an arrival takes over the connection of one of them.
    done: Rc<RefCell<Vec<User>>>,
    users: JoinSet<()>,
}

impl Open<'_> {
    /// Waits until `at`, or until the run drains; users who are done make room meanwhile.
    async fn until(&mut self, at: Instant) {
        loop {
            while self.users.try_join_next().is_some() {
                self.one_is_done();
            }
            // An arrival that is late already goes first: nobody waits for its turn.
            if Instant::now() >= at || self.worker.is_draining() {
                return;
            }
            tokio::select! {
                biased;
                () = self.worker.timer.sleep_until(at) => {}
                () = self.worker.draining.notified() => {}
                Some(_) = self.users.join_next(), if !self.users.is_empty() => self.one_is_done(),
            }
        }
    }

    async fn all_done(&mut self) {
        while self.users.join_next().await.is_some() {}
    }

    fn one_is_done(&mut self) {
        self.busy -= 1;
        if let Some((number, due)) = self.waiting.pop_front() {
            self.arrive(number, due);
        }
    }

    fn came(&mut self, number: u64, due: Instant) {
        if self.busy < self.places {
            self.worker.late(self.scenario, due, Instant::now());
            self.arrive(number, due);
        } else if self.when_full == WhenFull::Wait {
            self.waiting.push_back((number, due));
        } else {
            self.dropped(due);
        }
    }

    fn dropped(&self, due: Instant) {
        let stage = self.worker.stage_at(self.scenario, due);
        let scenario = usize::from(self.scenario);
        self.worker.record(stage, |recorder| recorder.scenarios[scenario].dropped += 1);
    }

    fn arrive(&mut self, number: u64, due: Instant) {
        let worker = Rc::clone(self.worker);
        let recycled = self.done.borrow_mut().pop();
        let mut user =
            recycled.unwrap_or_else(|| User::new(&worker.prepared, &worker.timer, self.scenario, self.base));
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
