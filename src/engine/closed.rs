//! The closed model: users who come and go as the profile says, or do a fixed number of iterations.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Base;
use super::inject::Lane;
use super::iteration::iterate;
use super::user::User;
use super::worker::Worker;
use crate::plan::{Presence, most_users, presence};
use crate::scenario::model::{Load, Profile};

pub(super) async fn closed(
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
    let (mut users, began) = (JoinSet::new(), worker.began(scenario));
    let before = lane.users_before.get(usize::from(scenario)).copied().unwrap_or_default();
    for (presences, index) in comers {
        let from = began + presences[0].from;
        worker.timer.sleep_until(from).await;
        if worker.is_draining() {
            break;
        }
        let mut user = User::new(&worker.prepared, &worker.timer, scenario, base);
        user.scope.user_id = before + index + 1;
        users.spawn_local(stay(Rc::clone(worker), user, presences, load.graceful_stop));
        // The ended ones are let go as others come.
        while users.try_join_next().is_some() {}
    }
    while users.join_next().await.is_some() {}
}

/// A user of the closed model, over all the times in which it is there.
async fn stay(worker: Rc<Worker>, mut user: User, presences: Vec<Presence>, graceful_stop: Duration) {
    let began = worker.began(user.scenario);
    for Presence { from, until } in presences {
        worker.timer.sleep_until(began + from).await;
        if worker.is_draining() {
            return;
        }
        let retire_at = began + until;
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

/// How many iterations there are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Allowance {
    /// For all users together.
    Shared(u64),
    /// For each of them.
    Own(u64),
}

pub(super) async fn fixed_iterations(
    worker: &Rc<Worker>,
    scenario: u16,
    base: &Base,
    lane: &Lane,
    users: u32,
    allowance: Allowance,
) {
    let mut all = JoinSet::new();
    let before = lane.users_before.get(usize::from(scenario)).copied().unwrap_or_default();
    for index in (lane.number..u64::from(users)).step_by(usize::try_from(lane.of).unwrap_or(usize::MAX)) {
        let mut user = User::new(&worker.prepared, &worker.timer, scenario, base);
        user.scope.user_id = before + index + 1;
        let (worker, lane) = (Rc::clone(worker), lane.clone());
        all.spawn_local(async move {
            let _counted = worker.count_user(scenario);
            match allowance {
                Allowance::Shared(iterations) => {
                    let begun = &lane.shared_iterations[usize::from(scenario)];
                    let another = || begun.fetch_add(1, Ordering::Relaxed) < iterations;
                    iterate(&worker, &mut user, another).await;
                }
                Allowance::Own(each) => {
                    let begun = Cell::new(0);
                    iterate(&worker, &mut user, || begun.replace(begun.get() + 1) < each).await;
                }
            }
        });
    }
    while all.join_next().await.is_some() {}
}
