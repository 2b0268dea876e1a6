//! `setup`, `verify` and `teardown`: done once, by one user, and not measured.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::log::LogLine;
use super::steps::{Early, Flow};
use super::user::User;
use super::worker::{Part, Worker};
use super::{Base, Prepared};
use crate::metrics::Recorder;
use crate::scenario::model::{CheckId, Scenario, Step};
use crate::template::{Value, object};

/// Which of the once-only parts of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once {
    /// With `vars` before it.
    Setup,
    Verify,
    Teardown,
}

/// A check of a once-only part.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckResult {
    pub check: CheckId,
    pub held: bool,
    /// For one that did not hold: what was seen.
    pub detail: Option<String>,
}

/// How a once-only part went.
#[derive(Debug, Clone, Default)]
pub struct OnceReport {
    /// What it left in the slots.
    pub base: Base,
    pub checks: Vec<CheckResult>,
    /// Checks that were not asked, by the `when` of their step.
    pub skipped: Vec<CheckId>,
    /// The texts it captured: tokens and the like, which no report should show.
    pub captured: Vec<String>,
    /// Who those of its requests that failed said that they are: not to be shown either.
    pub credentials: Vec<String>,
    /// What its `log` steps said.
    pub logs: Vec<LogLine>,
    /// What kept it from its end, in words. Empty where all went well.
    pub problems: Vec<String>,
}

impl Prepared {
    /// Runs a once-only part of a scenario, within a [`LocalSet`](tokio::task::LocalSet). `totals` are what
    /// `results` shows.
    pub async fn once(
        self: &Arc<Self>,
        part: Once,
        scenario: u16,
        base: Option<&Base>,
        totals: Option<&Recorder>,
    ) -> OnceReport {
        let Some(Scenario { slots, .. }) = self.test.scenarios.get(usize::from(scenario)) else {
            return OnceReport {
                base: Arc::from([]),
                checks: Vec::new(),
                skipped: Vec::new(),
                captured: Vec::new(),
                credentials: Vec::new(),
                logs: Vec::new(),
                problems: Vec::new(),
            };
        };
        let empty: Base = vec![None; slots.len()].into();
        let results = totals.map(|totals| results(self, scenario, totals));
        run(Arc::clone(self), part, scenario, base.unwrap_or(&empty), results).await
    }
}

async fn run(
    prepared: Arc<Prepared>,
    part: Once,
    number: u16,
    base: &Base,
    results: Option<Value>,
) -> OnceReport {
    let failed = |problem: String| OnceReport {
        base: base.clone(),
        checks: Vec::new(),
        skipped: Vec::new(),
        captured: Vec::new(),
        credentials: Vec::new(),
        logs: Vec::new(),
        problems: vec![problem],
    };
    let worker = match Worker::new(0, Arc::clone(&prepared), Instant::now(), Part::Once(part)) {
        Ok(worker) => Rc::new(worker),
        Err(error) => return failed(error.to_string()),
    };
    let driver = Rc::clone(&worker);
    let driver = tokio::task::spawn_local(async move { driver.timer.drive().await });
    let mut user = User::new(&prepared, &worker.timer, number, base);
    user.scope.results = results;
    let scenario = &prepared.test.scenarios[usize::from(number)];
    if part == Once::Setup {
        for (slot, template) in &scenario.vars {
            match template.eval(&mut user.scope) {
                Ok(value) => user.scope.set(*slot, Some(value)),
                Err(error) => return failed(format!("`vars`: {error}")),
            }
        }
    }
    let steps = match part {
        Once::Setup => &scenario.setup,
        Once::Verify => &scenario.verify,
        Once::Teardown => &scenario.teardown,
    };
    steps_once(&worker, &mut user, part, steps).await;
    driver.abort();
    let problems = worker.problems.take();
    let shown: Vec<&str> = problems.iter().map(String::as_str).collect();
    OnceReport {
        base: user.scope.slots().into(),
        checks: worker.checks.take(),
        skipped: worker.skipped.take(),
        captured: worker.captured(&user, &shown),
        credentials: worker.credentials.take(),
        logs: worker.logs.borrow_mut().hand_over(),
        problems,
    }
}

async fn steps_once(worker: &Worker, user: &mut User, part: Once, steps: &[Step]) {
    for step in steps {
        user.cursor = Instant::now();
        match worker.step(user, step).await {
            Flow::Next => {}
            Flow::End(Early::Cut) => {
                worker.note_problem(format!("step `{}` needs something that was never captured", step.name));
            }
            Flow::End(Early::Failed) if worker.problems.borrow().is_empty() => {
                worker.note_problem(format!("step `{}` failed", step.name));
            }
            Flow::End(Early::Failed) => {}
            Flow::End(Early::Business | Early::Stopped | Early::Abandoned | Early::Interrupted)
            | Flow::EndUser
            | Flow::EndRun => return,
        }
        // Setup without one of its steps is no setup; verify and teardown do what they can.
        if part == Once::Setup && !worker.problems.borrow().is_empty() {
            return;
        }
    }
}

/// `results["reserve seat"].success` and the like: what the load came to, by row.
fn results(prepared: &Prepared, scenario: u16, totals: &Recorder) -> Value {
    let rows = prepared.test.catalog.rows.iter().zip(&totals.rows);
    object(rows.filter(|(info, _)| info.scenario == scenario).map(|(info, row)| {
        let numbers = [
            ("success", row.successes()),
            ("business", row.refusals()),
            ("failure", row.failed()),
            ("in_doubt", row.in_doubt),
        ];
        let numbers = numbers.into_iter().map(|(name, count)| (name.to_owned(), Value::from(count)));
        (info.name.clone(), object(numbers))
    }))
}
