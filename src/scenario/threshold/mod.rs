//! Thresholds as a file has them: `latency{step=reserve}: p95 < 500ms`, parsed and resolved against the file's
//! names. Judging them is for later, when there is something to judge.

mod parse;

pub(crate) use parse::{CAUSES, CLASSES, METRICS, watched_metrics};
pub use parse::{Condition, Implied, Names, ParseError, condition, metric_and_filter};

use std::time::Duration;

use crate::scenario::model::{CheckId, CustomId, GroupId, PollId, RowId, StageId};
use crate::scenario::monitor::Gauge;

/// One condition on a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// As it stands in the file: `latency{step=reserve seat}: p99 < 2s`; the key under which it is reported.
    pub text: String,
    pub metric: Metric,
    pub filter: Filter,
    pub aggregate: Aggregate,
    pub comparison: Comparison,
    /// In the metric's own unit: seconds for times, a share (0..1) for shares, bytes for sizes, else a plain
    /// number; per minute for a slope.
    pub limit: f64,
    /// End the run as soon as it is not met.
    pub abort: bool,
    /// How much of the load must have passed before `abort` looks at it.
    pub after: Duration,
    /// Judge a sliding window of this length instead of the whole run.
    pub over: Option<Duration>,
    /// Not written in the file, but held all the same (`failures: rate < 1%`).
    pub implied: bool,
    /// Its line in the file, from 1.
    pub line: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Response time: from when a request was due.
    Latency,
    ServiceTime,
    Connect,
    Tls,
    /// From the first byte written to the first byte read.
    Ttfb,
    IterationDuration,
    GroupDuration,
    Requests,
    Iterations,
    Failures,
    Business,
    Checks,
    Dropped,
    Cut,
    Interrupted,
    /// How late arrivals and iterations began.
    Lateness,
    /// How long requests waited for the throttle.
    Throttled,
    /// How long `poll` took, where it got what it waited for.
    PollDuration,
    /// The same for `wait_for_turn`.
    TimeToTurn,
    /// Places in the queue, as answers told them.
    QueuePosition,
    /// Polls that gave up.
    GivenUp,
    /// Users who left while they waited for their turn.
    Abandoned,
    Custom(CustomId),
    /// A gauge of the source at this place of the test's monitor.
    Watched {
        source: u16,
        gauge: Gauge,
    },
}

impl Metric {
    /// What it measures, for those who look for one.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Metric::Latency => "Response time: from when a request was due.",
            Metric::ServiceTime => "From the first byte sent to the last one read.",
            Metric::Connect => "Opening the connection, where a request had to.",
            Metric::Tls => "The TLS handshake, where there was one.",
            Metric::Ttfb => "From the first byte sent to the first one read.",
            Metric::IterationDuration => "How long iterations took that came to their end.",
            Metric::GroupDuration => "How long groups took that came to their end.",
            Metric::Requests => "Requests that came to an outcome.",
            Metric::Iterations => "Iterations that came to their end.",
            Metric::Failures => "Failures, of all requests and polls that came to an outcome.",
            Metric::Business => "Business outcomes, of all requests that came to one.",
            Metric::Checks => "Checks that held, of those that were tried.",
            Metric::Dropped => "Arrivals that found `max_users` busy.",
            Metric::Cut => "Iterations that ended for want of a capture.",
            Metric::Interrupted => "Iterations that were still running at the end.",
            Metric::Lateness => "How late arrivals began and think times ended: the generator's own.",
            Metric::PollDuration => "How long a `poll` took that got what it waited for.",
            Metric::TimeToTurn => "How long `wait_for_turn` took, where the turn came.",
            Metric::QueuePosition => "Places in the queue, as answers told them.",
            Metric::GivenUp => "Polls that gave up, of those that came to an end of their own.",
            Metric::Abandoned => "Users who left while they waited for a turn.",
            Metric::Throttled => "How long requests waited for `throttle`.",
            Metric::Watched { .. } => "What is watched of the target, once a second.",
            Metric::Custom(_) => "A metric of your own.",
        }
    }
}

/// Which samples count. Empty lists leave nothing out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    pub rows: Vec<RowId>,
    /// With rows, what `step` names: either is then left out where only the other is named.
    pub polls: Vec<PollId>,
    pub groups: Vec<GroupId>,
    pub scenarios: Vec<u16>,
    pub stages: Vec<StageId>,
    /// Which checks, for `checks{check=…}`.
    pub checks: Vec<CheckId>,
    pub outcome: Option<OutcomeFilter>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutcomeFilter {
    Success,
    Business,
    Failure,
    /// Success and business.
    Answered,
    Any,
    /// A business outcome or a cause of failure, by its name; `status`, `timeout` and `protocol` stand for all
    /// causes that begin so.
    Named(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregate {
    /// Between 0 and 100.
    Percentile(f64),
    Average,
    Minimum,
    Maximum,
    Count,
    /// Per second for `requests` and `iterations`, a share for `failures`, `business`, `checks` and shares.
    Rate,
    /// Last quarter over first, after warm-up.
    Drift,
    /// The figure of the last second: of what is watched.
    Last,
    /// Growth per minute under steady load, after warm-up: of what is watched.
    Slope,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}
