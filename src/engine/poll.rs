//! `poll` and `wait_for_turn`: probes until something holds, time is up, or the user leaves.

use std::time::{Duration, Instant};

use super::request::last_answer;
use super::steps::{BREATH, Early, Flow, sample};
use super::user::User;
use super::worker::Worker;
use crate::metrics::{PollRecord, Sample};
use crate::outcome::Cause;
use crate::scenario::model::{Every, OnFailure, Poll, PollId, StageId, Step, StepId, Turn};
use crate::template::{EvalError, Value, write_json};
use crate::units::{parse_duration, scenario_duration};

/// The time between two probes where nothing says it.
const EVERY: Duration = Duration::from_secs(1);

/// What comes next while nothing holds yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Probe,
    GiveUp,
    Leave,
}

/// A poll under way. One that is dropped (the user was cut off) counts as interrupted, so that every one is
/// accounted for.
struct UnderWay<'a> {
    worker: &'a Worker,
    poll: Option<PollId>,
    stage: Option<StageId>,
    over: bool,
}

impl UnderWay<'_> {
    fn ends(mut self, count: impl FnOnce(&mut PollRecord)) {
        self.over = true;
        self.count(count);
    }

    fn count(&self, count: impl FnOnce(&mut PollRecord)) {
        if let Some(poll) = self.poll {
            self.worker.record(self.stage, |recorder| count(recorder.poll(poll)));
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.count(|record| record.interrupted += 1);
        }
    }
}

impl Worker {
    pub(super) async fn poll(&self, user: &mut User, step: &Step, poll: &Poll) -> Flow {
        let began = user.cursor;
        let stage = self.stage_at(user.scenario, began);
        let under_way = UnderWay { worker: self, poll: poll.id, stage, over: false };
        under_way.count(|record| record.started += 1);
        let gives_up = began + poll.at_most;
        let abandon = poll.turn.as_ref().and_then(|turn| turn.abandon);
        let leaves =
            abandon.and_then(|rate| rate.stay(user.scope.random.exponential())).map(|stay| began + stay);
        loop {
            match self.round(user, &poll.steps).await {
                Flow::Next => {}
                other => {
                    under_way.ends(|record| record.ended += 1);
                    return other;
                }
            }
            if let Some(position) = poll.turn.as_ref().and_then(|turn| turn.position.as_ref()) {
                match sample(position.eval(&mut user.scope)) {
                    Ok(Some(place)) => under_way.count(|record| record.position.record(place)),
                    Ok(None) => {}
                    Err(error) => return self.template_fault(user, &error),
                }
            }
            match poll.until.holds(&mut user.scope) {
                Ok(true) => {
                    let took = user.cursor.saturating_duration_since(began);
                    under_way.ends(|record| record.got.record(took));
                    return Flow::Next;
                }
                Ok(false) => {}
                Err(error) => return self.template_fault(user, &error),
            }
            let pause = match pause(user, poll) {
                Ok(pause) => pause,
                Err(error) => return self.template_fault(user, &error),
            };
            let next = user.cursor.checked_add(pause).unwrap_or(gives_up);
            let (next, then) = earliest(next, gives_up, leaves);
            if !self.is_retired(user) {
                self.wait_until(user, next).await;
            }
            // Who has to go has not got what it waited for, and must not go on as if it had.
            if self.is_retired(user) {
                return Flow::End(Early::Interrupted);
            }
            match then {
                Next::Probe => {}
                Next::GiveUp => {
                    let took = user.cursor.saturating_duration_since(began);
                    under_way.ends(|record| record.given_up.record(took));
                    return self.gave_up(user, step, poll);
                }
                Next::Leave => {
                    let waited = user.cursor.saturating_duration_since(began);
                    under_way.ends(|record| record.abandoned.record(waited));
                    return Flow::End(Early::Abandoned);
                }
            }
        }
    }

    /// Time is up: a failure of cause `poll`.
    fn gave_up(&self, user: &mut User, step: &Step, poll: &Poll) -> Flow {
        let detail = format!(
            "gave up after {}: {}",
            scenario_duration(poll.at_most),
            poll.until.explain(&mut user.scope)
        );
        match poll.id {
            Some(id) => self.keep_sample_of_poll(user, id, &step.name, detail),
            None => self.note_problem(format!("`{}` {detail}", step.name)),
        }
        if user.scope.answer().is_some() {
            user.scope.set_outcome(&Cause::Poll.to_string());
        }
        match poll.on_failure {
            OnFailure::End => Flow::End(Early::Failed),
            OnFailure::Continue => Flow::Next,
        }
    }

    fn keep_sample_of_poll(&self, user: &User, poll: PollId, name: &str, detail: String) {
        let step = StepId::Poll(poll);
        if !self.sampled.borrow_mut().insert((step, Cause::Poll)) {
            return;
        }
        let (status, body) = last_answer(user);
        let at = Instant::now().saturating_duration_since(self.epoch());
        let request = name.to_owned();
        let captured = self.captured(user, &[&request, &detail, &body]);
        self.samples.borrow_mut().push(Sample {
            step,
            cause: Cause::Poll,
            at,
            request,
            status,
            detail,
            body,
            captured,
        });
    }
}

