//! What will run, as pure functions of time: how many users there are, and when the nth arrival is due.
//!
//! Nothing here waits or counts; the engine asks. Arrivals and users are dealt out by stripes, so that threads
//! and machines are one idea: of `n` workers, worker `w` takes `w`, `w + n`, `w + 2n` …

mod arrivals;
mod data;
mod scale;
mod users;

pub use arrivals::{Arrivals, striped};
pub use data::{DataNeed, Needed, data_needs};
pub use scale::{scaled, smoke};
pub use users::{Presence, most_users, presence, users_at, users_before};

use std::time::Duration;

use crate::scenario::model::{Profile, Shape, Start, Test};

/// The piecewise linear value of a profile `seconds` after its beginning; its last value afterwards.
pub fn value_at(profile: &Profile, seconds: f64) -> f64 {
    let (mut from, mut rest) = (profile.from, seconds);
    for stage in &profile.stages {
        let length = stage.duration.as_secs_f64();
        if rest < length {
            return from + (stage.target - from) * (rest / length);
        }
        rest -= length;
        from = stage.target;
    }
    from
}

/// The index among the profile's stages at `seconds`; the last one afterwards.
pub fn stage_at(profile: &Profile, seconds: f64) -> usize {
    let mut end = 0.0;
    for (index, stage) in profile.stages.iter().enumerate() {
        end += stage.duration.as_secs_f64();
        if seconds < end {
            return index;
        }
    }
    profile.stages.len().saturating_sub(1)
}

/// When the load of a scenario is planned to begin; never (the longest duration there is), where the end of one
/// before it is not known.
pub fn begins(test: &Test, number: usize) -> Duration {
    let mut wait = Duration::ZERO;
    let mut scenario = test.scenarios.get(number);
    // Each wait leads one further back. There are no circles, and none could hold it up for ever.
    for _ in 0..=test.scenarios.len() {
        match scenario.map(|scenario| scenario.start) {
            None => break,
            Some(Start::At(at)) => return wait.saturating_add(at),
            Some(Start::After { scenario: before, delay }) => {
                scenario = test.scenarios.get(usize::from(before));
                let Some(before) = scenario else { break };
                let longest = before.load.max_duration.unwrap_or(Duration::MAX);
                let length = match &before.load.shape {
                    Shape::Users(profile) | Shape::Arrivals { profile, .. } => profile.duration(),
                    Shape::SharedIterations { .. } | Shape::OwnIterations { .. } => Duration::MAX,
                };
                wait = wait.saturating_add(delay).saturating_add(length.min(longest));
            }
        }
    }
    wait
}

/// A profile of `(seconds, target)` stages, for tests.
#[cfg(test)]
fn profile(from: f64, stages: &[(f64, f64)]) -> Profile {
    let stage = |&(seconds, target): &(f64, f64)| crate::scenario::model::Stage {
        duration: std::time::Duration::from_secs_f64(seconds),
        target,
        name: None,
    };
    Profile { from, stages: stages.iter().map(stage).collect() }
}
