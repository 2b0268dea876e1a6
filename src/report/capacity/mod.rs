//! A search for a capacity for people: the same words and figures in every format.

pub mod html;
pub mod markdown;

use std::time::Duration;

use crate::capacity::{Answer, Capacity, FoundKind, Purpose, Try};
use crate::result::Resource;
use crate::result::verdict::percent;
pub(super) use crate::units::rate_of as rate;
use crate::units::{Bytes, count, measured_time, scenario_duration};

pub(super) fn time(millis: Option<f64>) -> String {
    let Some(millis) = millis else { return "–".into() };
    Duration::try_from_secs_f64(millis / 1e3).map_or_else(|_| "?".into(), measured_time)
}

fn seconds(seconds: f64) -> String {
    scenario_duration(Duration::from_secs(seconds.max(0.0).round() as u64))
}

/// A try in a line, told as soon as it is over.
pub fn tried(one: &Try) -> String {
    let how = match one.purpose {
        Purpose::Explore => "explore",
        Purpose::Bisect => "bisect",
        Purpose::Confirm => "confirm",
        Purpose::Curve => "curve",
    };
    let what = format!("{how:>9}  {:>9} for {}", rate(one.rate), seconds(one.load_s));
    let seen = format!("p50 {}, p95 {}", time(one.p50_ms), time(one.p95_ms));
    let reasons = one.reasons.join("; ");
    match one.answer {
        Answer::Held => format!("{what}: holds ({seen})"),
        Answer::Broken => format!("{what}: does not hold ({reasons})"),
        Answer::Unusable => format!("{what}: cannot be told ({reasons})"),
    }
}

/// Columns of a try.
pub(super) const COLUMNS: [&str; 11] =
    ["rate", "for", "requests", "p50", "p95", "p99", "failures", "users", "cpu", "throttled", "memory"];

/// The cells of a try, as many as there are columns.
pub(super) fn cells(one: &Try) -> [String; 11] {
    let share = |share: Option<f64>| share.map_or_else(|| "–".into(), percent);
    [
        rate(one.rate),
        seconds(one.load_s),
        super::figures::rate(one.requests_per_s),
        time(one.p50_ms),
        time(one.p95_ms),
        time(one.p99_ms),
        percent(one.failures),
        count(one.users),
        share(one.cpu),
        share(one.throttled),
        one.memory_bytes.map_or_else(|| "–".into(), |bytes| Bytes(bytes as u64).to_string()),
    ]
}

/// Tries by their rate, the lowest first; those of one rate as they came.
pub(super) fn by_rate(capacity: &Capacity) -> Vec<&Try> {
    let mut tries: Vec<&Try> = capacity.tries.iter().collect();
    tries.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    tries
}

/// Why a try did not hold, or that it was the one that was confirmed.
pub(super) fn remark(one: &Try, capacity: &Capacity) -> String {
    match one.answer {
        Answer::Held if one.purpose == Purpose::Confirm && capacity.found.holds == Some(one.rate) => {
            "holds, confirmed".into()
        }
        Answer::Held => "holds".into(),
        Answer::Broken | Answer::Unusable => one.reasons.join("; "),
    }
}

/// What else was found, each with its name.
pub(super) fn findings(capacity: &Capacity) -> Vec<(&'static str, String)> {
    let mut findings = Vec::new();
    if let Some(knee) = capacity.knee {
        let at =
            format!("{} ({} of what holds)", rate(knee.rate), percent((knee.share * 100.0).round() / 100.0));
        findings.push((
            "knee",
            if knee.share > 0.97 {
                "none below the limit: response times hardly grow before it".into()
            } else {
                format!("{at}: beyond, response times grow faster than throughput")
            },
        ));
    }
    match (&capacity.limit, capacity.found.kind) {
        (Some(limit), _) => {
            let what = match limit.resource {
                Resource::Cpu => "processor: ",
                Resource::Memory => "memory: ",
                Resource::Generator => "",
            };
            findings.push(("limited by", format!("{what}{}", limit.detail)));
        }
        (None, FoundKind::Limit | FoundKind::Below) => {
            let watched = capacity.tries.iter().any(|one| one.cpu.is_some() || one.memory_bytes.is_some());
            let what = if watched {
                "neither its processor nor its memory: a lock, a pool, or something behind it"
            } else {
                "unknown: nothing of the target was watched"
            };
            findings.push(("limited by", what.into()));
        }
        (None, _) => {}
    }
    if let Some(instances) = capacity.instances {
        findings.push((
            "instances",
            format!(
                "{} for {}, each taking {} and keeping {} free; if they share nothing that is itself the limit",
                count(instances.number),
                rate(instances.rate),
                rate(instances.each),
                percent(instances.headroom)
            ),
        ));
    }
    findings
}

/// What was searched, in a line.
pub(super) fn head(capacity: &Capacity) -> String {
    let spec = capacity.spec.as_ref().map(|spec| format!(" ({spec})")).unwrap_or_default();
    format!("{}{spec} · {}", capacity.target, capacity.started)
}

#[cfg(test)]
mod tests;
