//! `poll` and `wait_for_turn`: asking until something holds.

use super::Check;
use super::control::blocks;
use super::reading::Fields;
use crate::scenario::finding::shortened;
use crate::scenario::model::{
    Action, Every, Method, OnFailure, Poll, PollId, PollInfo, PollKind, StepId, Turn,
};
use crate::scenario::yaml::{Entry, Kind, Node};
use crate::template::{Expr, Slot, SlotNames, Visible};
use crate::units::parse_leaving_rate;

/// The time between two probes where nothing is said.
const EVERY: std::time::Duration = std::time::Duration::from_secs(1);

impl Check<'_> {
    /// `poll` and `wait_for_turn`, whose steps stand under the key itself.
    pub(super) fn poll(
        &mut self,
        fields: Fields<'_>,
        entry: &Entry,
        name: Option<String>,
    ) -> Option<(Action, Vec<Slot>, String)> {
        let kind = if entry.key.name == "poll" { PollKind::Poll } else { PollKind::Turn };
        let default_name = match kind {
            PollKind::Poll => format!("poll {}", first_request(&entry.value).unwrap_or_default()),
            PollKind::Turn => "wait for a turn".to_owned(),
        };
        let default_name = default_name.trim().to_owned();
        let name = name.unwrap_or_else(|| default_name.clone());
        let known = fields.get("position").is_some();
        let id = self.measured_poll(entry, &name, kind, known);
        let on_failure = fields
            .get("on_failure")
            .map(|entry| self.word(entry, &[("end", OnFailure::End), ("continue", OnFailure::Continue)]));
        let on_failure = on_failure.unwrap_or(Some(OnFailure::End));

        // All of these come after a probe.
        self.sees_answers_of(fields.node);
        // Where the steps themselves are wrong, what follows is not.
        self.answer |= entry.value.items().is_empty();
        let until = self.awaited(fields, entry);
        let every = match fields.get("every") {
            Some(every) => self.every(every),
            None => Some(Every::Constant(EVERY)),
        };
        let gathered = self.gather();
        self.block_reads_body |= gathered.reads_body;
        let at_most = self.patience(fields, entry, every.as_ref());
        let turn = match kind {
            PollKind::Poll => None,
            PollKind::Turn => Some(self.turn(fields)),
        };

        let awaited = until.as_ref().map_or_else(Vec::new, |until| until.mentions().to_vec());
        self.course.begin_poll(awaited, on_failure == Some(OnFailure::Continue));
        let steps = self.steps(entry);
        self.course.end_poll();
        // What the interval needs, a probe may have filled.
        self.note_needs(&gathered);
        self.keep_thresholds(fields.get("thresholds"), id.map(StepId::Poll), &name);
        let turn = match turn {
            Some(turn) => Some(turn?),
            None => None,
        };
        let poll = Poll {
            id,
            steps,
            until: until?,
            every: every?,
            at_most: at_most?,
            on_failure: on_failure?,
            turn,
        };
        Some((Action::Poll(Box::new(poll)), Vec::new(), default_name))
    }

    /// Its number among the polls of the load; none where it is not measured.
    fn measured_poll(
        &mut self,
        entry: &Entry,
        name: &str,
        kind: PollKind,
        has_position: bool,
    ) -> Option<PollId> {
        if !self.block.is_measured() {
            if kind == PollKind::Turn {
                let block = self.block.name();
                self.error(
                    &entry.key.span,
                    format!("nobody waits for a turn in `{block}`: it is no part of the load"),
                    "write `poll:`",
                );
                return None;
            }
            return None;
        }
        let groups = self.groups.clone();
        let info = PollInfo {
            name: name.to_owned(),
            scenario: self.number,
            optional: self.optional,
            groups,
            kind,
            has_position,
        };
        let known = self.book.poll(info);
        let (id, known) = self.counted(known, &entry.key)?;
        let optional = self.book.catalog.polls.get(id.index()).map(|poll| poll.optional);
        self.agrees_on_optional(optional, "poll", name, &entry.key);
        if known != kind {
            self.error(
                &entry.key.span,
                format!(
                    "`{}` is a `{}` elsewhere, and cannot be a `{}` too",
                    shortened(name),
                    known.as_str(),
                    kind.as_str()
                ),
                "give one of the two another name",
            );
            return None;
        }
        self.polls.push((name.to_owned(), entry.key.span.clone()));
        Some(id)
    }

    /// A filter `step=` must not mean two things.
    pub(super) fn polls_have_names_of_their_own(&mut self) {
        for (name, at) in std::mem::take(&mut self.polls) {
            if self.book.has_row(&name) {
                self.error(
                    &at,
                    format!("a request is named `{}` as well", shortened(&name)),
                    "give the poll a name of its own: thresholds and reports speak of steps by name",
                );
            }
        }
    }

    fn awaited(&mut self, fields: Fields<'_>, action: &Entry) -> Option<Expr> {
        let Some(entry) = fields.get("until") else {
            let problem = format!("`{}` does not say what it waits for", action.key.name);
            self.error(&action.key.span, problem, "write it, like `until: json.status == \"ACTIVE\"`");
            return None;
        };
        let until = self.condition(entry)?;
        if until.constant().is_some_and(|value| !value.is_true()) {
            self.error(
                &entry.value.span,
                "this never holds",
                "write what an answer is when it is done, like `json.status == \"ACTIVE\"`",
            );
            return None;
        }
        Some(until)
    }

    /// A duration, or a template that gives one.
    fn every(&mut self, entry: &Entry) -> Option<Every> {
        match &entry.value.kind {
            Kind::Text { value, .. } if value.contains("${") => self.value(&entry.value).map(Every::Rendered),
            _ => self.some_time(&entry.value, &entry.key).map(Every::Constant),
        }
    }

    /// `at_most`: without it, a poll that never ends would go unseen.
    fn patience(
        &mut self,
        fields: Fields<'_>,
        action: &Entry,
        every: Option<&Every>,
    ) -> Option<std::time::Duration> {
        let Some(entry) = fields.get("at_most") else {
            let problem = format!("`{}` does not say when it gives up", action.key.name);
            self.error(&action.key.span, problem, "write how long it may take, like `at_most: 30s`");
            return None;
        };
        let at_most = self.some_time(&entry.value, &entry.key)?;
        if let Some(Every::Constant(every)) = every.filter(|_| fields.get("every").is_some())
            && *every >= at_most
        {
            self.warning(
                &entry.value.span,
                "it asks only once: it gives up before the next probe is due",
                "let `at_most` be longer than `every`",
            );
        }
        Some(at_most)
    }

    fn turn(&mut self, fields: Fields<'_>) -> Option<Turn> {
        let position = fields.get("position").map(|entry| self.condition(entry));
        let abandon = fields.get("abandon").map(|entry| {
            let text = self.text(&entry.value, &entry.key, "a share per time, like `2%/min`")?;
            parse_leaving_rate(text).map_err(|error| self.unit(&entry.value, error)).ok()
        });
        // Where servers say how long to wait: in the body itself, or in the envelope that many use.
        let asked = ["json.retryAfterMs", "json.data.retryAfterMs"];
        self.block_reads_body = true;
        let visible =
            Visible { slots: &SlotNames::default(), answer: true, results: false, rows: &[], env: self.env };
        let compiled = |text: &str| Expr::compile(text, visible).ok();
        let retry_after_ms: Vec<Expr> = asked.into_iter().filter_map(compiled).collect();
        let retry_after = compiled("header(\"Retry-After\")")?;
        let position = match position {
            Some(position) => Some(position?),
            None => None,
        };
        let abandon = match abandon {
            Some(abandon) => Some(abandon?),
            None => None,
        };
        Some(Turn { position, abandon, retry_after_ms, retry_after })
    }
}

/// What the first request of a probe is called.
fn first_request(steps: &Node) -> Option<String> {
    steps.items().iter().find_map(|step| {
        let own = super::request::METHODS.iter().find_map(|(verb, method)| Some((*method, step.get(verb)?)));
        let name = |(method, path): (Method, &Entry)| Check::default_name(method, path);
        own.map(name).or_else(|| blocks(step).find_map(first_request))
    })
}
