//! What a verdict says, apart from the words; and its words in English, as the terminal shows them.

use std::fmt;
use std::time::Duration;

use super::record::{Ended, InvariantResult, InvariantState, RunResult, ThresholdResult};
use super::validity::{Soundness, Validity};
use super::verdict::quantity;
use crate::exit::Exit;
use crate::units::scenario_duration;

/// The exit code, and what there is to say of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gist<'a> {
    pub(crate) exit: Exit,
    pub(crate) says: Says<'a>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Says<'a> {
    Passed {
        thresholds: usize,
        invariants: usize,
        suspect: bool,
    },
    NotMet {
        missed: Vec<Missed<'a>>,
        suspect: bool,
    },
    /// Where something worse is named, what else broke must not go unsaid: so many thresholds are not met.
    InvariantsBroken {
        names: Vec<&'a str>,
        not_met: usize,
    },
    NotAsked {
        invariant: &'a str,
        not_met: usize,
    },
    /// Invalid; or suspect, and the user takes that for invalid.
    NotValid {
        validity: &'a Validity,
        not_met: usize,
    },
    Interrupted {
        met: bool,
    },
    NotReady {
        why: &'a str,
    },
    SetupFailed {
        why: &'a str,
    },
    Other,
}

/// A threshold that was not met.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Missed<'a> {
    /// Like `latency{step=pay} p95`.
    pub(crate) what: String,
    /// None without a figure; then `reason` says why.
    pub(crate) observed: Option<String>,
    pub(crate) reason: Option<&'a str>,
    pub(crate) limit: String,
    /// When it was first broken, where it was watched.
    pub(crate) at: Option<Duration>,
    /// It ended the run.
    pub(crate) aborted: bool,
}

impl<'a> Gist<'a> {
    /// That of a saved result.
    pub(crate) fn of(result: &'a RunResult) -> Gist<'a> {
        let RunResult { verdict, thresholds, invariants, validity, .. } = result;
        gist(Exit::from_code(verdict.exit_code), &verdict.ended, thresholds, invariants, validity)
    }
}

pub(super) fn gist<'a>(
    exit: Exit,
    ended: &'a Ended,
    thresholds: &'a [ThresholdResult],
    invariants: &'a [InvariantResult],
    validity: &'a Validity,
) -> Gist<'a> {
    let missed: Vec<_> = thresholds.iter().filter(|threshold| !threshold.met).map(Missed::new).collect();
    let named = |state| {
        let of_state = invariants.iter().filter(move |invariant| invariant.state == state);
        of_state.map(|invariant| invariant.name.as_str())
    };
    let (not_met, suspect) = (missed.len(), validity.verdict == Soundness::Suspect);
    let says = match exit {
        Exit::NotReady => match ended {
            Ended::SetupFailed(why) => Says::SetupFailed { why },
            Ended::NotReady(why) => Says::NotReady { why },
            _ => Says::Other,
        },
        Exit::Interrupted => Says::Interrupted { met: missed.is_empty() },
        Exit::InvariantBroken => {
            Says::InvariantsBroken { names: named(InvariantState::Broken).collect(), not_met }
        }
        Exit::NotValid => match named(InvariantState::NotAsked).next() {
            Some(invariant) if validity.verdict != Soundness::Invalid => {
                Says::NotAsked { invariant, not_met }
            }
            _ => Says::NotValid { validity, not_met },
        },
        Exit::ThresholdNotMet => Says::NotMet { missed, suspect },
        Exit::Passed => {
            let invariants = named(InvariantState::Held).count();
            Says::Passed { thresholds: thresholds.len(), invariants, suspect }
        }
        Exit::Usage | Exit::Other => Says::Other,
    };
    Gist { exit, says }
}

impl<'a> Missed<'a> {
    pub(crate) fn new(threshold: &'a ThresholdResult) -> Missed<'a> {
        let (metric, condition) = threshold.text.split_once(": ").unwrap_or((&threshold.text, ""));
        let aggregate = condition.split([' ', '<', '>', '=', '!']).next().unwrap_or_default();
        let whole_seconds = |at: f64| Duration::from_secs_f64(at.clamp(0.0, 1e9).round());
        Missed {
            what: format!("{metric} {aggregate}").trim_end().to_owned(),
            observed: threshold.observed.map(|observed| quantity(observed, threshold.unit)),
            reason: threshold.reason.as_deref(),
            limit: quantity(threshold.limit, threshold.unit),
            at: threshold.broken_at_s.map(whole_seconds),
            aborted: threshold.aborted,
        }
    }
}

impl fmt::Display for Gist<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.exit.code();
        match &self.says {
            Says::Passed { thresholds, invariants, suspect } => {
                write!(f, "PASSED: {} met", plural(*thresholds, "threshold"))?;
                if *invariants > 0 {
                    let hold = if *invariants == 1 { "holds" } else { "hold" };
                    write!(f, ", {} {hold}", plural(*invariants, "invariant"))?;
                }
                f.write_str(if *suspect { ", but the run is suspect" } else { ", run valid" })
            }
            Says::NotMet { missed, suspect } => {
                let doubt = if *suspect { "; the run is suspect" } else { "" };
                write!(f, "FAILED (exit {code}): {}{doubt}", first_of(missed))
            }
            Says::InvariantsBroken { names, not_met } => {
                write!(f, "FAILED (exit {code}): invariant broken: {}{}", first_of(names), also(*not_met))
            }
            Says::NotAsked { invariant, not_met } => {
                write!(f, "NOT VALID (exit {code}): verify could not ask: {invariant}{}", also(*not_met))
            }
            Says::NotValid { validity, .. } if validity.verdict == Soundness::Suspect => {
                write!(f, "SUSPECT (exit {code}, by --strict): {}", first_of(&validity.reasons))
            }
            Says::NotValid { validity, not_met } => {
                write!(f, "NOT VALID (exit {code}): {}{}", first_of(&validity.reasons), also(*not_met))
            }
            Says::Interrupted { met } => {
                let judged = if *met { "until then all was met" } else { "and not all was met" };
                write!(f, "INTERRUPTED (exit {code}): {judged}")
            }
            Says::SetupFailed { why } => write!(f, "NOT RUN (exit {code}): setup failed: {why}"),
            Says::NotReady { why } => write!(f, "NOT RUN (exit {code}): the target never got ready: {why}"),
            Says::Other => write!(f, "NOT RUN (exit {code})"),
        }
    }
}

/// `latency p95 was 812ms, limit 500ms`.
impl fmt::Display for Missed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Missed { what, observed, reason, limit, at, aborted } = self;
        let Some(observed) = observed else {
            return write!(f, "{what}: {}, limit {limit}", reason.unwrap_or("no samples"));
        };
        write!(f, "{what} was {observed}")?;
        if let Some(at) = at {
            let ended = if *aborted { " and ended the run" } else { "" };
            write!(f, "{ended} at {}", scenario_duration(*at))?;
        }
        write!(f, ", limit {limit}")
    }
}

fn also(not_met: usize) -> String {
    if not_met == 0 { String::new() } else { format!("; {} not met", plural(not_met, "threshold")) }
}

/// `3 thresholds`, `1 threshold`.
fn plural(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The first of several, and how many there are besides.
fn first_of(all: &[impl fmt::Display]) -> String {
    match all {
        [] => String::new(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}
