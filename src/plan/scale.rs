//! A test with another load: `--time-scale`, `--smoke`, and constant rates.

use std::time::Duration;

use crate::scenario::model::{Action, Load, Profile, Shape, Spacing, Start, Step, Test, WhenFull};
use crate::scenario::threshold::Metric;

/// Scales what a load takes (stages, durations, graceful stop, `max_duration`, `start`, `gap`, `after`,
/// `over`); never think times, rates, counts or timeouts.
pub fn scaled(mut test: Test, factor: f64) -> Test {
    let scale = |duration: &mut Duration| *duration = duration.mul_f64(factor);
    for scenario in &mut test.scenarios {
        scale(wait_of(&mut scenario.start));
        let Load { shape, graceful_stop, max_duration, .. } = &mut scenario.load;
        scale(graceful_stop);
        max_duration.as_mut().map(scale);
        match shape {
            Shape::Users(profile) | Shape::Arrivals { profile, .. } => {
                profile.stages.iter_mut().for_each(|stage| scale(&mut stage.duration));
            }
            Shape::SharedIterations { .. } | Shape::OwnIterations { .. } => {}
        }
    }
    for threshold in &mut test.thresholds {
        scale(&mut threshold.after);
        threshold.over.as_mut().map(scale);
    }
    test
}

/// A constant number of arrivals per second, whatever the load of the file: to see whether a rate holds.
///
/// Arrivals are spaced as in the file, and `max_users` of the file wins over `most_users`.
pub fn steady(mut test: Test, per_second: f64, duration: Duration, most_users: u32) -> Test {
    for scenario in &mut test.scenarios {
        let (spacing, max_users) = match scenario.load.shape {
            Shape::Arrivals { spacing, max_users, .. } => (spacing, max_users),
            _ => (Spacing::default(), None),
        };
        scenario.load.shape = Shape::Arrivals {
            profile: Profile::constant(per_second, duration),
            spacing,
            max_users: Some(max_users.unwrap_or(most_users)),
            when_full: WhenFull::Drop,
        };
        scenario.load.pace = None;
        scenario.load.max_duration = None;
    }
    test
}

/// How long a scenario waits, for whatever.
fn wait_of(start: &mut Start) -> &mut Duration {
    match start {
        Start::At(wait) | Start::After { delay: wait, .. } => wait,
    }
}

/// A loop without a bound has no end where no load has one.
fn once_through(steps: &mut [Step]) {
    for step in steps {
        match &mut step.action {
            Action::While { at_most, steps, .. } => {
                at_most.get_or_insert(1);
                once_through(steps);
            }
            Action::Group { steps, .. } | Action::Repeat { steps, .. } => once_through(steps),
            _ => {}
        }
    }
}

/// One user, once through the flow: does the scenario work at all? Only failures are judged then; goals for
/// rates and latencies say nothing about a single pass.
pub fn smoke(mut test: Test) -> Test {
    for scenario in &mut test.scenarios {
        scenario.load.shape = Shape::SharedIterations { users: 1, iterations: 1 };
        scenario.load.pace = None;
        // One after another all the same: each has a `setup` of its own.
        *wait_of(&mut scenario.start) = Duration::ZERO;
        once_through(&mut scenario.flow);
    }
    test.thresholds.retain(|threshold| threshold.metric == Metric::Failures);
    test
}
