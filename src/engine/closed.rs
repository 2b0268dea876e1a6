//! The closed model: users who come and go as the profile says, or share a number of iterations.

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
use crate::scenario::model::{Load, Profile, Shape};

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

pub(super) async fn shared_iterations(
    worker: &Rc<Worker>,
    scenario: u16,
    base: &Base,
    lane: &Lane,
    users: u64,
) {
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
