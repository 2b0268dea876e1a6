//! Nodes read as what a key wants; what does not fit becomes a finding.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use super::Check;
use super::keys::{Place, SCENARIO, STEP, SUITE, TEST, VERBS};
use crate::scenario::finding::{Finding, MOST, Severity, first_line, shortened};
use crate::scenario::yaml::{Entry, Key, Kind, Node};
use crate::spelling::closest;
use crate::units::{Percent, Rate, UnitError, looks_like_rate, parse_duration, parse_percent, parse_rate};

/// Findings as they come: each once, and not without end.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    known: HashSet<Finding>,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        if !self.is_full() && self.known.insert(finding.clone()) {
            self.list.push(finding);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= MOST
    }

    pub(super) fn has_errors(&self) -> bool {
        self.list.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// All of them, in the order of the file.
    pub(super) fn sorted(mut self) -> Vec<Finding> {
        if self.is_full() {
            let last = self.list.iter().map(|finding| finding.span.end).max().unwrap_or_default();
            self.list.push(Finding::warning(last..last, format!("only the first {MOST} findings are shown")));
        }
        self.list.sort_by_key(|finding| (finding.span.start, finding.span.end));
        self.list
    }
}

/// The entries of a map whose keys are those of a place.
#[derive(Clone, Copy)]
pub(super) struct Fields<'n> {
    pub(super) node: &'n Node,
    place: &'static Place,
    /// Whether it has a key that the place has not.
    pub(super) has_unknown: bool,
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, name: &str) -> Option<&'n Entry> {
        debug_assert!(self.place.has(name), "`{name}` is missing in the table of keys");
        self.node.get(name)
    }
}

impl<'a> Check<'a> {
    pub(super) fn error(&mut self, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        let span = first_line(self.text, span);
        self.findings.add(Finding::error(span, message).help(help));
    }

    pub(super) fn warning(
        &mut self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let span = first_line(self.text, span);
        self.findings.add(Finding::warning(span, message).help(help));
    }