/// How long until the next probe: as the server asks, else as the file says; never nothing at all.
fn pause(user: &mut User, poll: &Poll) -> Result<Duration, EvalError> {
    if let Some(turn) = &poll.turn
        && let Some(asked) = asked_for(user, turn)?
    {
        return Ok(asked.max(BREATH));
    }
    let every = match &poll.every {
        Every::Constant(every) => *every,
        Every::Rendered(template) => {
            let value = template.eval(&mut user.scope)?;
            interval(&value).map_err(|problem| EvalError::of_file("every", problem))?
        }
    };
    Ok(every.max(BREATH))
}

/// Which comes first; a user who has had enough at the very moment of a probe still asks.
fn earliest(probe: Instant, gives_up: Instant, leaves: Option<Instant>) -> (Instant, Next) {
    match leaves {
        Some(leaves) if leaves < probe && leaves < gives_up => (leaves, Next::Leave),
        _ if gives_up < probe => (gives_up, Next::GiveUp),
        _ => (probe, Next::Probe),
    }
}

/// What the server asks for, where it does: milliseconds in the body, or `Retry-After`.
fn asked_for(user: &mut User, turn: &Turn) -> Result<Option<Duration>, EvalError> {
    for expr in &turn.retry_after_ms {
        let value = expr.eval(&mut user.scope)?;
        if let Some(asked) = f64::try_from(value).ok().and_then(milliseconds) {
            return Ok(Some(asked));
        }
    }
    let header = turn.retry_after.eval(&mut user.scope)?;
    Ok(header.as_str().and_then(|header| retry_after(header, jiff::Timestamp::now())))
}

/// RFC 9110, 10.2.3: seconds, or a date. One that has passed is now.
fn retry_after(header: &str, now: jiff::Timestamp) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<f64>() {
        return milliseconds(seconds * 1000.0);
    }
    let date = jiff::fmt::rfc2822::parse(header).ok()?;
    Some(Duration::try_from(date.timestamp().duration_since(now)).unwrap_or_default())
}

/// A number of milliseconds; what is too long for a duration is the longest.
fn milliseconds(millis: f64) -> Option<Duration> {
    (millis >= 0.0).then(|| Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(Duration::MAX))
}

/// What `every` was rendered to: a number of milliseconds or a text like `500ms`; [`EVERY`] where it is missing.
fn interval(value: &Value) -> Result<Duration, String> {
    if value.is_undefined() || value.is_none() {
        return Ok(EVERY);
    }
    if let Some(text) = value.as_str() {
        let text = text.trim();
        let number = text.parse::<f64>().ok().and_then(milliseconds);
        return number.map_or_else(|| parse_duration(text).map_err(|error| error.problem), Ok);
    }
    f64::try_from(value.clone()).ok().and_then(milliseconds).ok_or_else(|| {
        let mut shown = Vec::new();
        write_json(value, &mut shown);
        format!("`{}` is neither milliseconds nor a time like `500ms`", String::from_utf8_lossy(&shown))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interval_may_be() {
        let millis = |value: Value| interval(&value).map(|every| every.as_millis());
        assert_eq!(millis(Value::from(250)), Ok(250));
        assert_eq!(millis(Value::from(1.5)), Ok(1));
        assert_eq!(millis(Value::from("250")), Ok(250));
        assert_eq!(millis(Value::from("1m30s")), Ok(90_000));
        assert_eq!(millis(Value::UNDEFINED), Ok(1000));
        for wrong in [Value::from("soon"), Value::from(-1), Value::from(vec![1]), Value::from(f64::NAN)] {
            assert!(millis(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: jiff::Timestamp = "2015-10-21T07:27:30Z".parse().unwrap();
        let seconds = |header: &str| retry_after(header, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:28:00 GMT"), Some(30));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:00:00 GMT"), Some(0), "it has passed");
        assert_eq!((seconds("-1"), seconds("soon"), seconds("")), (None, None, None));
        assert_eq!(retry_after("1e300", now), Some(Duration::MAX));
    }

    #[test]
    fn what_comes_first() {
        let now = Instant::now();
        let at = |seconds: u64| now + Duration::from_secs(seconds);
        assert_eq!(earliest(at(1), at(5), None), (at(1), Next::Probe));
        assert_eq!(earliest(at(5), at(5), None), (at(5), Next::Probe), "it looks once more at the end");
        assert_eq!(earliest(at(6), at(5), None), (at(5), Next::GiveUp));
        assert_eq!(earliest(at(3), at(5), Some(at(2))), (at(2), Next::Leave));
        assert_eq!(earliest(at(3), at(5), Some(at(4))), (at(3), Next::Probe));
        assert_eq!(earliest(at(9), at(5), Some(at(6))), (at(5), Next::GiveUp));
    }
}
