//! A tree → a [`Test`]: every key read, every name resolved, every template compiled, and all findings kept.

mod auth;
mod catalog;
mod control;
mod data;
mod expect;
mod files;
mod flow;
mod http;
pub(super) mod keys;
mod load;
mod monitor;
mod names;
mod poll;
mod reading;
mod request;
mod scenarios;
mod steps;
mod target;
mod thresholds;
mod values;

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use self::catalog::Book;
use self::data::CheckedFeeder;
use self::flow::{Circumstance, Course};
use self::http::Defaults;
use self::names::Names;
use self::reading::{Fields, Findings};
use super::LoadOptions;
use super::finding::{Finding, Source};
use super::model::{Scenario, Start, StatusSet, Step, StepId, Test};
use super::monitor::Watch;
use super::yaml::{Entry, Key, Kind, Node};
use crate::template::{Env, RowNames, Slot, ValueTemplate};
pub(crate) use target::parse_target;
pub(crate) use thresholds::imply_failures;

/// Checks a tree. A test where nothing is an error; the findings in the order of the file.
pub(super) fn check(source: &Source, root: &Node, options: &LoadOptions) -> (Option<Test>, Vec<Finding>) {
    let mut check = Check {
        source,
        text: source.text(),
        env: &options.env,
        findings: Findings::default(),
        feeders: Vec::new(),
        row_names: Vec::new(),
        names: Names::default(),
        book: Book::default(),
        course: Course::default(),
        defaults: Defaults::default(),
        status: None,
        business: Vec::new(),
        files: HashMap::new(),
        own_thresholds: Vec::new(),
        monitor: Vec::new(),
        number: 0,
        shared_vars: Vec::new(),
        block: Block::Vars,
        answer: false,
        block_reads_body: false,
        gathered: Gathered::default(),
        circumstances: Vec::new(),
        groups: Vec::new(),
        optional: false,
        requests: 0,
        logs: 0,
        polls: Vec::new(),
    };
    let test = check.test(root, options);
    let test = test.filter(|_| !check.findings.has_errors());
    (test, check.findings.sorted())
}

/// Where in a test an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Vars,
    Setup,
    OnStart,
    Flow,
    Verify,
    Teardown,
}

impl Block {
    const fn name(self) -> &'static str {
        match self {
            Block::Vars => "vars",
            Block::Setup => "setup",
            Block::OnStart => "on_start",
            Block::Flow => "flow",
            Block::Verify => "verify",
            Block::Teardown => "teardown",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The blocks whose names it can see.
    const fn sees(self) -> u8 {
        let (vars, setup) = (Block::Vars.bit(), Block::Setup.bit());
        match self {
            Block::Vars => vars,
            Block::Setup => vars | setup,
            Block::OnStart => vars | setup | Block::OnStart.bit(),
            Block::Flow => vars | setup | Block::OnStart.bit() | Block::Flow.bit(),
            Block::Verify => vars | setup | Block::Verify.bit(),
            Block::Teardown => vars | setup | Block::Verify.bit() | Block::Teardown.bit(),
        }
    }

    /// Whether its requests are part of the load.
    const fn is_measured(self) -> bool {
        matches!(self, Block::OnStart | Block::Flow)
    }
}

/// What the expressions compiled since the last look use.
#[derive(Debug, Default)]
struct Gathered {
    needs: Vec<Slot>,
    /// The needs with their places, for warnings.
    places: Vec<(Slot, Range<usize>)>,
    reads_body: bool,
}

struct Check<'a> {
    source: &'a Source,
    text: &'a str,
    env: &'a Env,
    findings: Findings,
    feeders: Vec<CheckedFeeder>,
    /// What expressions may ask of their rows.
    row_names: Vec<RowNames>,
    names: Names,
    book: Book,
    course: Course,

    // Defaults of every request.
    defaults: Defaults,
    status: Option<StatusSet>,
    business: Vec<Entry>,

    /// Files that were read, for requests to share.
    files: HashMap<PathBuf, Bytes>,

    /// Thresholds that stand at a step.
    own_thresholds: Vec<(StepId, String, Vec<Entry>)>,
    /// The number of the scenario it is in.
    number: u16,
    /// The `vars` of a test with several scenarios.
    shared_vars: Vec<Entry>,

    /// What is watched, for thresholds to speak of.
    monitor: Vec<Watch>,

    // Where it is just now.
    block: Block,
    /// Whether an expression here comes after an answer.
    answer: bool,
    /// Whether an expression of this block, outside of a request's own, reads the body of an answer.
    block_reads_body: bool,
    gathered: Gathered,
    circumstances: Vec<Circumstance>,
    groups: Vec<super::model::GroupId>,
    /// Whether what is measured here is left out of unfiltered metrics.
    optional: bool,
    /// How many requests there are so far; a request's number is its [`RequestId`](super::model::RequestId).
    requests: usize,
    /// The same for `log`.
    logs: usize,
    /// The names of polls, and where each stands.
    polls: Vec<(String, Range<usize>)>,
}

