//! Steps: one action each, in the order of the file.

use std::time::Duration;

use super::Check;
use super::catalog::TooMany;
use super::keys::{STEP, TALLIES, THINK, actions};
use super::reading::{Fields, listed};
use super::request::METHODS;
use crate::scenario::finding::shortened;
use crate::scenario::model::{Action, CustomKind, LogId, RowId, Step, StopWhat, Tally, Think};
use crate::scenario::threshold::{METRICS, watched_metrics};
use crate::scenario::yaml::{Entry, Key, Kind, Node};
use crate::template::{Expr, Slot, ValueTemplate};
use crate::units::{UnitError, parse_duration};

/// Where the samples of a request go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) row: Option<RowId>,
}

impl Check<'_> {
    pub(super) fn steps(&mut self, entry: &Entry) -> Vec<Step> {
        match &entry.value.kind {
            Kind::List(items) if items.is_empty() => self.no_steps(&entry.key),
            Kind::List(items) => {
                return items.iter().filter_map(|item| self.step(item, &entry.key)).collect();
            }
            Kind::Null => self.no_steps(&entry.key),
            Kind::Map(_) => self.error(
                &entry.value.span,
                "expected a list of steps, found a map",
                "begin each step with `- `, like `- get: /api`",
            ),
            _ => self.expected(&entry.value, &entry.key, "a list of steps"),
        }
        Vec::new()
    }

    fn no_steps(&mut self, key: &Key) {
        self.error(
            &key.span,
            format!("`{}` has no steps", key.name),
            "write at least one, like `- get: /api`, or leave the key out",
        );
    }

    fn step(&mut self, node: &Node, list: &Key) -> Option<Step> {
        if node.is_broken() || self.findings.is_full() {
            return None;
        }
        let here = Key { name: list.name.clone(), span: node.span.clone() };
        let fields = self.fields(node, &here, &STEP)?;
        self.course.next_step();
        let under = self.circumstances.len();
        let given = fields.get("name").map(|entry| self.name_of(entry, "a step"));
        let condition = fields.get("when");
        let when = condition.and_then(|entry| {
            let expr = self.condition(entry);
            self.under(entry);
            expr
        });
        let chance = fields.get("chance").map(|entry| (entry, self.share(&entry.value, &entry.key)));
        if let Some((entry, _)) = chance {
            let words = format!(
                "fills it only with `chance: {}`",
                shortened(entry.value.scalar_text(self.text).unwrap_or(""))
            );
            self.circumstances.push(self.course.circumstance(words));
        }
        let done = self.action(fields, given.clone().flatten());
        self.circumstances.truncate(under);
        let (action, needs, default_name) = done?;
        if condition.is_some() && when.is_none() {
            return None;
        }
        let chance = match chance {
            Some((_, chance)) => Some(chance?),
            None => None,
        };
        let name = match given {
            Some(name) => name?,
            None => default_name,
        };
        let line = u32::try_from(self.source.position(node.span.start).line).unwrap_or(u32::MAX);
        Some(Step { name, line, when, chance, needs, action })
    }

    /// An expression that decides, and needs none of its names: over a missing one it is false.
    pub(super) fn condition(&mut self, entry: &Entry) -> Option<Expr> {
        let expr = self.expression(&entry.value, &entry.key);
        let gathered = self.gather();
        self.block_reads_body |= gathered.reads_body;
        expr
    }

    /// What follows stands under a condition: `` fills it only `when: json.total > 0` ``.
    pub(super) fn under(&mut self, entry: &Entry) {
        let text = shortened(entry.value.scalar_text(self.text).unwrap_or_default());
        let words = format!("fills it only `{}: {text}`", entry.key.name);
        self.circumstances.push(self.course.circumstance(words).meant());
    }

    fn log(&mut self, entry: &Entry) -> Option<Action> {
        let text = self.template(&entry.value, &entry.key)?;
        let id = LogId(u16::try_from(self.logs).ok()?);
        self.logs += 1;
        Some(Action::Log { id, text })
    }

    /// What a step does, what it needs, and its name where it has none of its own.
    fn action(&mut self, fields: Fields<'_>, name: Option<String>) -> Option<(Action, Vec<Slot>, String)> {
        let requests: Vec<(crate::scenario::model::Method, &Entry)> = METHODS
            .iter()
            .filter_map(|(key, method)| fields.get(key).map(|entry| (*method, entry)))
            .collect();
        let tallies: Vec<&Entry> = TALLIES.iter().filter_map(|key| fields.get(key)).collect();
        let others: Vec<&Entry> =
            actions().filter(|key| !TALLIES.contains(key)).filter_map(|key| fields.get(key)).collect();
        let mut all: Vec<&Entry> =
            requests.iter().map(|(_, entry)| *entry).chain(others.iter().copied()).collect();
        if requests.is_empty() {
            all.extend(tallies.first());
        }
        all.sort_by_key(|entry| entry.key.span.start);
        if let [first, second, ..] = all.as_slice() {
            self.two_actions(first, second);
            return None;
        }
        if let Some(&(method, path)) = requests.first() {
            self.no_foreign_keys(fields, &path.key.name);
            let default_name = Self::default_name(method, path);
            let name = name.unwrap_or_else(|| default_name.clone());
            let (request, needs) = self.request(fields, (method, path), &tallies, &name)?;
            return Some((Action::Request(Box::new(request)), needs, default_name));
        }
        let Some(entry) = all.first() else {
            let orphan =
                super::keys::OWNERS.iter().find_map(|(key, owners)| Some((fields.get(key)?, *owners)));
            if let Some((key, owners)) = orphan {
                let problem = format!("`{}` alone does nothing", key.key.name);
                self.error(&key.key.span, problem, format!("it goes with {}", listed(owners)));
            } else if !fields.has_unknown {
                self.error(
                    &fields.node.span,
                    "this step does nothing",
                    format!(
                        "give it an action: one of {}, or {}",
                        listed(&super::keys::VERBS),
                        listed(&actions().collect::<Vec<_>>())
                    ),
                );
            }
            return None;
        };
        let key = entry.key.name.as_str();
        self.no_request_keys(fields, key);
        self.no_foreign_keys(fields, key);
        self.gather();
        let default_name = if key == "think" {
            format!("think {}", shortened(entry.value.scalar_text(self.text).unwrap_or_default()))
        } else {
            key.to_owned()
        };
        let action = match key {
            "think" => Action::Think(self.think(entry)?),
            "stop" => Action::Stop(self.word(
                entry,
                &[("iteration", StopWhat::Iteration), ("user", StopWhat::User), ("run", StopWhat::Run)],
            )?),
            "group" => return self.group(fields, entry),
            "repeat" => return self.repeat(fields, entry),
            "while" => return self.while_loop(fields, entry),
            "for_each" => return self.for_each(fields, entry),
            "if" => return self.branch(fields, entry),
            "choose" => return self.choose(entry),
            "poll" | "wait_for_turn" => return self.poll(fields, entry, name),
            "log" => self.log(entry)?,
            "set" => Action::Set(self.assignments(entry)),
            "collect" => Action::Collect(self.assignments(entry)),
            "check" => Action::Check(self.checks(entry, None)),
            _ => Action::Tally(tallies.iter().flat_map(|entry| self.tallies(entry)).collect()),
        };
        let gathered = self.gather();
        self.block_reads_body |= gathered.reads_body;
        self.note_needs(&gathered);
        if matches!(key, "set" | "collect") {
            for entry in entry.value.entries() {
                self.note_definition(&entry.key, None);
            }
        }
        Some((action, gathered.needs, default_name))
    }

    fn two_actions(&mut self, first: &Entry, second: &Entry) {
        let (one, two) = (first.key.name.as_str(), second.key.name.as_str());
        let is_request = |name: &str| super::keys::VERBS.contains(&name);
        let help = if two == "check" && is_request(one) {
            "checks of an answer go under `expect:`, as `checks:`".to_owned()
        } else if two == "set" && is_request(one) {
            "to keep something of the answer, write `capture:`; else begin a new step with `- set:`"
                .to_owned()
        } else {
            format!("begin a new step with `- {two}:`")
        };
        self.error(
            &second.key.span,
            format!("a step has one action, and this one has `{one}` already"),
            help,
        );
    }

    fn assignments(&mut self, entry: &Entry) -> Vec<(Slot, ValueTemplate)> {
        let mut assignments = Vec::new();
        for entry in self.names(entry, "a map of names and values") {
            let value = self.value(&entry.value);
            if let (Some(slot), Some(value)) = (self.names.slot(&entry.key.name), value) {
                assignments.push((slot, value));
            }
        }
        assignments
    }

    /// One `count`, `observe` or `share`.
    pub(super) fn tallies(&mut self, entry: &Entry) -> Vec<Tally> {
        let kind = match entry.key.name.as_str() {
            "count" => CustomKind::Count,
            "observe" => CustomKind::Observe,
            _ => CustomKind::Share,
        };
        let mut tallies = Vec::new();
        for entry in self
            .names(entry, "a map of names and expressions, like `cache hit: header(\"X-Cache\") == \"HIT\"`")
        {
            let value = self.expression(&entry.value, &entry.key);
            let Some(name) = self.good_name(&entry.key.name, &entry.key.span, "a metric") else { continue };
            if METRICS.iter().any(|(known, _)| *known == name) || watched_metrics().any(|known| known == name)
            {
                let problem = format!("`{name}` is a metric that every run has");
                self.error(&entry.key.span, problem, "give your own metric another name");
                continue;
            }
            let known = self.book.custom(&name, kind);
            let Some((metric, known)) = self.counted(known, &entry.key) else { continue };
            if known != kind {
                self.error(
                    &entry.key.span,
                    format!(
                        "`{name}` is a `{}` elsewhere, and cannot be a `{}` too",
                        word_of(known),
                        word_of(kind)
                    ),
                    "give one of the two another name",
                );
                continue;
            }
            tallies.extend(value.map(|value| Tally { metric, value }));
        }
        tallies
    }

    /// An id, or the finding that there are too many.
    pub(super) fn counted<T>(&mut self, id: Result<T, TooMany>, key: &Key) -> Option<T> {
        if id.is_err() {
            self.error(
                &key.span,
                "a file may have 65536 different names of a kind, and this is one more",
                "use the same `name` for requests that belong together",
            );
        }
        id.ok()
    }

    fn think(&mut self, entry: &Entry) -> Option<Think> {
        if let Kind::Map(_) = entry.value.kind {
            let fields = self.fields(&entry.value, &entry.key, &THINK)?;
            if let Some(entry) = fields.get("distribution") {
                self.word(entry, &[("exponential", ())])?;
            }
            let mean = fields.get("mean").and_then(|entry| self.some_time(&entry.value, &entry.key))?;
            return Some(Think::Exponential { mean });
        }
        let text = self.text(&entry.value, &entry.key, "a time like `1s` or `1s..3s`")?;
        match think_time(text) {
            Ok(think) => Some(think),
            Err(error) => {
                self.unit(&entry.value, error);
                None
            }
        }
    }
}

const fn word_of(kind: CustomKind) -> &'static str {
    match kind {
        CustomKind::Count => "count",
        CustomKind::Observe => "observe",
        CustomKind::Share => "share",
    }
}

/// `1s`, `1s..3s`
fn think_time(text: &str) -> Result<Think, UnitError> {
    let Some((from, to)) = text.split_once("..") else { return parse_duration(text).map(Think::Constant) };
    let (from, to): (Duration, Duration) = (parse_duration(from)?, parse_duration(to)?);
    if from > to {
        return Err(UnitError {
            problem: format!("`{text}` begins after its end"),
            help: "write the shorter time first, like `1s..3s`".into(),
        });
    }
    Ok(Think::Uniform { from, to })
}
