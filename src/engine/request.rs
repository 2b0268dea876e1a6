//! One request of one user: rendered, sent, classified, recorded.

use std::time::Instant;

use super::Once;
use super::classify::{Classified, classify};
use super::steps::{Early, Flow};
use super::user::User;
use super::worker::{Part, Worker};
use crate::http::{ExchangeError, KeepBody, Request, Timing};
use crate::metrics::{Exchange, Sample};
use crate::outcome::{Cause, Outcome, OwnFault};
use crate::scenario::model::{OnBusiness, OnFailure, RequestStep, RowId, StageId, StepId};
use crate::template::{EvalError, Expr, Scope, Slot};

/// How much of a body a sample keeps.
const SAMPLE_BODY: usize = 2048;

/// A request under way. One that is dropped (the user was cut off) counts as interrupted, so that every
/// attempt is accounted for.
struct InFlight<'a> {
    worker: &'a Worker,
    row: Option<RowId>,
    stage: Option<StageId>,
    timing: Timing,
    over: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let (false, Some(row)) = (self.over, self.row) {
            let in_doubt = self.timing.first_byte_written.is_some();
            self.worker.record(self.stage, |recorder| recorder.interrupt(row, in_doubt));
        }
    }
}

impl Worker {
    pub(super) async fn request(&self, user: &mut User, step: &RequestStep) -> Flow {
        let prepared = &self.prepared.requests[step.id.index()];
        let mut bytes = self.take_buffer();
        let rendered =
            prepared.wire.render(step, &mut user.scope, &mut self.scratch.borrow_mut(), &mut bytes);
        if let Err(error) = rendered {
            self.give_buffer(bytes);
            self.own_fault(user, OwnFault::Template, error.to_string());
            return Flow::End(Early::Failed);
        }
        user.waited = true;
        let due = user.cursor;
        let stage = self.stage_at(user.scenario, due);
        if let Some(row) = step.row {
            self.record(stage, |recorder| recorder.attempt(row));
        }
        let mut flight =
            InFlight { worker: self, row: step.row, stage, timing: Timing::at(due), over: false };
        let request = Request {
            origin: &prepared.wire.origin,
            wire: &bytes,
            is_head: prepared.wire.is_head,
            timeout: prepared.wire.timeout,
            keep_body: if step.reads_body { KeepBody::Always } else { KeepBody::UnlessOk },
        };
        let response = user.scope.expect_answer();
        let result = user.connections.exchange(&request, response, &mut flight.timing).await;
        let timing = flight.timing;
        user.cursor = timing.ended;
        let service = timing.first_byte_written.map(|first| timing.ended.saturating_duration_since(first));

        let classified = match result {
            Ok(()) => {
                let status = user.scope.response().status();
                if prepared.answer_is_read {
                    user.scope.answered(service.unwrap_or_default());
                }
                let checked = |check, held, expr: &Expr, scope: &mut Box<Scope>| {
                    self.checked(stage, scope, check, held, expr);
                };
                let service = service.unwrap_or_default();
                classify(&self.prepared.test, step, status, service, &mut user.scope, checked)
            }
            Err(ExchangeError::Target { cause, detail }) => Classified::failure(cause, detail.into_owned()),
            Err(ExchangeError::Own { fault, detail }) => {
                // The guard counts the request as interrupted: it says nothing about the target.
                drop(flight);
                // Without a descriptor it may have come to its end at once: the user has yet to let others in.
                user.waited = false;
                self.give_buffer(bytes);
                self.own_fault(user, fault, detail.into_owned());
                return Flow::End(Early::Failed);
            }
        };
        flight.over = true;
        drop(flight);

        if let Some(row) = step.row {
            let exchange = Exchange {
                response: timing.ended.saturating_duration_since(due),
                service,
                ttfb: elapsed(timing.first_byte_written, timing.first_byte_read),
                connect: timing.connect,
                tls: timing.tls,
                bytes_sent: timing.bytes_sent,
                bytes_received: timing.bytes_received,
                in_doubt: is_in_doubt(&classified, &timing),
            };
            self.record(stage, |recorder| recorder.answer(row, classified.outcome, &exchange));
        }
        if let Outcome::Failure(cause) = classified.outcome {
            let detail = classified.detail.unwrap_or_default();
            self.keep_sample(user, step.row, cause, &bytes, detail);
        }
        self.give_buffer(bytes);
        if prepared.answer_is_read {
            user.scope.set_outcome(&self.outcome_name(step, classified.outcome));
            if let Err(error) = self.tally(user, &step.tallies) {
                return self.template_fault(user, &error);
            }
        } else if !step.tallies.is_empty()
            && let Err(error) = self.tally(user, &step.tallies)
        {
            return self.template_fault(user, &error);
        }
        if let Some(error) = &classified.fault {
            return self.template_fault(user, error);
        }
        if !prepared.answer_is_read_later {
            user.scope.forget_answer();
        }
        match classified.outcome {
            // An invariant that is broken was noted as such; there may be more to ask.
            Outcome::Failure(Cause::Check) if self.part == Part::Once(Once::Verify) => Flow::Next,
            Outcome::Failure(_) if step.on_failure == OnFailure::End => Flow::End(Early::Failed),
            Outcome::Business(_) if step.on_business == OnBusiness::Stop => Flow::End(Early::Business),
            _ => Flow::Next,
        }
    }

