//! Whether a run can be believed: valid, suspect or invalid, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::series::millis;
use crate::outcome::OwnFault;
use crate::units::{count, measured_time, scenario_duration};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Soundness {
    Valid,
    /// The figures may be the generator's as well as the target's.
    Suspect,
    /// The run says nothing about the target.
    Invalid,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Validity {
    pub verdict: Soundness,
    /// Each with its figure and what to do about it; worst first.
    pub reasons: Vec<String>,
    /// The same as data, one for each reason.
    #[serde(default)]
    pub doubts: Vec<Doubt>,
}

/// A reason not to believe a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Doubt {
    /// There was no request at all.
    NothingAttempted,
    /// Something the generator itself could not do.
    OwnFault { fault: OwnFault, count: u64 },
    /// Requests that were begun and came to no end that was counted.
    Books { attempted: u64, success: u64, business: u64, failure: u64, interrupted: u64 },
    /// The generator began its work too late.
    Late { p99_ms: f64, limit_ms: f64 },
    /// The generator used too much of its cores.
    Busy { share: f64, limit: f64 },
    /// Somebody found no row of the data left.
    DataRanOut { name: String, rows: u64, at_s: f64 },
    /// One that only a newer version knows.
    #[serde(other)]
    Other,
}

/// What the judgement rests on.
#[derive(Debug, Clone, Default)]
pub struct ValidityFacts<'a> {
    pub own_faults: Option<&'a BTreeMap<OwnFault, u64>>,
    pub attempted: u64,
    pub success: u64,
    pub business: u64,
    pub failure: u64,
    pub interrupted: u64,
    /// Of all iterations: how late the generator began them.
    pub lateness_p99: Option<Duration>,
    /// Of the cores the workers had, between 0 and 1.
    pub cpu_share: Option<f64>,
    pub data_ran_out: &'a [DataRanOut],
}

/// Data of which somebody found no row left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRanOut {
    pub name: String,
    pub rows: u64,
    /// Since the beginning of the load.
    pub at: Duration,
}

impl fmt::Display for DataRanOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DataRanOut { name, rows, at } = self;
        // To the second, as `plan` says it; a moment's load to the millisecond.
        let digits = if *at < Duration::from_secs(10) { 1_000 } else { 1 };
        let at = Duration::from_secs_f64((at.as_secs_f64() * f64::from(digits)).round() / f64::from(digits));
        let s = if *rows == 1 { "" } else { "s" };
        write!(f, "the data ran out at {}: `{name}` has {} row{s}", scenario_duration(at), count(*rows))
    }
}

/// Lateness p99 above this makes a run suspect: it is of the size of a fast answer.
const LATE: Duration = Duration::from_millis(10);
/// Above this, response times are the generator's.
const TOO_LATE: Duration = Duration::from_millis(100);
/// Above this share of its cores, the generator itself may be what is slow.
const BUSY: f64 = 0.9;

pub fn validity(facts: &ValidityFacts<'_>) -> Validity {
    let mut found: Vec<(Soundness, Doubt)> = Vec::new();
    for (fault, count) in facts.own_faults.into_iter().flatten().filter(|(_, count)| **count > 0) {
        found.push((Soundness::Invalid, Doubt::OwnFault { fault: *fault, count: *count }));
    }
    let ValidityFacts { attempted, success, business, failure, interrupted, .. } = *facts;
    if attempted == 0 {
        found.push((Soundness::Invalid, Doubt::NothingAttempted));
    }
    if attempted != success + business + failure + interrupted {
        let books = Doubt::Books { attempted, success, business, failure, interrupted };
        found.push((Soundness::Invalid, books));
    }
    if let Some(late) = facts.lateness_p99.filter(|late| *late > LATE) {
        let (soundness, limit) =
            if late > TOO_LATE { (Soundness::Invalid, TOO_LATE) } else { (Soundness::Suspect, LATE) };
        found.push((soundness, Doubt::Late { p99_ms: millis(late), limit_ms: millis(limit) }));
    }
    if let Some(share) = facts.cpu_share.filter(|share| *share > BUSY) {
        found.push((Soundness::Suspect, Doubt::Busy { share, limit: BUSY }));
    }
    for DataRanOut { name, rows, at } in facts.data_ran_out {
        let doubt = Doubt::DataRanOut { name: name.clone(), rows: *rows, at_s: millis(*at) / 1e3 };
        found.push((Soundness::Suspect, doubt));
    }
    found.sort_by_key(|(soundness, _)| std::cmp::Reverse(*soundness));
    Validity {
        verdict: found.first().map_or(Soundness::Valid, |(soundness, _)| *soundness),
        reasons: found.iter().map(|(_, doubt)| doubt.to_string()).collect(),
        doubts: found.into_iter().map(|(_, doubt)| doubt).collect(),
    }
}

