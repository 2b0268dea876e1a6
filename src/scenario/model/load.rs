//! How much load there is when: users or arrivals, their course, and when it is over.

use std::time::Duration;

use super::StageId;
use crate::units::Rate;

/// When a scenario's load begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// So long after the beginning of the load.
    At(Duration),
    /// So long after the last user of another scenario is done, and its `verify` with it. An index into
    /// [`Test::scenarios`](super::Test::scenarios).
    After { scenario: u16, delay: Duration },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    pub kind: Option<LoadKind>,
    pub shape: Shape,
    pub graceful_stop: Duration,
    /// Closed model: a user starts its flow this often; a late start counts from its due time.
    pub pace: Option<Duration>,
    /// A cap on requests, over all users; one that has to wait for it is due later.
    pub throttle: Option<Rate>,
    /// The scenario is over by then, graceful stop included.
    pub max_duration: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadKind {
    Smoke,
    Load,
    Spike,
    Stress,
    Endurance,
    Peak,
    Breakpoint,
}

impl LoadKind {
    /// The word of the scenario language.
    pub const fn as_str(self) -> &'static str {
        match self {
            LoadKind::Smoke => "smoke",
            LoadKind::Load => "load",
            LoadKind::Spike => "spike",
            LoadKind::Stress => "stress",
            LoadKind::Endurance => "endurance",
            LoadKind::Peak => "peak",
            LoadKind::Breakpoint => "breakpoint",
        }
    }
}

/// How load is injected.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Closed model: a number of users over time, each starting anew as soon as it is done.
    Users(Profile),
    /// Open model: arrivals per second over time, whatever the target does.
    Arrivals { profile: Profile, spacing: Spacing, max_users: Option<u32>, when_full: WhenFull },
    /// Closed model: a fixed number of iterations, shared by all users.
    SharedIterations { users: u32, iterations: u64 },
    /// Closed model: a fixed number of iterations for each user.
    OwnIterations { users: u32, each: u64 },
}

/// How arrivals follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spacing {
    /// As evenly as the rate allows.
    #[default]
    Uniform,
    /// As independent people come: a Poisson process of that rate.
    Poisson,
}

/// What becomes of an arrival when `max_users` are busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is dropped, and counted.
    Drop,
    /// It waits for a free user, and keeps its due time.
    Wait,
}

/// A piecewise linear course of a value over time: users, or arrivals per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Where the first stage begins.
    pub from: f64,
    pub stages: Vec<Stage>,
}

/// One linear piece, from the target of the one before.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    pub duration: Duration,
    pub target: f64,
    /// A named stage can be filtered for in thresholds.
    pub name: Option<StageId>,
}

impl Shape {
    /// Whether arrivals come whatever the target does.
    pub const fn is_open(&self) -> bool {
        matches!(self, Shape::Arrivals { .. })
    }
}

impl Profile {
    pub fn constant(value: f64, duration: Duration) -> Self {
        Profile { from: value, stages: vec![Stage { duration, target: value, name: None }] }
    }
    pub fn duration(&self) -> Duration {
        self.stages.iter().map(|stage| stage.duration).sum()
    }
}
