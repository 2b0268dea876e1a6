//! `scenarios`: several loads in a file, and when each begins.

use std::collections::HashMap;
use std::time::Duration;

use super::Check;
use super::keys::{SCENARIO, START};
use super::reading::Fields;
use crate::scenario::model::{Scenario, Start};
use crate::scenario::threshold::Threshold;
use crate::scenario::yaml::Entry;
use crate::spelling::closest;

/// Well above what a person writes, and what a report can show.
const MOST: usize = 100;

/// The names of the scenarios as they stand in the file.
pub(super) fn names(fields: Fields<'_>) -> Vec<String> {
    let entries = fields.get("scenarios").map_or(&[][..], |entry| entry.value.entries());
    entries.iter().map(|entry| entry.key.name.trim().to_owned()).collect()
}

impl Check<'_> {
    /// All scenarios of a file; their own thresholds go to `thresholds`.
    pub(super) fn scenarios(
        &mut self,
        fields: Fields<'_>,
        thresholds: &mut Vec<Threshold>,
    ) -> Option<Vec<Scenario>> {
        let entry = fields.get("scenarios")?;
        let gap = fields.get("gap").map(|entry| self.duration(&entry.value, &entry.key));
        let shared = fields.get("vars").map(|entry| self.names(entry, "a map of names and values").to_vec());
        self.shared_vars = shared.unwrap_or_default();
        let entries = self.names(entry, "a map of names and scenarios").to_vec();
        if entries.is_empty() {
            return None;
        }
        if entries.len() > MOST {
            self.error(
                &entry.key.span,
                format!("a file may have {MOST} scenarios, and this one has {}", entries.len()),
                "split it into several files",
            );
            return None;
        }
        let names = names(fields);
        let numbers: HashMap<&str, u16> =
            (0..).zip(&names).map(|(number, name)| (name.as_str(), number)).collect();
        let mut scenarios: Vec<Option<Scenario>> = Vec::new();
        for (number, entry) in (0..).zip(&entries) {
            let follows = gap
                .filter(|_| number > 0)
                .map(|gap| Start::After { scenario: number - 1, delay: gap.unwrap_or_default() });
            let scenario = self.one_of_several(entry, number, &names, &numbers, follows, thresholds);
            scenarios.push(scenario);
        }
        self.no_circles(&entries, &scenarios);
        if gap == Some(None) {
            return None;
        }
        scenarios.into_iter().collect()
    }

    fn one_of_several(
        &mut self,
        entry: &Entry,
        number: u16,
        names: &[String],
        numbers: &HashMap<&str, u16>,
        follows: Option<Start>,
        thresholds: &mut Vec<Threshold>,
    ) -> Option<Scenario> {
        let name = self.good_name(&entry.key.name, &entry.key.span, "a scenario");
        let fields = self.fields(&entry.value, &entry.key, &SCENARIO)?;
        self.number = number;
        self.book.scenario = number;
        // A scenario's own defaults end with it.
        let defaults = self.defaults.clone();
        let (status, business) = (self.status.clone(), self.business.clone());
        self.http(fields);
        let http = fields.get("http").map(|_| self.defaults.http.clone());
        self.outcomes(fields);
        let start = fields.get("start").map(|entry| self.start(entry, number, numbers));
        let measure = fields.get("measure").map(|entry| self.flag(&entry.value, &entry.key));
        // All steps of a scenario that is not measured are optional.
        self.optional = measure == Some(Some(false));
        if self.optional {
            self.book.catalog.unmeasured.push(number);
        }
        let scenario = self.scenario(fields, names.get(usize::from(number)).map_or("", String::as_str));
        self.optional = false;
        self.thresholds(fields, names, Some(number), thresholds);
        (self.defaults, self.status, self.business) = (defaults, status, business);
        name?;
        let start = match start {
            Some(start) => start?,
            None => follows.unwrap_or(Start::At(Duration::ZERO)),
        };
        Some(Scenario { start, is_measured: measure.unwrap_or(Some(true))?, http, ..scenario? })
    }

    fn start(&mut self, entry: &Entry, number: u16, numbers: &HashMap<&str, u16>) -> Option<Start> {
        let fields = self.fields(&entry.value, &entry.key, &START)?;
        let at = fields.get("at").map(|entry| self.duration(&entry.value, &entry.key));
        let delay = fields.get("delay").map(|entry| self.duration(&entry.value, &entry.key));
        match (fields.get("at"), fields.get("after")) {
            (Some(_), Some(after)) => {
                self.error(
                    &after.key.span,
                    "`at` and `after` exclude each other",
                    "keep `at` for a time, or `after` with a `delay` for a scenario that comes before",
                );
                None
            }
            (Some(_), None) => {
                if let Some(delay) = fields.get("delay") {
                    self.error(&delay.key.span, "`delay` says nothing without `after`", "write it as `at`");
                }
                at?.map(Start::At)
            }
            (None, Some(after)) => {
                let name = self.text(&after.value, &after.key, "the name of a scenario")?.trim();
                let Some(&scenario) = numbers.get(name) else {
                    let help = match closest(name, numbers.keys().copied()) {
                        Some(close) => format!("did you mean `{close}`?"),
                        None => "write the name of another scenario of this file".into(),
                    };
                    self.error(&after.value.span, format!("no scenario is named `{name}`"), help);
                    return None;
                };
                if scenario == number {
                    self.error(
                        &after.value.span,
                        "a scenario cannot come after itself",
                        "name another one of this file, or take `start` out",
                    );
                    return None;
                }
                Some(Start::After { scenario, delay: delay.unwrap_or(Some(Duration::ZERO))? })
            }
            (None, None) => {
                if !fields.has_unknown {
                    self.error(
                        &entry.key.span,
                        "this start does not say when",
                        "write `at: 30s`, or `after:` with the name of a scenario",
                    );
                }
                None
            }
        }
    }

    /// Scenarios that wait for each other never begin.
    fn no_circles(&mut self, entries: &[Entry], scenarios: &[Option<Scenario>]) {
        let before = |number: usize| match scenarios.get(number)?.as_ref()?.start {
            Start::After { scenario, .. } => Some(usize::from(scenario)),
            Start::At(_) => None,
        };
        let mut told = vec![false; scenarios.len()];
        for number in 0..scenarios.len() {
            let mut way = vec![number];
            while let Some(next) = way.last().and_then(|&last| before(last)) {
                if let Some(place) = way.iter().position(|&known| known == next) {
                    let circle = &way[place..];
                    if circle.iter().any(|&number| std::mem::replace(&mut told[number], true)) {
                        break;
                    }
                    let names: Vec<String> =
                        circle.iter().map(|&number| format!("`{}`", entries[number].key.name)).collect();
                    self.error(
                        &entries[circle[0]].key.span,
                        format!("{} wait for each other, and never begin", names.join(" and ")),
                        "let one of them begin at a time: `start: { at: 0s }`",
                    );
                    break;
                }
                way.push(next);
            }
        }
    }
}
