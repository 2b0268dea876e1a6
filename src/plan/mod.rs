//! What will run, as pure functions of time: how many users there are, and when the nth arrival is due.
//!
//! Nothing here waits or counts; the engine asks. Arrivals and users are dealt out by stripes, so that threads
//! and machines are one idea: of `n` workers, worker `w` takes `w`, `w + n`, `w + 2n` …

mod arrivals;
mod begins;
mod data;
mod expected;
mod scale;
mod users;
mod warnings;
mod work;

pub use arrivals::{Arrivals, striped};
pub use begins::{begins, length};
pub use data::{DataNeed, Needed, data_needs};
pub use expected::{Expected, connections_at_once, expected, greatest, hosts, users_at_once};
pub use scale::{scaled, smoke, steady};
pub use users::{Presence, most_users, presence, users_at, users_before};
pub use warnings::warnings;
pub use work::{Between, Work, work};

use crate::scenario::model::Profile;

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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::scenario::model::Test;
    use crate::scenario::{LoadOptions, load_text};

    /// A test of the bundled service, but for its first line.
    #[track_caller]
    pub(super) fn test_of(yaml: &str) -> Test {
        let text = format!("target: bundled\n{yaml}");
        match load_text(Path::new("test.yaml"), text, &LoadOptions::default()) {
            Ok(loaded) => loaded.test,
            Err(error) => panic!("{error:?}\n{yaml}"),
        }
    }
}