    /// A map with the keys of a place; unknown and missing ones become findings.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        key: &Key,
        place: &'static Place,
    ) -> Option<Fields<'n>> {
        let Kind::Map(entries) = &node.kind else {
            let names: Vec<&str> = place.all().map(|key| key.name).take(4).collect();
            self.expected(node, key, &format!("a map with keys like {}", listed(&names)));
            return None;
        };
        let mut has_unknown = false;
        for entry in entries {
            if !place.has(&entry.key.name) && !entry.key.name.starts_with("x-") {
                has_unknown = true;
                self.unknown_key(&entry.key, place);
            }
        }
        for wanted in place.all() {
            let Some(example) = wanted.required.filter(|_| node.get(wanted.name).is_none()) else { continue };
            if !entries.iter().any(|entry| near(&entry.key.name, wanted.name)) {
                let span = if key.span.is_empty() { &node.span } else { &key.span };
                self.error(&span.clone(), format!("{} needs `{}`", place.what, wanted.name), example);
            }
        }
        Some(Fields { node, place, has_unknown })
    }

    fn unknown_key(&mut self, key: &Key, place: &'static Place) {
        let name = key.name.as_str();
        let shown = shortened(name);
        let lower = name.to_lowercase();
        let known: Vec<&str> = place.all().map(|key| key.name).collect();
        let help = if std::ptr::eq(place, &raw const STEP) && VERBS.contains(&lower.as_str()) {
            format!("methods are written in small letters: `{lower}`")
        } else if std::ptr::eq(place, &raw const SUITE) && SCENARIO.has(name) {
            "with `scenarios` it belongs into one of them, under its name".to_owned()
        } else if std::ptr::eq(place, &raw const TEST) && name == "gap" {
            "it goes with `scenarios`: it is the time between one and the next".to_owned()
        } else {
            let list = format!("{} has {}", place.what, listed(&known));
            match closest(name, known.iter().copied()) {
                Some(close) if known.len() > 10 => format!("did you mean `{close}`?"),
                Some(close) => format!("did you mean `{close}`? {list}"),
                None => list,
            }
        };
        self.error(&key.span, format!("unknown key `{shown}`"), help);
    }

    /// Something else stands where `what` is wanted.
    pub(super) fn expected(&mut self, node: &Node, key: &Key, what: &str) {
        if node.is_broken() {
            return;
        }
        let help = if what.contains(" like `") {
            format!("write {what}")
        } else {
            format!("write `{}: …` with {what}", shortened(&key.name))
        };
        match &node.kind {
            Kind::Null => {
                let span = if key.span.is_empty() { &node.span } else { &key.span };
                self.error(&span.clone(), format!("`{}` has no value", shortened(&key.name)), help);
            }
            _ => self.error(&node.span, format!("expected {what}, found {}", node.described()), help),
        }
    }

    /// A scalar as it stands in the file.
    pub(super) fn text<'n>(&mut self, node: &'n Node, key: &Key, what: &str) -> Option<&'n str>
    where
        'a: 'n,
    {
        let text = node.scalar_text(self.text);
        if text.is_none() {
            self.expected(node, key, what);
        }
        text
    }

    pub(super) fn unit(&mut self, node: &Node, error: UnitError) {
        self.error(&node.span, error.problem, error.help);
    }

    pub(super) fn duration(&mut self, node: &Node, key: &Key) -> Option<Duration> {
        let text = self.text(node, key, "a duration like `10s`")?;
        match parse_duration(text) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.unit(node, error);
                None
            }
        }
    }

    /// A duration that is more than nothing.
    pub(super) fn some_time(&mut self, node: &Node, key: &Key) -> Option<Duration> {
        let duration = self.duration(node, key)?;
        if duration.is_zero() {
            self.error(
                &node.span,
                format!("`{}` must be more than nothing", key.name),
                "write a duration like `10s`",
            );
            return None;
        }
        Some(duration)
    }

    pub(super) fn share(&mut self, node: &Node, key: &Key) -> Option<Percent> {
        let text = self.text(node, key, "a share like `20%`")?;
        parse_percent(text).map_err(|error| self.unit(node, error)).ok()
    }

    pub(super) fn rate(&mut self, node: &Node, key: &Key) -> Option<Rate> {
        let text = self.text(node, key, "a rate like `50/s`")?;
        parse_rate(text).map_err(|error| self.unit(node, error)).ok()
    }

    /// A whole number within bounds.
    pub(super) fn whole(
        &mut self,
        node: &Node,
        key: &Key,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let (low, high) = (*bounds.start(), *bounds.end());
        let Kind::Int(number) = &node.kind else {
            if let Kind::Text { value, .. } = &node.kind
                && looks_like_rate(value)
            {
                let problem = format!("expected a whole number, found the rate `{}`", shortened(value));
                self.error(
                    &node.span,
                    problem,
                    "rates are those of the open model: `rate`, or `stages` with rates",
                );
                return None;
            }
            self.expected(node, key, "a whole number");
            return None;
        };
        if let Some(number) = u64::try_from(*number).ok().filter(|number| bounds.contains(number)) {
            return Some(number);
        }
        let help = if *number > 0 && high < u64::MAX {
            format!("write a number from {low} to {high}")
        } else {
            format!("write a number of at least {low}")
        };
        self.error(&node.span, format!("`{}` cannot be {number}", key.name), help);
        None
    }

    pub(super) fn flag(&mut self, node: &Node, key: &Key) -> Option<bool> {
        if let Kind::Bool(flag) = node.kind {
            return Some(flag);
        }
        self.expected(node, key, "`true` or `false`");
        None
    }

    /// One of a few words, and what it stands for.
    pub(super) fn word<T: Copy>(&mut self, entry: &Entry, words: &[(&'static str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let list = listed(&names);
        let text = self.text(&entry.value, &entry.key, &format!("one of {list}"))?;
        if let Some((_, meant)) = words.iter().find(|(name, _)| *name == text) {
            return Some(*meant);
        }
        let help = match closest(text, names) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("write one of {list}"),
        };
        self.error(&entry.value.span, format!("`{}` cannot be `{}`", entry.key.name, shortened(text)), help);
        None
    }

    /// A map whose keys the author chose; more than nothing.
    pub(super) fn names<'n>(&mut self, entry: &'n Entry, what: &str) -> &'n [Entry] {
        match &entry.value.kind {
            Kind::Map(entries) if !entries.is_empty() => entries,
            Kind::Map(_) => {
                self.error(
                    &entry.key.span,
                    format!("`{}` is empty", entry.key.name),
                    format!("write {what}, or leave it out"),
                );
                &[]
            }
            _ => {
                self.expected(&entry.value, &entry.key, what);
                &[]
            }
        }
    }

    /// A name that thresholds can speak of.
    pub(super) fn good_name(&mut self, name: &str, span: &Range<usize>, what: &str) -> Option<String> {
        let trimmed = name.trim();
        let bad = trimmed.chars().find(|c| "{}=,#:".contains(*c) || c.is_control());
        if trimmed.is_empty() {
            self.error(
                span,
                format!("the name of {what} is empty"),
                "write a short name, like `reserve seat`",
            );
        } else if let Some(bad) = bad {
            self.error(
                span,
                format!("the name of {what} contains `{}`", bad.escape_default()),
                "leave `{`, `}`, `=`, `,`, `#` and `:` out: thresholds filter by this name",
            );
        } else if trimmed.chars().count() > 120 {
            self.error(span, format!("the name of {what} is too long"), "a name may have 120 characters");
        } else {
            return Some(trimmed.to_owned());
        }
        None
    }
}

/// Whether an unknown key is a slip for this one, so that it needs no finding for being missing.
fn near(typed: &str, wanted: &str) -> bool {
    closest(typed, [wanted]).is_some()
}

/// "`a`, `b`, `c`"
pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