/// With its figure and what to do about it.
impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::NothingAttempted => {
                f.write_str("nothing was attempted; look at the steps' `when` and at the length of the load")
            }
            Doubt::OwnFault { fault, count: times } => {
                let remedy = match fault {
                    OwnFault::NoDescriptors => "raise the limit (`ulimit -n`), or use fewer users",
                    OwnFault::NoPorts => {
                        "keep connections (`connections: per-user`), use fewer arrivals, or widen \
                         `net.ipv4.ip_local_port_range`"
                    }
                    OwnFault::System => "look at the system's own limits and rules",
                    OwnFault::Data => "leave the files of `data` as they are while a run reads them",
                    OwnFault::Template => "run `loadtest validate`, and look at the steps' expressions",
                };
                write!(f, "{fault} ({}×); {remedy}", count(*times))
            }
            Doubt::Books { attempted, success, business, failure, interrupted } => write!(
                f,
                "requests are missing from the books: {} attempted, but {} success + {} business + \
                 {} failure + {} interrupted = {}; please report this as a bug",
                count(*attempted),
                count(*success),
                count(*business),
                count(*failure),
                count(*interrupted),
                count(success + business + failure + interrupted),
            ),
            Doubt::Late { p99_ms, limit_ms } => {
                let late = Duration::try_from_secs_f64(p99_ms / 1e3).unwrap_or(Duration::MAX);
                write!(
                    f,
                    "the generator was late: p99 {} (limit {limit_ms:.0}ms); give it more cores or less load",
                    measured_time(late)
                )
            }
            Doubt::Busy { share, limit } => write!(
                f,
                "the generator used {:.0}% of its cores (limit {:.0}%); give it more cores or less load",
                share * 100.0,
                limit * 100.0
            ),
            Doubt::DataRanOut { name, rows, at_s } => {
                let at = Duration::try_from_secs_f64(*at_s).unwrap_or(Duration::MAX);
                let out = DataRanOut { name: name.clone(), rows: *rows, at };
                write!(
                    f,
                    "{out}; give it more rows or less load, or let rows come again (`when_done: recycle`)"
                )
            }
            Doubt::Other => f.write_str("something that this version has no words for"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> ValidityFacts<'static> {
        ValidityFacts {
            attempted: 100,
            success: 90,
            business: 5,
            failure: 4,
            interrupted: 1,
            lateness_p99: Some(Duration::from_millis(2)),
            cpu_share: Some(0.4),
            data_ran_out: &[],
            own_faults: None,
        }
    }

    fn judged(change: impl FnOnce(&mut ValidityFacts<'static>)) -> (Soundness, String) {
        let mut facts = sound();
        change(&mut facts);
        let validity = validity(&facts);
        (validity.verdict, validity.reasons.join(" | "))
    }

    #[test]
    fn a_sound_run_has_no_reasons() {
        assert_eq!(judged(|_| {}), (Soundness::Valid, String::new()));
        assert_eq!(judged(|facts| facts.lateness_p99 = Some(LATE)).0, Soundness::Valid);
        assert_eq!(judged(|facts| facts.cpu_share = None).0, Soundness::Valid);
    }

    #[test]
    fn each_rule_with_its_figure() {
        let late = |millis| judged(|facts| facts.lateness_p99 = Some(Duration::from_millis(millis)));
        assert_eq!(
            late(23),
            (
                Soundness::Suspect,
                "the generator was late: p99 23.0ms (limit 10ms); give it more cores or less load".into()
            )
        );
        assert_eq!(late(123).0, Soundness::Invalid);
        assert!(late(123).1.contains("p99 123ms (limit 100ms)"));
        let (soundness, reason) = judged(|facts| facts.cpu_share = Some(0.97));
        assert_eq!(soundness, Soundness::Suspect);
        assert!(reason.starts_with("the generator used 97% of its cores (limit 90%)"), "{reason}");
        let (soundness, reason) = judged(|facts| facts.success = 89);
        assert_eq!(soundness, Soundness::Invalid);
        assert!(reason.contains("100 attempted, but 89 success"), "{reason}");
        assert_eq!(judged(|facts| *facts = ValidityFacts::default()).0, Soundness::Invalid);
    }

    #[test]
    fn what_the_generator_could_not_do_makes_it_invalid() {
        for fault in [OwnFault::NoDescriptors, OwnFault::NoPorts, OwnFault::Template] {
            let faults = BTreeMap::from([(fault, 3)]);
            let facts = ValidityFacts { own_faults: Some(&faults), ..sound() };
            let validity = validity(&facts);
            assert_eq!(validity.verdict, Soundness::Invalid);
            assert!(validity.reasons[0].contains("(3×)"), "{}", validity.reasons[0]);
        }
    }

    #[test]
    fn the_worst_comes_first() {
        let facts = ValidityFacts { cpu_share: Some(1.0), attempted: 0, ..ValidityFacts::default() };
        let validity = validity(&facts);
        assert_eq!(validity.verdict, Soundness::Invalid);
        assert!(validity.reasons[0].starts_with("nothing was attempted"));
        assert_eq!(validity.reasons.len(), 2);
    }
}