    fn outcome_name(&self, step: &RequestStep, outcome: Outcome) -> String {
        match outcome {
            Outcome::Success => "success".into(),
            Outcome::Failure(cause) => cause.to_string(),
            Outcome::Business(number) => {
                let row = step.row.and_then(|row| self.prepared.test.catalog.rows.get(row.index()));
                row.and_then(|row| row.business.get(usize::from(number))).cloned().unwrap_or_default()
            }
        }
    }

    /// Keeps one example of each cause of each row.
    fn keep_sample(&self, user: &User, row: Option<RowId>, cause: Cause, wire: &[u8], detail: String) {
        let first = wire.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let request = String::from_utf8_lossy(first);
        let request = request.strip_suffix(" HTTP/1.1").unwrap_or(&request).to_owned();
        if (self.part, cause) == (Part::Once(Once::Verify), Cause::Check) {
            return;
        }
        let Some(row) = row else {
            let cause = cause.to_string();
            let said = if detail.starts_with(&cause) { detail } else { format!("{cause}: {detail}") };
            self.note_problem(format!("{request}: {said}"));
            return;
        };
        let step = StepId::Requests(row);
        if !self.sampled.borrow_mut().insert((step, cause)) {
            return;
        }
        let (status, body) = last_answer(user);
        let at = Instant::now().saturating_duration_since(self.epoch());
        let captured = self.captured(user, &[&request, &detail, &body]);
        self.samples.borrow_mut().push(Sample { step, cause, at, request, status, detail, body, captured });
    }

    /// The texts that this user has from answers, or made of them: tokens and the like, which no report should
    /// show. Of lists, which may be long, those that `shown` has.
    pub(super) fn captured(&self, user: &User, shown: &[&str]) -> Vec<String> {
        let scenario = &self.prepared.test.scenarios[usize::from(user.scenario)];
        let feeds = &scenario.feeds;
        let mut rows = feeds.user.iter().chain(&feeds.on_start).chain(&feeds.iteration).map(|feed| feed.slot);
        let vars = scenario.vars.iter().map(|(slot, _)| *slot);
        let own: Vec<Slot> = vars.chain(&mut rows).collect();
        let is_own = |place: usize| own.iter().any(|slot| slot.index() == place);
        let slots = user.scope.slots().iter().enumerate();
        let mut texts = Vec::new();
        for value in slots.filter(|(place, _)| !is_own(*place)).filter_map(|(_, value)| value.as_ref()) {
            if let Some(text) = value.as_str() {
                texts.push(text.to_owned());
            } else if let Ok(list) = value.try_iter() {
                let parts = list.filter_map(|part| part.as_str().map(str::to_owned));
                texts.extend(parts.filter(|part| shown.iter().any(|text| text.contains(part))));
            }
        }
        self.secret_fields(user, &mut texts);
        texts
    }

    pub(super) fn template_fault(&self, user: &User, error: &EvalError) -> Flow {
        self.own_fault(user, OwnFault::Template, error.to_string());
        Flow::End(Early::Failed)
    }
}

fn elapsed(from: Option<Instant>, to: Option<Instant>) -> Option<std::time::Duration> {
    Some(to?.saturating_duration_since(from?))
}

/// The target may have done what was asked or not: bytes went out, and no whole answer came back.
fn is_in_doubt(classified: &Classified, timing: &Timing) -> bool {
    let answered = !matches!(
        classified.outcome,
        Outcome::Failure(
            Cause::Timeout(_)
                | Cause::Reset
                | Cause::Closed
                | Cause::StaleConnection
                | Cause::Truncated
                | Cause::Protocol(_)
                | Cause::Tls
        )
    );
    !answered && timing.first_byte_written.is_some()
}

/// Of the last answer, its status and the beginning of its body.
pub(super) fn last_answer(user: &User) -> (Option<u16>, String) {
    let response = user.scope.response();
    let status = Some(response.status()).filter(|status| *status != 0);
    let body = response.body();
    (status, String::from_utf8_lossy(&body[..body.len().min(SAMPLE_BODY)]).into_owned())
}
