//! `data`: rows that users take, opened and looked through, so that what is wrong with a file is known now.

use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use super::keys::FEEDER;
use super::reading::{Fields, listed};
use super::{Block, Check};
use crate::data::{DataError, DataProblem, Rows};
use crate::scenario::finding::{Finding, shortened};
use crate::scenario::model::{AfterLast, Feed, Feeder, FeederId, Feeds, Pick};
use crate::scenario::yaml::{Entry, Key, Kind, Node};
use crate::spelling::closest;
use crate::template::{RowFields, RowNames, Value, object};

/// A feeder and where it is named.
#[derive(Debug)]
pub(super) struct CheckedFeeder {
    pub(super) key: Rc<Key>,
    /// The scenario that has it for itself.
    scenario: Option<u16>,
    is_used: bool,
    /// None where it has findings.
    feeder: Option<Feeder>,
}

/// Where rows can come from.
const SOURCES: [&str; 4] = ["csv", "json", "lines", "rows"];

impl Check<'_> {
    /// The feeders of a test, or of one of its scenarios.
    pub(super) fn data(&mut self, fields: Fields<'_>, scenario: Option<u16>) {
        let Some(entry) = fields.get("data") else { return };
        for entry in self.names(entry, "a map of names and feeders, like `users: { csv: users.csv }`") {
            if u16::try_from(self.feeders.len()).is_err() {
                self.error(&entry.key.span, "a file may have 65536 feeders", "use fewer");
                return;
            }
            let feeder = self.feeder(entry);
            let key = Rc::clone(&entry.key);
            if let Some(at) = self.feeder_named(&key.name) {
                let problem = format!("`{}` is a feeder of the whole test already", key.name);
                let finding = Finding::error(key.span.clone(), problem).help("give it another name");
                self.findings.add(finding.also(at, "here"));
                continue;
            }
            self.feeders.push(CheckedFeeder { key, scenario, is_used: false, feeder });
        }
    }

    /// Those that the scenario at hand can see.
    pub(super) fn feeders_here(&self) -> impl Iterator<Item = &CheckedFeeder> {
        self.feeders.iter().filter(|feeder| feeder.scenario.is_none_or(|number| number == self.number))
    }

    /// Where the feeder of this name stands, if it is one.
    pub(super) fn feeder_named(&self, name: &str) -> Option<Range<usize>> {
        self.feeders_here().find(|feeder| feeder.key.name == name).map(|feeder| feeder.key.span.clone())
    }

    /// What expressions of the scenario at hand may ask of rows.
    pub(super) fn rows_here(&self) -> Vec<RowNames> {
        let named = self.feeders_here().filter_map(|checked| {
            let fields = checked.feeder.as_ref()?.rows.fields().clone();
            Some(RowNames { name: checked.key.name.clone(), fields })
        });
        named.collect()
    }

    /// The feeders, where none has a finding. Those that nobody takes rows of get a warning.
    pub(super) fn take_feeders(&mut self) -> Option<Vec<Feeder>> {
        // What has errors may be meant to be used where they are.
        let is_sound = !self.findings.has_errors();
        let idle = self.feeders.iter().filter(|feeder| is_sound && !feeder.is_used);
        for key in idle.map(|feeder| Rc::clone(&feeder.key)).collect::<Vec<_>>() {
            let problem = format!("nothing uses `{}`", key.name);
            let help = format!("take it out, or use it, like `${{ {} }}`", key.name);
            self.warning(&key.span, problem, help);
        }
        std::mem::take(&mut self.feeders).into_iter().map(|checked| checked.feeder).collect()
    }

    /// Which rows the users of a scenario take, after all its expressions were read.
    pub(super) fn feeds(&mut self) -> Feeds {
        let mut feeds = Feeds::default();
        let mut anew = Vec::new();
        for (place, checked) in self.feeders.iter_mut().enumerate() {
            if checked.scenario.is_some_and(|number| number != self.number) {
                continue;
            }
            let Some(slot) = self.names.slot(&checked.key.name) else { continue };
            let feed = Feed { feeder: FeederId(place as u16), slot };
            let [at_start, in_flow] =
                [Block::OnStart, Block::Flow].map(|block| self.names.is_mentioned_in(slot, block));
            checked.is_used |= at_start || in_flow;
            if checked.feeder.as_ref().is_some_and(|feeder| matches!(feeder.pick, Pick::PerUser(_))) {
                feeds.user.extend((at_start || in_flow).then_some(feed));
                continue;
            }
            feeds.on_start.extend(at_start.then_some(feed));
            feeds.iteration.extend(in_flow.then_some(feed));
            if at_start && in_flow {
                anew.push(Rc::clone(&checked.key));
            }
        }
        let is_sound = !self.findings.has_errors();
        for key in anew.into_iter().filter(|_| is_sound) {
            self.warning(
                &key.span,
                format!("`on_start` has another row of `{}` than the iterations after it", key.name),
                "write `pick: per-user` where a user is to keep its row",
            );
        }
        feeds
    }

    fn feeder(&mut self, entry: &Entry) -> Option<Feeder> {
        let fields = self.fields(&entry.value, &entry.key, &FEEDER)?;
        let given: Vec<&Entry> = SOURCES.iter().filter_map(|key| fields.get(key)).collect();
        let pick = self.pick(fields);
        let delimiter = fields.get("delimiter").map(|entry| self.delimiter(entry));
        let source = match given.as_slice() {
            [source] => *source,
            [] => {
                if !fields.has_unknown {
                    let problem = format!("`{}` does not say where its rows are", entry.key.name);
                    self.error(&entry.key.span, problem, format!("give it one of {}", listed(&SOURCES)));
                }
                return None;
            }
            [first, second, ..] => {
                let (one, two) = (&first.key.name, &second.key.name);
                let problem = format!("`{one}` and `{two}` exclude each other");
                self.error(&second.key.span, problem, "keep one of the two");
                return None;
            }
        };
        if let (Some(entry), true) = (fields.get("delimiter"), source.key.name != "csv") {
            let problem = format!("`delimiter` does not go with `{}`", source.key.name);
            self.error(&entry.key.span, problem, "it goes with `csv`");
        }
        let delimiter = delimiter.unwrap_or(Some(b','))?;
        let (from, rows) = if source.key.name == "rows" {
            ("the scenario".to_owned(), self.given_rows(source)?)
        } else {
            self.file_rows(source, delimiter)?
        };
        let secret = self.secret_fields(fields, &entry.key.name, rows.fields())?;
        Some(Feeder { name: entry.key.name.clone(), from, rows, pick: pick?, secret })
    }

    fn pick(&mut self, fields: Fields<'_>) -> Option<Pick> {
        let when_done = fields.get("when_done");
        let after = match when_done {
            Some(entry) => {
                Some(self.word(entry, &[("recycle", AfterLast::Recycle), ("stop", AfterLast::Stop)])?)
            }
            None => None,
        };
        let pick = match fields.get("pick") {
            Some(entry) => self.text(&entry.value, &entry.key, "a word like `unique`")?,
            None => "sequential",
        };
        let excluded = |this: &mut Self, problem: &str, help: &str| {
            if let Some(entry) = when_done {
                this.error(&entry.key.span, problem, help);
            }
        };
        match (pick, after) {
            ("unique", Some(AfterLast::Recycle)) => {
                excluded(
                    self,
                    "a row of `pick: unique` is used once, and never again",
                    "write `pick: sequential` to begin anew after the last row",
                );
                None
            }
            ("random", Some(_)) => {
                excluded(self, "`pick: random` never comes to a last row", "leave `when_done` out");
                None
            }
            ("unique", _) => Some(Pick::Next(AfterLast::Stop)),
            ("sequential", after) => Some(Pick::Next(after.unwrap_or(AfterLast::Recycle))),
            ("random", None) => Some(Pick::Random),
            ("per-user", after) => Some(Pick::PerUser(after.unwrap_or(AfterLast::Recycle))),
            _ => {
                let words = ["sequential", "unique", "random", "per-user"].map(|word| (word, ()));
                fields.get("pick").and_then(|entry| self.word(entry, &words));
                None
            }
        }
    }

    fn delimiter(&mut self, entry: &Entry) -> Option<u8> {
        let text = self.text(&entry.value, &entry.key, "a character like `\";\"`")?;
        match text.as_bytes() {
            b"tab" => Some(b'\t'),
            [one] if one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n') => Some(*one),
            _ => {
                let problem = format!("`{}` is no delimiter", shortened(text));
                self.error(
                    &entry.value.span,
                    problem,
                    "write one character in quotes, like `\";\"`, or `tab`",
                );
                None
            }
        }
    }

    /// The rows of a file, and what it is called.
    fn file_rows(&mut self, source: &Entry, delimiter: u8) -> Option<(String, Rows)> {
        let text = self.text(&source.value, &source.key, "a path like `users.csv`")?;
        let example = "write a path, like `users.csv` or `${ env(\"USERS\", \"users.csv\") }`";
        let path = self.rendered_now(&source.value, text, example)?;
        if path.trim().is_empty() {
            self.error(&source.value.span, "the path is empty", example);
            return None;
        }
        let path = self.source.beside(source.value.span.start, &path);
        let opened = match source.key.name.as_str() {
            "csv" => Rows::csv(&path, delimiter),
            "json" => Rows::json(&path),
            _ => Rows::lines(&path),
        };
        match opened {
            Ok(rows) => Some((path.display().to_string(), rows)),
            Err(error) => {
                self.data_error(source, &error, delimiter);
                None
            }
        }
    }

    fn data_error(&mut self, source: &Entry, error: &DataError, delimiter: u8) {
        let mut help = error.problem.help();
        if let DataProblem::Missing { near: Some(near) } = &error.problem {
            let near = near.file_name().map_or(near.as_path(), Path::new);
            help = format!("did you mean `{}`?", near.display());
        }
        if let DataProblem::Ragged { columns: 1, .. } = error.problem {
            let other = if delimiter == b';' { "," } else { ";" };
            help =
                format!("is it separated by something else? Then say by what, like `delimiter: \"{other}\"`");
        }
        self.error(&source.value.span, error.to_string(), help);
    }

    fn given_rows(&mut self, source: &Entry) -> Option<Rows> {
        let Kind::List(items) = &source.value.kind else {
            self.expected(&source.value, &source.key, "a list of rows like `[{ name: ann }, { name: bob }]`");
            return None;
        };
        let rows: Vec<Option<Value>> = items.iter().map(|item| self.constant(item)).collect();
        match Rows::given(rows.into_iter().collect::<Option<_>>()?) {
            Ok(rows) => Some(rows),
            Err(problem) => {
                let span = match problem {
                    DataProblem::Mixed { place } => items.get(place - 1).map(|item| item.span.clone()),
                    _ => None,
                };
                self.error(&span.unwrap_or(source.key.span.clone()), problem.to_string(), problem.help());
                None
            }
        }
    }

    /// A value without expressions.
    fn constant(&mut self, node: &Node) -> Option<Value> {
        Some(match &node.kind {
            Kind::Broken => return None,
            Kind::Null => Value::UNDEFINED,
            Kind::Bool(truth) => Value::from(*truth),
            Kind::Int(number) => match i64::try_from(*number) {
                Ok(number) => Value::from(number),
                Err(_) => Value::from(u64::try_from(*number).unwrap_or(u64::MAX)),
            },
            Kind::Float(number) => Value::from(*number),
            Kind::Text { value, .. } if value.contains("${") => {
                let help = "write the value out; what has to be worked out belongs into `vars` or `set`";
                self.error(&node.span, "rows are taken as they stand, without `${ … }`", help);
                return None;
            }
            Kind::Text { value, .. } => Value::from(value.as_str()),
            Kind::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.constant(item)).collect();
                Value::from(items.into_iter().collect::<Option<Vec<_>>>()?)
            }
            Kind::Map(entries) => {
                let fields: Vec<_> = entries
                    .iter()
                    .map(|entry| Some((entry.key.name.clone(), self.constant(&entry.value)?)))
                    .collect();
                object(fields.into_iter().collect::<Option<Vec<_>>>()?)
            }
        })
    }

    /// The fields that no report shows: those that are named, or else those whose names say so.
    fn secret_fields(&mut self, fields: Fields<'_>, name: &str, of: &RowFields) -> Option<Vec<String>> {
        const SAY_SO: [&str; 6] = ["password", "passwd", "secret", "token", "api_key", "apikey"];
        let says_so = |name: &str| {
            let name = name.to_lowercase();
            SAY_SO.iter().any(|word| name.contains(word))
        };
        let Some(entry) = fields.get("secret") else {
            return Some(match of {
                RowFields::Whole => {
                    if says_so(name) {
                        vec![String::new()]
                    } else {
                        Vec::new()
                    }
                }
                RowFields::Named(names) => {
                    names.iter().filter(|name| says_so(name)).map(ToString::to_string).collect()
                }
            });
        };
        let Kind::List(items) = &entry.value.kind else {
            self.expected(&entry.value, &entry.key, "a list of columns like `[password]`");
            return None;
        };
        let RowFields::Named(names) = of else {
            let help = format!("rename `{name}` so that it says so, like `{name}_token`");
            self.error(&entry.key.span, "rows of one value have no columns to name", help);
            return None;
        };
        let mut secret = Some(Vec::with_capacity(items.len()));
        for item in items {
            let column = self.text(item, &entry.key, "a name of a column")?;
            if !names.iter().any(|known| **known == *column) {
                let known: Vec<&str> = names.iter().map(|name| &**name).collect();
                let help = match closest(column, known.iter().copied()) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => format!("it has {}", listed(&known)),
                };
                self.error(&item.span, format!("the rows of `{name}` have no `{}`", shortened(column)), help);
                secret = None;
            }
            secret.iter_mut().for_each(|secret| secret.push(column.to_owned()));
        }
        secret
    }
}
