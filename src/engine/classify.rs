//! Which of the three outcomes an answer is.
//!
//! Business rules are looked at first: an expected refusal is never a failure. Then the status, whether the body
//! can be read, the checks, the latency, and last the captures, which are taken from successes only.

use std::time::Duration;

use crate::http::EncodingError;
use crate::outcome::{Cause, Outcome};
use crate::scenario::model::{BusinessRule, CheckId, RequestStep, Test};
use crate::template::{EvalError, Expr, Scope};

/// An outcome, and for a failure what there is to say about it.
#[derive(Debug)]
pub(super) struct Classified {
    pub(super) outcome: Outcome,
    pub(super) detail: Option<String>,
    /// An expression of the step failed, and not for the answer's sake: the outcome is what it is without it.
    pub(super) fault: Option<EvalError>,
}

impl Classified {
    fn plain(outcome: Outcome) -> Self {
        Classified { outcome, detail: None, fault: None }
    }
    pub(super) fn failure(cause: Cause, detail: String) -> Self {
        Classified { outcome: Outcome::Failure(cause), detail: Some(detail), fault: None }
    }
}

/// What is known of a whole answer besides what its expressions see.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) service: Duration,
    /// Why its body cannot be read, where somebody wants to.
    pub(super) unreadable: Option<EncodingError>,
}

/// Classifies a whole answer, tells `checked` of each of its checks, and fills the slots of its captures.
///
/// What an expression stumbles over in the answer makes a check not hold, and a capture find nothing. Where it
/// is not for the answer's sake, the expression is left out and handed on as a fault of the file.
pub(super) fn classify(
    test: &Test,
    step: &RequestStep,
    seen: Seen,
    scope: &mut Box<Scope>,
    checked: impl FnMut(CheckId, bool, &Expr, &mut Box<Scope>),
) -> Classified {
    let mut fault = None;
    let classified = outcome(test, step, seen, scope, checked, &mut fault);
    Classified { fault, ..classified }
}

fn outcome(
    test: &Test,
    step: &RequestStep,
    seen: Seen,
    scope: &mut Box<Scope>,
    mut checked: impl FnMut(CheckId, bool, &Expr, &mut Box<Scope>),
    fault: &mut Option<EvalError>,
) -> Classified {
    let Seen { status, service, unreadable } = seen;
    let mut holds = |expr: &Expr, scope: &mut Box<Scope>| match expr.holds(scope) {
        Ok(held) => Some(held),
        Err(error) => {
            fault.get_or_insert(error);
            None
        }
    };
    for (number, rule) in &step.expect.business {
        let applies = match rule {
            BusinessRule::Status(set) => set.contains(status),
            BusinessRule::When(expr) => holds(expr, scope).unwrap_or(false),
        };
        if applies {
            return Classified::plain(Outcome::Business(*number));
        }
    }
    if !step.expect.status.contains(status) {
        let detail = format!("status {status}, expected {}", step.expect.status);
        return Classified::failure(Cause::Status(status), detail);
    }
    if let Some(error) = unreadable {
        return Classified::failure(Cause::Decompression, error.to_string());
    }
    let mut broken = None;
    for (check, expr) in &step.expect.checks {
        let Some(held) = holds(expr, scope) else { continue };
        checked(*check, held, expr, scope);
        if !held && broken.is_none() {
            let name = test.catalog.checks.get(check.index()).map_or("", |info| info.name.as_str());
            broken = Some(format!("check `{name}` does not hold: {}", expr.explain(scope)));
        }
    }
    if let Some(detail) = broken {
        return Classified::failure(Cause::Check, detail);
    }
    if let Some(limit) = step.expect.latency.filter(|limit| service > *limit) {
        let (took, limit) = (crate::units::measured_time(service), crate::units::scenario_duration(limit));
        return Classified::failure(Cause::TooSlow, format!("took {took}, expected under {limit}"));
    }
    for (place, (slot, expr)) in step.captures.iter().enumerate() {
        let missing = match expr.eval(scope) {
            Ok(value) if value.is_undefined() || value.is_none() => {
                format!("the capture `{}` found nothing", expr.source())
            }
            Ok(value) => {
                scope.set(*slot, Some(value));
                continue;
            }
            Err(error) if error.is_of_answer => {
                format!("the capture `{}` found nothing: {}", expr.source(), error.problem)
            }
            Err(error) => {
                fault.get_or_insert(error);
                continue;
            }
        };
        for (slot, _) in &step.captures[..place] {
            scope.set(*slot, None);
        }
        return Classified::failure(Cause::Capture, missing);
    }
    Classified::plain(Outcome::Success)
}
