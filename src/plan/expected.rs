//! What a load is expected to come to: iterations, requests and connections.
//!
//! Everything here takes answers to come at once and requests to succeed. In the open model that changes
//! nothing; in the closed model it makes these upper bounds.

use std::collections::BTreeSet;
use std::time::Duration;

use super::work::{Between, Work, work};
use super::{Arrivals, begins, length, most_users, presence, users_at, value_at};
use crate::scenario::model::{Action, BaseUrl, Load, Profile, Scenario, Shape, Start, Step, Test};

/// What one scenario is expected to come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    pub iterations: Between,
    /// Those of `on_start` and `flow`.
    pub requests: Between,
    /// What one iteration comes to.
    pub each: Work,
    /// What each user sends before its first.
    pub start: Between,
}

pub fn expected(scenario: &Scenario) -> Expected {
    let Scenario { load, on_start, flow, .. } = scenario;
    let (each, start) = (work(flow), work(on_start));
    let (mut iterations, users) = match &load.shape {
        Shape::Users(profile) => (closed(profile, load, each.think), most_users(profile) as f64),
        Shape::Arrivals { profile, .. } => {
            let arrivals = Arrivals::new(profile).integral(length(load).as_secs_f64());
            let arrivals = (arrivals + 0.5).floor();
            (Between::exactly(arrivals), arrivals)
        }
        Shape::SharedIterations { users, iterations } => {
            (Between::exactly(*iterations as f64), f64::from(*users))
        }
        Shape::OwnIterations { users, each } => {
            (Between::exactly(f64::from(*users) * *each as f64), f64::from(*users))
        }
    };
    let length = length(load);
    let cap = load.throttle.filter(|_| length < Duration::MAX);
    let cap = cap.map(|rate| rate.as_per_second() * length.as_secs_f64());
    if let Some(cap) = cap.filter(|_| each.requests.least > 0.0) {
        iterations = iterations.capped((cap / each.requests.least).ceil());
    }
    let mut requests = iterations.times(each.requests) + start.requests.times(Between::exactly(users));
    if let Some(cap) = cap {
        requests = requests.capped(cap.ceil());
    }
    Expected { iterations, requests, each, start: start.requests }
}

/// Iterations of the closed model: a user begins one whenever its think times are over, or its pace says so.
fn closed(profile: &Profile, load: &Load, think: Between) -> Between {
    let pace = load.pace.map_or(0.0, |pace| pace.as_secs_f64());
    let begun = |seconds: f64| {
        if seconds <= 0.0 {
            return None;
        }
        let longest = load.max_duration.unwrap_or(Duration::MAX);
        let of_user = |index| {
            let there = presence(profile, index).into_iter();
            let there = there.map(|stay| stay.until.min(longest).saturating_sub(stay.from).as_secs_f64());
            there.map(|stay| (stay / seconds - 1e-9).ceil().max(0.0)).sum::<f64>()
        };
        Some((0..most_users(profile)).map(of_user).sum::<f64>())
    };
    let most = begun(think.least.max(pace));
    let least = match (think.exact(), think.most) {
        (Some(_), _) => most,
        (None, Some(longest)) => begun(longest.max(pace)),
        (None, None) => None,
    };
    Between { least: least.unwrap_or(0.0), most }
}

/// Hosts that the requests of a load go to.
pub fn hosts(scenario: &Scenario) -> usize {
    fn collect<'a>(steps: &'a [Step], into: &mut BTreeSet<&'a str>) {
        for step in steps {
            match &step.action {
                Action::Request(request) => {
                    into.insert(match &request.url.base {
                        BaseUrl::Target { .. } => "",
                        BaseUrl::Elsewhere { origin, .. } => origin,
                    });
                }
                action => action.blocks().into_iter().for_each(|steps| collect(steps, into)),
            }
        }
    }
    let mut hosts = BTreeSet::new();
    collect(&scenario.on_start, &mut hosts);
    collect(&scenario.flow, &mut hosts);
    hosts.len().max(1)
}

/// The most users that a load has at once; none where nothing bounds them.
pub fn users_at_once(load: &Load) -> Option<u64> {
    match &load.shape {
        Shape::Users(profile) => Some(most_users(profile)),
        Shape::SharedIterations { users, .. } | Shape::OwnIterations { users, .. } => Some(u64::from(*users)),
        Shape::Arrivals { max_users, .. } => max_users.map(u64::from),
    }
}

/// How many connections all scenarios together have open at once at most, one for each user and host; none where
/// nothing bounds the users. Where arrivals are capped, it is the cap that counts.
pub fn connections_at_once(test: &Test) -> Option<u64> {
    for scenario in &test.scenarios {
        users_at_once(&scenario.load)?;
    }
    // The number of users changes linearly, so it is greatest where something begins, bends or ends.
    let mut moments = BTreeSet::new();
    for (number, scenario) in test.scenarios.iter().enumerate() {
        let mut at = begins(test, number);
        moments.insert(at);
        if let Shape::Users(Profile { stages, .. }) = &scenario.load.shape {
            for stage in stages {
                at = at.saturating_add(stage.duration);
                moments.insert(at);
                moments.insert(at.saturating_sub(Duration::from_nanos(1)));
            }
        }
    }
    let all_at = |at: Duration| -> u64 {
        let numbered = test.scenarios.iter().enumerate();
        numbered.map(|(number, scenario)| users_then(test, number, at) * hosts(scenario) as u64).sum()
    };
    moments.into_iter().filter(|at| *at < Duration::MAX).map(all_at).max()
}