impl Check<'_> {
    fn test(&mut self, root: &Node, options: &LoadOptions) -> Option<Test> {
        if let Kind::Null = root.kind {
            self.findings
                .add(Finding::error(0..0, "the file is empty").help(
                    "a test needs a `target`, a `load` and a `flow`; `loadtest schema` lists all keys",
                ));
            return None;
        }
        let top = Key { name: "the file".into(), span: 0..0 };
        if !matches!(root.kind, Kind::Map(_)) {
            let message = format!("a test is a map of keys, this file is {}", root.described());
            let help = match root.kind {
                Kind::List(_) => "a list of steps is for others to `include`: check a test that does",
                _ => "begin with `name: …`, `target: …`, `load:` and `flow:`",
            };
            self.error(&root.span, message, help);
            return None;
        }
        let is_suite = root.get("scenarios").is_some();
        let place = if is_suite { &keys::SUITE } else { &keys::TEST };
        let fields = self.fields(root, &top, place)?;
        let stem = self.source.path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = match fields.get("name") {
            Some(entry) => self.name_of(entry, "a test"),
            None => stem,
        };
        let description = fields.get("description").and_then(|entry| {
            self.text(&entry.value, &entry.key, "a text").map(|text| text.trim().to_owned())
        });
        let target = self.target(fields, options);
        self.http(fields);
        let http = self.defaults.http.clone();
        self.outcomes(fields);
        let name = name.unwrap_or_else(|| "test".into());
        self.monitor = self.watches(fields, target.as_ref());
        let mut thresholds = Vec::new();
        let scenarios = if is_suite {
            self.data(fields, None);
            self.scenarios(fields, &mut thresholds)
        } else {
            self.scenario(fields, &name).map(|scenario| vec![scenario])
        };
        let names = if is_suite { scenarios::names(fields) } else { vec![name.clone()] };
        self.thresholds(fields, &names, None, &mut thresholds);
        thresholds::imply_failures(&mut thresholds);
        Some(Test {
            file: self.source.path().to_owned(),
            env: self.env.clone(),
            description,
            target: target?,
            http,
            scenarios: scenarios?,
            data: self.take_feeders()?,
            name,
            thresholds,
            monitor: std::mem::take(&mut self.monitor),
            catalog: std::mem::take(&mut self.book.catalog),
        })
    }

    fn name_of(&mut self, entry: &Entry, what: &str) -> Option<String> {
        let text = self.text(&entry.value, &entry.key, "a name")?;
        self.good_name(text, &entry.value.span, what)
    }

    /// A scenario: its load, and its blocks in the order in which they need each other's names.
    fn scenario(&mut self, fields: Fields<'_>, name: &str) -> Option<Scenario> {
        let load = fields.get("load").and_then(|entry| self.load(entry));
        self.data(fields, Some(self.number));
        self.row_names = self.rows_here();
        self.names = Names::default();
        self.collect_names(fields);
        let vars = self.vars(fields);
        let setup = self.block(fields, Block::Setup);
        let on_start = self.block(fields, Block::OnStart);
        let flow = self.block(fields, Block::Flow);
        // `results` in `verify` speaks of the rows of `flow`.
        let verify = self.block(fields, Block::Verify);
        let teardown = self.block(fields, Block::Teardown);
        self.polls_have_names_of_their_own();
        // Only of files that are sound otherwise: a gap may be the shadow of another slip.
        if self.findings.has_errors() {
            self.course = Course::default();
        } else {
            self.warn_of_gaps();
        }
        Some(Scenario {
            name: name.to_owned(),
            start: Start::At(Duration::ZERO),
            is_measured: true,
            load: load?,
            vars,
            setup,
            on_start,
            flow,
            verify,
            teardown,
            http: None,
            feeds: self.feeds(),
            flow_slots: self.names.defined_in(Block::Flow),
            slots: self.names.slots.names().to_vec(),
        })
    }

    fn vars(&mut self, fields: Fields<'_>) -> Vec<(Slot, ValueTemplate)> {
        self.block = Block::Vars;
        let mut vars = Vec::new();
        let shared = self.shared_vars.clone();
        let own = fields.get("vars").map(|entry| self.names(entry, "a map of names and values"));
        for entry in shared.iter().chain(own.unwrap_or_default()) {
            let value = self.value(&entry.value);
            // A variable may use those above it; the others have no value yet.
            for (slot, at) in std::mem::take(&mut self.gathered).places {
                let known = vars.iter().any(|(known, _)| *known == slot);
                if !known {
                    let name = self.names.slots.names().get(slot.index()).cloned().unwrap_or_default();
                    self.error(
                        &at,
                        format!("`{name}` has no value yet"),
                        "a variable may use those above it",
                    );
                }
            }
            if let (Some(slot), Some(value)) = (self.names.slot(&entry.key.name), value) {
                vars.push((slot, value));
            }
        }
        vars
    }

    fn block(&mut self, fields: Fields<'_>, block: Block) -> Vec<Step> {
        let Some(entry) = fields.get(block.name()) else { return Vec::new() };
        self.block = block;
        self.answer = false;
        self.block_reads_body = false;
        let mut steps = self.steps(entry);
        if self.block_reads_body {
            request::keep_bodies(&mut steps);
        }
        steps
    }
}
