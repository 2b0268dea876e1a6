//! What is done once, before, between and after the loads: `setup` of a scenario that follows another, and `verify`.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::Session;
use crate::engine::{Base, Once, OnceReport, Prepared};
use crate::metrics::Recorder;
use crate::result::{InvariantResult, InvariantState, Redactor};
use crate::run::Stops;
use crate::run::order::Order;
use crate::scenario::model::Test;

/// A once-only part that was done while the load went on.
pub(super) struct Between {
    pub(super) part: Once,
    pub(super) number: u16,
    pub(super) report: OnceReport,
}

impl Session<'_> {
    /// Begins to ask whether a scenario's data is still right, before another one changes it.
    pub(super) fn verify_between(
        &self,
        order: &mut Order,
        number: u16,
        prepared: &Arc<Prepared>,
        between: &mut JoinSet<Between>,
    ) {
        if self.test.scenarios[usize::from(number)].verify.is_empty() {
            order.verified(number);
            self.follow(order, number, prepared, between);
            return;
        }
        let (prepared, base) = (Arc::clone(prepared), order.base(number).cloned());
        let totals = self.totals.total();
        between.spawn_local(async move {
            let part = Once::Verify;
            Between {
                part,
                number,
                report: once(&prepared, part, number, base.as_ref(), Some(&totals)).await,
            }
        });
    }

    /// Begins what comes after a scenario: a wait, and `setup`.
    pub(super) fn follow(
        &self,
        order: &mut Order,
        number: u16,
        prepared: &Arc<Prepared>,
        between: &mut JoinSet<Between>,
    ) {
        for (next, delay) in order.followers(&self.test, number) {
            order.touch(next);
            let prepared = Arc::clone(prepared);
            between.spawn_local(async move {
                tokio::time::sleep(delay).await;
                let part = Once::Setup;
                Between { part, number: next, report: once(&prepared, part, next, None, None).await }
            });
        }
    }

    /// Keeps what a once-only part showed; an error where it did not come to its end.
    pub(super) fn after_once(&mut self, part: Once, number: u16, report: &OnceReport) -> Result<(), String> {
        self.captured.extend(report.captured.iter().cloned());
        self.show_logs(&report.logs);
        if part == Once::Verify {
            self.invariants.extend(invariants(&self.test, number, report));
        }
        if report.problems.is_empty() { Ok(()) } else { Err(report.problems.join("; ")) }
    }

    /// Asks whether the data is still right. A user who will not wait gets no answer, and no pass either.
    pub(super) async fn verify(&mut self, prepared: &Arc<Prepared>, order: &Order, stops: &Stops) {
        let totals = self.totals.total();
        // One more than there were: whoever has waited for users to drain must not be taken to mean this too.
        let enough = stops.count() + 1;
        for number in order.not_verified() {
            if self.test.scenarios[usize::from(number)].verify.is_empty() {
                continue;
            }
            // Where the run ended before a scenario's load began, there is nothing to ask about.
            if !order.has_begun(number) {
                continue;
            }
            let base = order.base(number);
            let report = tokio::select! {
                report = once(prepared, Once::Verify, number, base, Some(&totals)) => report,
                () = stops.at_least(enough) => OnceReport {
                    problems: vec!["stopped before it was asked".into()],
                    ..OnceReport::default()
                },
            };
            // What kept it from its end stands with the invariants.
            let _ = self.after_once(Once::Verify, number, &report);
        }
    }
}

/// Runs a once-only part of a scenario. What is said of it is without what its requests said of their sender, which
/// a server may have repeated.
pub(super) async fn once(
    prepared: &Arc<Prepared>,
    part: Once,
    number: u16,
    base: Option<&Base>,
    totals: Option<&Recorder>,
) -> OnceReport {
    let mut report = prepared.once(part, number, base, totals).await;
    let redactor = Redactor::new(&[] as &[&str], &report.credentials);
    for problem in &mut report.problems {
        *problem = redactor.redact(problem);
    }
    for detail in report.checks.iter_mut().filter_map(|check| check.detail.as_mut()) {
        *detail = redactor.redact(detail);
    }
    report
}

/// The checks of `verify` by name: held, broken, or never asked.
fn invariants(test: &Test, scenario: u16, report: &OnceReport) -> Vec<InvariantResult> {
    let problem = (!report.problems.is_empty()).then(|| report.problems.join("; "));
    let of = test.scenarios.get(usize::from(scenario)).map(|one| one.name.clone()).unwrap_or_default();
    let mut results = Vec::new();
    for (index, info) in test.catalog.checks.iter().enumerate() {
        if !info.invariant || info.scenario != scenario {
            continue;
        }
        let mut seen = report.checks.iter().filter(|result| result.check.index() == index).peekable();
        let is_skipped = report.skipped.iter().any(|check| check.index() == index);
        // One that is asked several times may be skipped once, and broken another time.
        let (state, detail) = match (seen.peek().is_some(), is_skipped) {
            (true, _) => match seen.find(|result| !result.held) {
                Some(broken) => (InvariantState::Broken, broken.detail.clone()),
                None => (InvariantState::Held, None),
            },
            (false, true) => (InvariantState::Skipped, None),
            (false, false) => (InvariantState::NotAsked, problem.clone()),
        };
        results.push(InvariantResult { scenario: of.clone(), name: info.name.clone(), state, detail });
    }
    // What went wrong beside all checks must not go unseen.
    let is_told = results.iter().any(|result| result.state == InvariantState::NotAsked);
    if let Some(problem) = problem.filter(|_| !is_told) {
        results.push(InvariantResult {
            scenario: of,
            name: "verify".to_owned(),
            state: InvariantState::NotAsked,
            detail: Some(problem),
        });
    }
    results
}
