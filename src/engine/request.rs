//! One request of one user: rendered, sent, classified, recorded.

use std::borrow::Cow;
use std::time::Instant;

use super::Once;
use super::classify::{Classified, Seen, classify};
use super::credentials::credentials;
use super::follow::Leash;
use super::steps::{Early, Flow};
use super::throttle::{Throttle, Turn};
use super::user::User;
use super::worker::{Part, Worker};
use crate::http::redirect::sends_on;
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
        let mut outgoing = self.take_buffer();
        let rendered = prepared.wire.render(
            step,
            &mut user.scope,
            user.jar.as_deref(),
            &mut self.scratch.borrow_mut(),
            &mut outgoing,
        );
        if let Err(error) = rendered {
            self.give_buffer(outgoing);
            self.own_fault(user, OwnFault::Template, error.to_string());
            return Flow::End(Early::Failed);
        }
        if let Some(throttle) = self.throttle(user.scenario)
            && !throttle.is_open()
        {
            // Boxed: users without a throttle carry none of its state.
            Box::pin(self.take_turn(user, throttle)).await;
        }
        user.waited = true;
        let due = user.cursor;
        let stage = self.stage_at(user.scenario, due);
        if let Some(row) = step.row {
            self.record(stage, |recorder| recorder.attempt(row));
        }
        let mut flight =
            InFlight { worker: self, row: step.row, stage, timing: Timing::at(due), over: false };
        let origin = outgoing.elsewhere.as_ref().unwrap_or(&prepared.wire.origin);
        let request = Request {
            origin,
            wire: &outgoing.text,
            insets: &outgoing.insets,
            is_head: prepared.wire.is_head,
            timeout: prepared.wire.timeout,
            keep_body: if step.reads_body { KeepBody::Always } else { KeepBody::UnlessOk },
        };
        self.lend_connections(user);
        let response = user.scope.expect_answer();
        let mut result = user.connections.exchange(&request, response, &mut flight.timing).await;
        if result.is_ok() {
            if self.keeps_cookies_of(user) {
                user.keep_cookies(origin, &outgoing);
            }
            if step.follow_redirects > 0 && sends_on(user.scope.response().status()) {
                let leash = Leash {
                    most: step.follow_redirects,
                    timeout: request.timeout,
                    keep_body: request.keep_body,
                };
                // Boxed, so that a request that follows nothing stays small.
                result = Box::pin(self.follow(user, leash, origin, &outgoing, &mut flight.timing)).await;
            }
        }
        self.take_connections_back(user);
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
                let unreadable = if step.reads_body { user.scope.decode_answer().err() } else { None };
                let seen = Seen { status, service: service.unwrap_or_default(), unreadable };
                classify(&self.prepared.test, step, seen, &mut user.scope, checked)
            }
            Err(ExchangeError::Target { cause, detail }) => Classified::failure(cause, detail.into_owned()),
            Err(ExchangeError::Own { fault, detail }) => {
                // The guard counts the request as interrupted: it says nothing about the target.
                drop(flight);
                // Without a descriptor it may have come to its end at once: the user has yet to let others in.
                user.waited = false;
                self.give_buffer(outgoing);
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
            self.keep_sample(user, step.row, cause, &outgoing.text, detail);
        }
        self.give_buffer(outgoing);
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

    /// Waits for the throttle. The request is due so much later; how long that was is counted apart.
    async fn take_turn(&self, user: &mut User, throttle: &Throttle) {
        let Turn { asked, came } = throttle.turn(&self.timer).await;
        let waited = came.saturating_duration_since(asked);
        let stage = self.stage_at(user.scenario, user.cursor);
        let scenario = usize::from(user.scenario);
        self.record(stage, |recorder| recorder.scenarios[scenario].throttled.record(waited));
        user.cursor += waited;
        self.late(user.scenario, came, Instant::now());
    }

    fn outcome_name(&self, step: &RequestStep, outcome: Outcome) -> Cow<'_, str> {
        match outcome {
            Outcome::Success => "success".into(),
            Outcome::Failure(cause) => cause.to_string().into(),
            Outcome::Business(number) => {
                let row = step.row.and_then(|row| self.prepared.test.catalog.rows.get(row.index()));
                row.and_then(|row| row.business.get(usize::from(number))).map_or(Cow::Borrowed(""), Cow::from)
            }
        }
    }

    /// Keeps one example of each cause of each row.
    fn keep_sample(&self, user: &mut User, row: Option<RowId>, cause: Cause, wire: &[u8], detail: String) {
        let first = wire.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let request = String::from_utf8_lossy(first);
        let request = request.strip_suffix(" HTTP/1.1").unwrap_or(&request).to_owned();
        if self.part != Part::Load {
            self.credentials.borrow_mut().extend(credentials(wire, user.scope.response()));
        }
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
        // For people to read; where that cannot be done, there is nothing of it.
        let _ = user.scope.decode_answer();
        let (status, body) = last_answer(user);
        let at = Instant::now().saturating_duration_since(self.epoch());
        let mut captured = self.captured(user, &[&request, &detail, &body]);
        captured.extend(credentials(wire, user.scope.response()));
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
    let answered = match classified.outcome {
        Outcome::Success | Outcome::Business(_) => true,
        Outcome::Failure(cause) => cause.is_of_an_answer(),
    };
    !answered && timing.first_byte_written.is_some()
}

/// Of the last answer, its status and the beginning of its body.
pub(super) fn last_answer(user: &User) -> (Option<u16>, String) {
    let response = user.scope.response();
    let status = Some(response.status()).filter(|status| *status != 0);
    let body = response.body();
    (status, String::from_utf8_lossy(&body[..body.len().min(SAMPLE_BODY)]).into_owned())
}
