//! The closed model: how many users there are, and from when to when each of them is there.

use std::time::Duration;

use super::Arrivals;
use crate::scenario::model::{Profile, Scenario, Shape, Spacing};

/// A time during which a user is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    pub from: Duration,
    pub until: Duration,
}

/// How many users there are at a time: the profile's value, rounded.
pub fn users_at(profile: &Profile, seconds: f64) -> u64 {
    (super::value_at(profile, seconds) + 0.5).floor().max(0.0) as u64
}

/// The most users that are ever there at once.
pub fn most_users(profile: &Profile) -> u64 {
    let targets = profile.stages.iter().map(|stage| stage.target);
    // Where a stage begins by a jump it is the target before it that counts, so `from` and targets are all.
    let most = targets.fold(profile.from, f64::max);
    (most + 0.5).floor().max(0.0) as u64
}

/// When user `index` (from 0) is there: as long as the profile is at or above `index + ½`. The lowest numbers
/// come first and leave last, so a user that comes back is the same one.
pub fn presence(profile: &Profile, index: u64) -> Vec<Presence> {
    let level = index as f64 + 0.5;
    let mut found: Vec<(f64, f64)> = Vec::new();
    let (mut at, mut value) = (0.0, profile.from);
    for stage in &profile.stages {
        let length = stage.duration.as_secs_f64();
        let crossing = at + (level - value) / (stage.target - value) * length;
        let part = match (value >= level, stage.target >= level) {
            (true, true) => Some((at, at + length)),
            (true, false) => Some((at, crossing)),
            (false, true) => Some((crossing, at + length)),
            (false, false) => None,
        };
        if let Some((from, until)) = part {
            match found.last_mut() {
                Some(last) if last.1 >= from => last.1 = until,
                _ => found.push((from, until)),
            }
        }
        at += length;
        value = stage.target;
    }
    found
        .into_iter()
        .filter(|(from, until)| until > from)
        .map(|(from, until)| Presence {
            from: Duration::from_secs_f64(from.max(0.0)),
            until: Duration::from_secs_f64(until.max(0.0)),
        })
        .collect()
}

/// For each scenario, how many users those before it may have: what `user.id` begins after, so that no two
/// users of a run have the same.
pub fn users_before(scenarios: &[Scenario]) -> Vec<u64> {
    let mut before = 0_u64;
    let before_each = scenarios.iter().map(|scenario| {
        let own = before;
        before = before.saturating_add(users_of(&scenario.load.shape));
        own
    });
    before_each.collect()
}

/// The most users that a load may have over its course.
fn users_of(shape: &Shape) -> u64 {
    match shape {
        Shape::Users(profile) => most_users(profile),
        Shape::SharedIterations { users, .. } | Shape::OwnIterations { users, .. } => u64::from(*users),
        Shape::Arrivals { profile, spacing, .. } => {
            let arrivals = Arrivals::new(profile);
            match spacing {
                Spacing::Uniform => arrivals.count(),
                // Eight standard deviations: more have never come.
                Spacing::Poisson => (arrivals.expected() + 8.0 * arrivals.expected().sqrt() + 10.0) as u64,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::profile;
    use super::*;

    fn seconds(presence: &[Presence]) -> Vec<(f64, f64)> {
        presence.iter().map(|p| (p.from.as_secs_f64(), p.until.as_secs_f64())).collect()
    }

    #[test]
    fn users_come_up_the_ramp_and_leave_down_it() {
        let spike = profile(0.0, &[(10.0, 2.0), (5.0, 2.0), (10.0, 0.0)]);
        assert_eq!(seconds(&presence(&spike, 0)), [(2.5, 22.5)]);
        assert_eq!(seconds(&presence(&spike, 1)), [(7.5, 17.5)]);
        assert_eq!(seconds(&presence(&spike, 2)), []);
        assert_eq!(most_users(&spike), 2);
    }

    #[test]
    fn a_constant_number_is_there_from_the_first_moment_to_the_last() {
        let constant = Profile::constant(3.0, Duration::from_secs(10));
        assert_eq!(seconds(&presence(&constant, 2)), [(0.0, 10.0)]);
        assert_eq!(seconds(&presence(&constant, 3)), []);
        assert_eq!(users_at(&constant, 5.0), 3);
    }

    #[test]
    fn a_user_may_come_back() {
        let twice = profile(1.0, &[(2.0, 1.0), (2.0, 0.0), (2.0, 1.0)]);
        assert_eq!(seconds(&presence(&twice, 0)), [(0.0, 3.0), (5.0, 6.0)]);
    }

    proptest! {
        #[test]
        fn at_any_time_as_many_are_there_as_the_profile_says(
            from in 0.0..30.0_f64,
            stages in prop::collection::vec((0.1..10.0_f64, 0.0..30.0_f64), 1..6),
            part in 0.0..1.0_f64,
        ) {
            let profile = profile(from.round(), &stages.iter().map(|&(d, t)| (d, t.round())).collect::<Vec<_>>());
            let at = profile.duration().as_secs_f64() * part;
            // Within a microsecond of someone coming or going the count may be either.
            let value = super::super::value_at(&profile, at);
            prop_assume!((value + 0.5).fract() > 1e-4 && (value + 0.5).fract() < 1.0 - 1e-4);
            let there = (0..most_users(&profile))
                .filter(|&index| seconds(&presence(&profile, index)).iter().any(|&(f, u)| f <= at && at < u))
                .count() as u64;
            prop_assert_eq!(there, users_at(&profile, at));
        }
    }
}
