//! Figures as people read them, the same in every report.

use std::time::Duration;

use crate::result::verdict::percent;
use crate::result::{CauseResult, OutcomeKind, OutcomeResult, RowResult, RunResult};
use crate::units::{count, measured_time, scenario_duration, trim_float};

/// A time given in milliseconds.
pub(super) fn time(millis: f64) -> String {
    Duration::try_from_secs_f64(millis / 1e3).map_or_else(|_| "?".into(), measured_time)
}

/// A time given in seconds, to the second where it is long.
pub(super) fn whole_seconds(seconds: f64) -> String {
    span(seconds).map_or_else(|| "?".into(), scenario_duration)
}

/// The same as a duration.
pub(super) fn span(seconds: f64) -> Option<Duration> {
    let rounded = if seconds < 10.0 { (seconds * 10.0).round() / 10.0 } else { seconds.round() };
    Duration::try_from_secs_f64(rounded).ok()
}

/// A share to a tenth of a percent; what is more or less than none or all stays so.
pub(super) fn tenths(share: f64) -> String {
    let tenth = (share * 1000.0).round() / 1000.0;
    let is_lost = (tenth <= 0.0 && share > 0.0) || (tenth >= 1.0 && share < 1.0);
    percent(if is_lost { share } else { tenth })
}

pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        r if r >= 1000.0 => format!("{}/s", count(r.round() as u64)),
        r if r >= 99.95 => format!("{r:.0}/s"),
        r if r >= 9.995 => format!("{r:.1}/s"),
        r if r <= 0.0 => "0/s".into(),
        r => format!("{r:.2}/s"),
    }
}

/// A value of a metric of the test's own.
pub(super) fn amount(value: f64) -> String {
    if value >= 1000.0 && value.fract() == 0.0 && value < 1e15 {
        count(value as u64)
    } else {
        trim_float(value)
    }
}

/// What came of a row: its successes, even if there are none, and all that happened besides.
pub(super) fn shown(row: &RowResult) -> impl Iterator<Item = &OutcomeResult> {
    let reached = row.outcomes.iter().any(|outcome| outcome.count > 0);
    row.outcomes
        .iter()
        .filter(move |outcome| reached && (outcome.count > 0 || outcome.kind == OutcomeKind::Success))
}

/// A difference that is more than connecting and the grain of clocks: a fifth, and over five milliseconds.
pub(super) fn parted(response_ms: f64, service_ms: f64) -> bool {
    response_ms - service_ms > 5.0 && response_ms > service_ms * 1.2
}

/// The name of something of one scenario; with that scenario's, where the test has several.
pub(super) fn of_scenario(result: &RunResult, scenario: &str, name: &str) -> String {
    if result.scenarios.len() > 1 && !scenario.is_empty() {
        format!("{scenario} › {name}")
    } else {
        name.to_owned()
    }
}

/// Whether failures of this step, or this poll, stand apart.
pub(super) fn is_optional(result: &RunResult, cause: &CauseResult) -> bool {
    let is_of = |scenario: &str, name: &str| {
        name == cause.step && (cause.scenario.is_empty() || scenario == cause.scenario)
    };
    result.rows.iter().any(|row| row.optional && is_of(&row.scenario, &row.name))
        || result.polls.iter().any(|poll| poll.optional && is_of(&poll.scenario, &poll.name))
}
