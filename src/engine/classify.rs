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
}

impl Classified {
    fn plain(outcome: Outcome) -> Self {
        Classified { outcome, detail: None }
    }
    fn failure(cause: Cause, detail: String) -> Self {
        Classified { outcome: Outcome::Failure(cause), detail: Some(detail) }
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
pub(super) fn classify(
    test: &Test,
    step: &RequestStep,
    seen: Seen,
    scope: &mut Box<Scope>,
    mut checked: impl FnMut(CheckId, bool, &Expr, &mut Box<Scope>),
) -> Result<Classified, EvalError> {
    let Seen { status, service, unreadable } = seen;
    for (number, rule) in &step.expect.business {
        let applies = match rule {
            BusinessRule::Status(set) => set.contains(status),
            BusinessRule::When(expr) => expr.holds(scope)?,
        };
        if applies {
            return Ok(Classified::plain(Outcome::Business(*number)));
        }
    }
    if !step.expect.status.contains(status) {
        let detail = format!("status {status}, expected {}", step.expect.status);
        return Ok(Classified::failure(Cause::Status(status), detail));
    }
    if let Some(error) = unreadable {
        return Ok(Classified::failure(Cause::Decompression, error.to_string()));
    }
    let mut broken = None;
    for (check, expr) in &step.expect.checks {
        let held = expr.holds(scope)?;
        checked(*check, held, expr, scope);
        if !held && broken.is_none() {
            let name = test.catalog.checks.get(check.index()).map_or("", |info| info.name.as_str());
            broken = Some(format!("check `{name}` does not hold: {}", expr.explain(scope)));
        }
    }
    if let Some(detail) = broken {
        return Ok(Classified::failure(Cause::Check, detail));
    }
    if let Some(limit) = step.expect.latency.filter(|limit| service > *limit) {
        let (took, limit) = (crate::units::measured_time(service), crate::units::scenario_duration(limit));
        return Ok(Classified::failure(Cause::TooSlow, format!("took {took}, expected under {limit}")));
    }
    for (place, (slot, expr)) in step.captures.iter().enumerate() {
        let value = expr.eval(scope)?;
        if value.is_undefined() || value.is_none() {
            for (slot, _) in &step.captures[..place] {
                scope.set(*slot, None);
            }
            let detail = format!("the capture `{}` found nothing", expr.source());
            return Ok(Classified::failure(Cause::Capture, detail));
        }
        scope.set(*slot, Some(value));
    }
    Ok(Classified::plain(Outcome::Success))
}
