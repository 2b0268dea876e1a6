//! When each scenario's load is planned to begin, and to end.

use std::time::Duration;

use crate::scenario::model::{Load, Shape, Start, Test};

/// How long a load is planned to take; the longest time there is where that is not known before (a fixed number
/// of iterations takes as long as the answers do).
pub fn length(load: &Load) -> Duration {
    let length = match &load.shape {
        Shape::Users(profile) | Shape::Arrivals { profile, .. } => profile.duration(),
        Shape::SharedIterations { .. } | Shape::OwnIterations { .. } => Duration::MAX,
    };
    length.min(load.max_duration.unwrap_or(Duration::MAX))
}

/// When the load of a scenario is planned to begin; the longest time there is, where the end of one before it is
/// not known.
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
                wait = wait.saturating_add(delay).saturating_add(length(&before.load));
            }
        }
    }
    wait
}