/// The users of a scenario at a moment. Of one whose end is not known, one that comes after it takes the place.
fn users_then(test: &Test, number: usize, at: Duration) -> u64 {
    let Some(scenario) = test.scenarios.get(number) else { return 0 };
    let begins = begins(test, number);
    let Some(since) = at.checked_sub(begins).filter(|_| begins < Duration::MAX) else { return 0 };
    let length = length(&scenario.load);
    if length == Duration::MAX {
        let own = users_at_once(&scenario.load).unwrap_or(0);
        let followers = test.scenarios.iter().filter(|next| follows(test, next, number));
        return followers.filter_map(|next| users_at_once(&next.load)).fold(own, u64::max);
    }
    if since >= length {
        return 0;
    }
    match &scenario.load.shape {
        Shape::Users(profile) => users_at(profile, since.as_secs_f64()),
        _ => users_at_once(&scenario.load).unwrap_or(0),
    }
}

/// Whether a scenario waits for another, or for one that does.
fn follows(test: &Test, scenario: &Scenario, number: usize) -> bool {
    let mut scenario = scenario;
    for _ in 0..test.scenarios.len() {
        let Start::After { scenario: before, .. } = scenario.start else { return false };
        if usize::from(before) == number {
            return true;
        }
        let Some(before) = test.scenarios.get(usize::from(before)) else { return false };
        scenario = before;
    }
    false
}

/// The greatest value of a profile between two moments, in seconds since its beginning.
pub fn greatest(profile: &Profile, from: f64, to: f64) -> f64 {
    let mut end = 0.0;
    let ends = profile.stages.iter().map(|stage| {
        end += stage.duration.as_secs_f64();
        end
    });
    let within = ends.filter(|end| (from..to).contains(end)).collect::<Vec<f64>>();
    within.into_iter().chain([from, to]).map(|at| value_at(profile, at)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::tests::test_of;
    use super::*;

    #[test]
    fn iterations_and_requests() {
        let one = "flow:\n  - get: /a\n  - get: /b\n  - think: 2s\n";
        for (load, rest, iterations, requests) in [
            ("users: 10, duration: 1m", one, (300.0, Some(300.0)), (600.0, Some(600.0))),
            ("users: 10, duration: 1m, pace: 5s", one, (120.0, Some(120.0)), (240.0, Some(240.0))),
            ("users: 10, duration: 1m, max_duration: 30s", one, (150.0, Some(150.0)), (300.0, Some(300.0))),
            ("users: 10, duration: 1m, throttle: 5/s", one, (150.0, Some(150.0)), (300.0, Some(300.0))),
            ("rate: 10/s, duration: 1m", one, (600.0, Some(600.0)), (1200.0, Some(1200.0))),
            ("users: 10, iterations: 7", one, (7.0, Some(7.0)), (14.0, Some(14.0))),
            ("users: 10, iterations_per_user: 7", one, (70.0, Some(70.0)), (140.0, Some(140.0))),
            ("users: 10, duration: 1m", "flow:\n  - get: /a\n", (0.0, None), (0.0, None)),
            (
                "users: 4, iterations: 8",
                "on_start:\n  - get: /login\nflow:\n  - get: /a\n    when: user.id > 1\n",
                (8.0, Some(8.0)),
                (4.0, Some(12.0)),
            ),
            (
                "users: 1, duration: 10s",
                "flow:\n  - get: /a\n  - think: 1s\n  - think: 1s\n    when: status == 200\n",
                (5.0, Some(10.0)),
                (5.0, Some(10.0)),
            ),
        ] {
            let test = test_of(&format!("load: {{ {load} }}\n{rest}"));
            let expected = expected(&test.scenarios[0]);
            let seen = |between: Between| (between.least, between.most);
            assert_eq!(
                (seen(expected.iterations), seen(expected.requests)),
                (iterations, requests),
                "{load}"
            );
        }
    }

    #[test]
    fn connections_of_scenarios_that_overlap_add_up() {
        let flow = "flow: [{ get: /a }]";
        let at_once = |scenarios: &[(&str, &str)]| {
            let each = scenarios.iter().enumerate().map(|(number, (load, start))| {
                format!("  s{number}:\n    load: {{ {load} }}\n    {flow}\n{start}")
            });
            connections_at_once(&test_of(&format!("scenarios:\n{}", each.collect::<String>())))
        };
        let (ten, three) = ("users: 10, duration: 10s", "users: 3, duration: 10s");
        assert_eq!(at_once(&[(ten, ""), (three, "")]), Some(13));
        assert_eq!(at_once(&[(ten, ""), (three, "    start: { at: 10s }\n")]), Some(10));
        assert_eq!(at_once(&[(ten, ""), (three, "    start: { at: 9s }\n")]), Some(13));
        assert_eq!(at_once(&[(three, ""), (ten, "    start: { after: s0 }\n")]), Some(10));
        let endless = "users: 5, iterations: 100";
        assert_eq!(at_once(&[(endless, ""), (three, "    start: { at: 1h }\n")]), Some(8));
        assert_eq!(at_once(&[(endless, ""), (ten, "    start: { after: s0 }\n")]), Some(10));
        assert_eq!(at_once(&[(ten, ""), ("rate: 1/s, duration: 1s", "")]), None);
    }

    #[test]
    fn a_load_that_is_large_is_estimated_at_once() {
        let test = test_of("load: { users: 100000, duration: 1h }\nflow:\n  - get: /a\n  - think: 1s\n");
        assert_eq!(expected(&test.scenarios[0]).iterations.exact(), Some(3.6e8));
    }
}
