//! The steps of a flow, one after another.

use std::time::{Duration, Instant};

use super::Once;
use super::user::User;
use super::worker::{Part, Worker};
use crate::scenario::model::{Action, CustomKind, Step, StopWhat, Tally, Think};
use crate::template::{EvalError, Slot, Value, ValueKind, ValueTemplate};

/// What comes after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    /// The iteration is over before its last step.
    End(Early),
    /// The user goes.
    EndUser,
    /// The whole run ends.
    EndRun,
}

/// Why an iteration ended before its last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Early {
    Failed,
    /// Something it needs was never captured.
    Cut,
    Business,
    Stopped,
    /// Tired of waiting for its turn.
    Abandoned,
    /// The user had to go while it waited.
    Interrupted,
}

/// What a loop or an iteration that waited for nothing waits, so that others get their turn.
pub(super) const BREATH: Duration = Duration::from_millis(1);

impl Worker {
    pub(super) async fn block(&self, user: &mut User, steps: &[Step]) -> Flow {
        for step in steps {
            match self.step(user, step).await {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    pub(super) async fn step(&self, user: &mut User, step: &Step) -> Flow {
        match &step.when {
            None => {}
            Some(when) => match when.holds(&mut user.scope) {
                Ok(true) => {}
                Ok(false) => {
                    self.note_skipped(std::slice::from_ref(step));
                    return Flow::Next;
                }
                Err(error) => return self.template_fault(user, &error),
            },
        }
        if step.chance.is_some_and(|chance| user.scope.random.unit() >= chance.share()) {
            return Flow::Next;
        }
        if !user.has_all(&step.needs) {
            return Flow::End(Early::Cut);
        }
        let done = match &step.action {
            Action::Request(request) => return self.request(user, request).await,
            Action::Think(think) => {
                self.think(user, think).await;
                Ok(())
            }
            Action::Group { group, steps } => {
                let (began, stage) = (user.cursor, self.stage_at(user.scenario, user.cursor));
                // Boxed, as the other blocks: a user without groups and loops carries none of their state.
                let flow = Box::pin(self.block(user, steps)).await;
                if flow == Flow::Next {
                    let took = user.cursor.saturating_duration_since(began);
                    self.record(stage, |recorder| recorder.group(*group, took));
                }
                return flow;
            }
            Action::Repeat { times, steps } => return self.repeat(user, times, steps).await,
            Action::While { condition, at_most, steps } => {
                let mut rounds = 0;
                while at_most.is_none_or(|most| rounds < most) && !self.is_retired(user) {
                    match condition.holds(&mut user.scope) {
                        Ok(true) => {}
                        Ok(false) => break,
                        Err(error) => return self.template_fault(user, &error),
                    }
                    match self.round(user, steps).await {
                        Flow::Next => rounds += 1,
                        other => return other,
                    }
                }
                Ok(())
            }
            Action::ForEach { list, item, steps } => return self.for_each(user, list, *item, steps).await,
            Action::If { condition, then, otherwise } => {
                let (taken, left) = match condition.holds(&mut user.scope) {
                    Ok(true) => (then, otherwise),
                    Ok(false) => (otherwise, then),
                    Err(error) => return self.template_fault(user, &error),
                };
                self.note_skipped(left);
                return Box::pin(self.block(user, taken)).await;
            }
            Action::Choose(choices) => {
                let draw = user.scope.random.unit();
                let Some(place) = choices.iter().position(|choice| draw < choice.below) else {
                    return Flow::Next;
                };
                let left = choices.iter().enumerate().filter(|(other, _)| *other != place);
                left.for_each(|(_, choice)| self.note_skipped(&choice.steps));
                return Box::pin(self.block(user, &choices[place].steps)).await;
            }
            Action::Poll(poll) => return Box::pin(self.poll(user, step, poll)).await,
            Action::Log { id, text } => self.log(user, *id, text),
            Action::Set(values) => set(user, values),
            Action::Collect(values) => collect(user, values),
            Action::Check(checks) => {
                let mut result = Ok(());
                for (check, expr) in checks {
                    match expr.holds(&mut user.scope) {
                        Ok(held) => {
                            if !held && self.part != Part::Load && self.part != Part::Once(Once::Verify) {
                                let what = expr.explain(&mut user.scope);
                                self.note_problem(format!("`{}` does not hold: {what}", step.name));
                            }
                            let stage = self.stage_at(user.scenario, user.cursor);
                            self.checked(stage, &mut user.scope, *check, held, expr);
                        }
                        Err(error) => result = Err(error),
                    }
                }
                result
            }
            Action::Tally(tallies) => self.tally(user, tallies),
            Action::Stop(StopWhat::Iteration) => return Flow::End(Early::Stopped),
            Action::Stop(StopWhat::User) => return Flow::EndUser,
            Action::Stop(StopWhat::Run) => return Flow::EndRun,
        };
        match done {
            Ok(()) => Flow::Next,
            Err(error) => self.template_fault(user, &error),
        }
    }

    async fn repeat(&self, user: &mut User, times: &ValueTemplate, steps: &[Step]) -> Flow {
        let times = match times.eval(&mut user.scope) {
            Ok(value) => match value.as_usize() {
                Some(times) => times,
                None => {
                    let problem = format!("`{value}` is no number of rounds: it takes 0, 1, 2 …");
                    return self.template_fault(user, &EvalError::of_file("repeat", problem));
                }
            },
            Err(error) => return self.template_fault(user, &error),
        };
        for _ in 0..times {
            if self.is_retired(user) {
                break;
            }
            match self.round(user, steps).await {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    /// Once for each item of a list; none where the list is missing.
    async fn for_each(&self, user: &mut User, list: &ValueTemplate, item: Slot, steps: &[Step]) -> Flow {
        let list = match list.eval(&mut user.scope) {
            Ok(list) => list,
            Err(error) => return self.template_fault(user, &error),
        };
        let items: Vec<Value> = match list.kind() {
            ValueKind::Undefined | ValueKind::None => Vec::new(),
            ValueKind::Seq | ValueKind::Iterable => {
                list.try_iter().map(Iterator::collect).unwrap_or_default()
            }
            kind => {
                let problem = format!("it goes through a list, and this is a {kind}");
                return self.template_fault(user, &EvalError::of_file("for_each", problem));
            }
        };
        if items.is_empty() {
            self.note_skipped(steps);
        }
        // One list within another may call its items the same.
        let before = user.scope.get(item).cloned();
        let mut flow = Flow::Next;
        for value in items {
            if flow != Flow::Next || self.is_retired(user) {
                break;
            }
            user.scope.set(item, Some(value));
            flow = self.round(user, steps).await;
        }
        user.scope.set(item, before);
        flow
    }

    /// One round of a loop; one that waited for nothing yields.
    pub(super) async fn round(&self, user: &mut User, steps: &[Step]) -> Flow {
        let waited = std::mem::take(&mut user.waited);
        let flow = Box::pin(self.block(user, steps)).await;
        if !user.waited {
            self.breathe(user).await;
        }
        user.waited |= waited;
        flow
    }

    pub(super) async fn breathe(&self, user: &mut User) {
        self.timer.sleep_until(Instant::now() + BREATH).await;
        user.cursor = Instant::now();
        user.waited = true;
    }

    pub(super) async fn think(&self, user: &mut User, think: &Think) {
        let random = &mut user.scope.random;
        let pause = match think {
            Think::Constant(pause) => *pause,
            Think::Uniform { from, to } => *from + to.saturating_sub(*from).mul_f64(random.unit()),
            Think::Exponential { mean } => mean.mul_f64(random.exponential()),
        };
        let wake = user.cursor + pause;
        self.wait_until(user, wake).await;
    }

    /// Waits until the user's next action is due, or it has to go; what follows is due then. Where that time
    /// has passed already, it does not wait, and what follows is due since then.
    pub(super) async fn wait_until(&self, user: &mut User, wake: Instant) {
        user.waited = true;
        let now = Instant::now();
        if self.is_draining() || user.retire_at.is_some_and(|at| now >= at) {
            user.cursor = now;
            return;
        }
        if now >= wake {
            user.cursor = wake;
            return;
        }
        let until = user.retire_at.map_or(wake, |retire| wake.min(retire));
        tokio::select! {
            biased;
            () = self.timer.sleep_until(until) => {}
            () = self.draining.notified() => {}
        }
        let now = Instant::now();
        if now < wake {
            // It goes before its think time is over: what follows is due now.
            user.cursor = now;
        } else {
            user.cursor = wake;
            self.late(user.scenario, wake, now);
        }
    }

    /// Takes samples of the user's own metrics. What is missing in an answer is no sample.
    pub(super) fn tally(&self, user: &mut User, tallies: &[Tally]) -> Result<(), EvalError> {
        let stage = self.stage_at(user.scenario, user.cursor);
        for tally in tallies {
            let kind = self.prepared.test.catalog.customs.get(tally.metric.index()).map(|info| info.kind);
            let amount = if kind == Some(CustomKind::Share) {
                Some(f64::from(u8::from(tally.value.holds(&mut user.scope)?)))
            } else {
                sample(tally.value.eval(&mut user.scope))?
            };
            if let Some(amount) = amount {
                self.record(stage, |recorder| recorder.tally(tally.metric, amount));
            }
        }
        Ok(())
    }
}

fn set(user: &mut User, values: &[(Slot, ValueTemplate)]) -> Result<(), EvalError> {
    for (slot, template) in values {
        let value = template.eval(&mut user.scope)?;
        user.scope.set(*slot, Some(value));
    }
    Ok(())
}

fn collect(user: &mut User, values: &[(Slot, ValueTemplate)]) -> Result<(), EvalError> {
    for (slot, template) in values {
        let value = template.eval(&mut user.scope)?;
        let mut list: Vec<Value> = match user.scope.get(*slot) {
            Some(list) => list.try_iter().map(Iterator::collect).unwrap_or_default(),
            None => Vec::new(),
        };
        list.push(value);
        user.scope.set(*slot, Some(Value::from(list)));
    }
    Ok(())
}

/// What an expression makes of an answer, as an amount. What the answer does not have is no sample.
pub(super) fn sample(value: Result<Value, EvalError>) -> Result<Option<f64>, EvalError> {
    match value {
        Ok(value) => Ok(amount(&value)),
        Err(error) if error.is_of_answer => Ok(None),
        Err(error) => Err(error),
    }
}

/// A value as an amount: a number, or 1 and 0 for true and false.
fn amount(value: &Value) -> Option<f64> {
    match f64::try_from(value.clone()) {
        Ok(number) => Some(number),
        Err(_) => bool::try_from(value.clone()).ok().map(|truth| f64::from(u8::from(truth))),
    }
}
