//! A run as suites of test cases.

use crate::report::content::plain;
use crate::report::figures::of_scenario;
use crate::result::gist::{Gist, Missed, Says};
use crate::result::verdict::{percent, quantity};
use crate::result::{
    CheckResult, Ended, InvariantResult, InvariantState, RunResult, Soundness, ThresholdResult,
};
use crate::units::count;

/// Cases of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suite {
    pub(super) name: &'static str,
    pub(super) cases: Vec<Case>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) state: State,
}

/// What came of a case, with a word on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Passed(String),
    /// It was looked at, and is not as it should be.
    Failed(String),
    /// It could not be looked at.
    Errored(String),
    Skipped(String),
}

pub(super) fn suites(result: &RunResult) -> Vec<Suite> {
    let was_load = !matches!(result.verdict.ended, Ended::NotReady(_) | Ended::SetupFailed(_));
    let judged = |state: State| if was_load { state } else { State::Skipped("there was no load".into()) };
    let case = |name: &str, state| Case { name: plain(name).into_owned(), state: judged(state) };
    let thresholds = result.thresholds.iter().map(|one| case(&one.text, threshold(one)));
    let invariants = result
        .invariants
        .iter()
        .map(|one| case(&of_scenario(result, &one.scenario, &one.name), invariant(one)));
    let checks = result.checks.iter().map(|one| {
        let step = one.step.as_deref().map(|step| format!("{step}: ")).unwrap_or_default();
        let name = format!("{step}{}", one.name);
        case(&of_scenario(result, &one.scenario, &name), check(one))
    });
    let suites = [
        Suite { name: "run", cases: run(result) },
        Suite { name: "thresholds", cases: thresholds.collect() },
        Suite { name: "invariants", cases: invariants.collect() },
        Suite { name: "checks", cases: checks.collect() },
    ];
    suites.into_iter().filter(|suite| !suite.cases.is_empty()).collect()
}

/// Whether there was a load, and whether it can be believed.
fn run(result: &RunResult) -> Vec<Case> {
    let ended = match &result.verdict.ended {
        Ended::Completed => State::Passed("completed".into()),
        Ended::Stopped => State::Passed("stopped by the scenario".into()),
        // The threshold is a case of its own.
        Ended::Aborted(threshold) => State::Passed(format!("ended by the threshold {}", plain(threshold))),
        Ended::Interrupted => State::Errored("interrupted by the user".into()),
        Ended::NotReady(why) => State::Errored(format!("the target never got ready: {}", plain(why))),
        Ended::SetupFailed(why) => State::Errored(format!("setup failed: {}", plain(why))),
    };
    let mut cases = vec![Case { name: "the load was made".into(), state: ended }];
    if !matches!(result.verdict.ended, Ended::NotReady(_) | Ended::SetupFailed(_)) {
        let reasons = plain(&result.validity.reasons.join("; ")).into_owned();
        let is_held_against_it = matches!(Gist::of(result).says, Says::NotValid { .. });
        let state = match result.validity.verdict {
            Soundness::Valid => State::Passed(String::new()),
            Soundness::Suspect if !is_held_against_it => State::Skipped(reasons),
            Soundness::Suspect | Soundness::Invalid => State::Errored(reasons),
        };
        cases.push(Case { name: "the run is valid".into(), state });
    }
    cases
}

fn threshold(threshold: &ThresholdResult) -> State {
    match threshold.observed {
        Some(observed) if threshold.met => State::Passed(quantity(observed, threshold.unit)),
        None if threshold.met => State::Passed(String::new()),
        _ => State::Failed(plain(&Missed::new(threshold).to_string()).into_owned()),
    }
}

fn invariant(invariant: &InvariantResult) -> State {
    let detail = plain(invariant.detail.as_deref().unwrap_or_default()).into_owned();
    match invariant.state {
        InvariantState::Held => State::Passed(String::new()),
        InvariantState::Broken => State::Failed(detail),
        InvariantState::Skipped => State::Skipped("by its `when`".into()),
        InvariantState::NotAsked => State::Errored(detail),
    }
}

fn check(check: &CheckResult) -> State {
    let tried = check.passed + check.failed;
    if tried == 0 {
        return State::Skipped("never tried".into());
    }
    let share = percent(check.passed as f64 / tried as f64);
    let held = format!("held {} of {} ({share})", count(check.passed), count(tried));
    match check.failed {
        0 => State::Passed(held),
        _ => State::Skipped(format!("{held}; without a threshold on `checks` this fails no test")),
    }
}
