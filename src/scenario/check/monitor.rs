//! `monitor`: what is watched while the load runs.

use std::ops::Range;

use super::Check;
use super::keys::{MONITOR, PROCESS, PROMETHEUS, SERIES};
use super::reading::Fields;
use crate::http::Origin;
use crate::scenario::finding::shortened;
use crate::scenario::model::{Target, TargetKind};
use crate::scenario::monitor::{ChosenSeries, Endpoint, ProcessId, Selector, TakenAs, Watch, WatchKind};
use crate::scenario::yaml::{Entry, Key, Kind, Node};

/// More sources, or series of one, than anybody looks at.
const MOST: usize = 100;
/// How the bundled service is called among the sources.
const BUNDLED: &str = "bundled";
/// And the container of an image.
const STARTED: &str = "container";

/// Sources as they are found, and where each stands.
#[derive(Default)]
struct Sources {
    watches: Vec<Watch>,
    /// Names of series; unique in a test, so that a threshold needs no more to speak of one.
    series: Vec<String>,
}

/// A key for the items of its list: what they lack is said where they stand.
fn at_item(key: &Key) -> Key {
    Key { name: key.name.clone(), span: 0..0 }
}

impl Check<'_> {
    /// What the program starts itself is watched without being asked for.
    pub(super) fn watches(&mut self, fields: Fields<'_>, target: Option<&Target>) -> Vec<Watch> {
        let mut sources = Sources::default();
        let own = match target.map(|target| &target.kind) {
            Some(TargetKind::Bundled) => Some((BUNDLED, WatchKind::Bundled)),
            Some(TargetKind::Image(_)) => Some((STARTED, WatchKind::Started)),
            Some(TargetKind::Url(_)) | None => None,
        };
        sources.watches.extend(own.map(|(name, kind)| Watch { name: name.into(), kind }));
        let Some(entry) = fields.get("monitor") else { return sources.watches };
        let Some(fields) = self.fields(&entry.value, &entry.key, &MONITOR) else { return sources.watches };
        if fields.node.entries().is_empty() {
            let help = "write `container: NAME`, `process: { port: 8080 }` or `prometheus:`, or leave it out";
            self.error(&entry.key.span, "`monitor` watches nothing", help);
        }
        if let Some(entry) = fields.get("container") {
            for node in self.one_or_more(entry) {
                self.container(node, &entry.key, &mut sources);
            }
        }
        if let Some(entry) = fields.get("process") {
            for node in self.one_or_more(entry) {
                self.process(node, &entry.key, &mut sources);
            }
        }
        if let Some(entry) = fields.get("prometheus") {
            for node in self.one_or_more(entry) {
                self.prometheus(node, &entry.key, &mut sources);
            }
        }
        sources.watches
    }

    /// The items of a list, or what stands there alone.
    fn one_or_more<'n>(&mut self, entry: &'n Entry) -> Vec<&'n Node> {
        match &entry.value.kind {
            Kind::List(items) if items.is_empty() => {
                let problem = format!("`{}` is empty", entry.key.name);
                self.error(&entry.key.span, problem, "write what to watch, or leave it out");
                Vec::new()
            }
            Kind::List(items) => items.iter().map(|item| &**item).take(MOST).collect(),
            _ => vec![&entry.value],
        }
    }

    /// A source whose name is taken already is a finding.
    fn add(&mut self, name: String, at: &Range<usize>, kind: WatchKind, sources: &mut Sources) {
        if sources.watches.iter().any(|known| known.name == name) {
            let help = match kind {
                WatchKind::Container(_) => "take it out here or there",
                _ => "names tell sources apart: give one of them another `name`, or take it out",
            };
            self.error(at, format!("`{}` is watched already", shortened(&name)), help);
            return;
        }
        sources.watches.push(Watch { name, kind });
    }

    fn container(&mut self, node: &Node, key: &Key, sources: &mut Sources) {
        let Some(text) = self.text(node, key, "the name of a container, like `container: app`") else {
            return;
        };
        let Some(name) = self.rendered_now(node, text, "write `${ env(\"CONTAINER\", \"app\") }`") else {
            return;
        };
        // As Docker names them; its id is such a word too.
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(fits) {
            let problem = format!("`{}` is no name of a container", shortened(&name));
            self.error(&node.span, problem, "write it as `docker ps` shows it under NAMES");
            return;
        }
        self.add(name.clone(), &node.span, WatchKind::Container(name), sources);
    }

    fn process(&mut self, node: &Node, key: &Key, sources: &mut Sources) {
        if !matches!(node.kind, Kind::Map(_)) {
            return self.expected(node, key, "a map like `process: { port: 8080 }`");
        }
        let Some(fields) = self.fields(node, &at_item(key), &PROCESS) else { return };
        let (id, entry) = match (fields.get("pid"), fields.get("port")) {
            (Some(_), Some(port)) => {
                let help = "keep one of the two";
                return self.error(&port.key.span, "`pid` and `port` exclude each other", help);
            }
            (Some(pid), None) => {
                // As many as Linux can count; 2^22 at most.
                (self.number(pid, 1..=4_194_304).map(|number| ProcessId::Pid(number as u32)), pid)
            }
            (None, Some(port)) => {
                (self.number(port, 1..=65_535).map(|number| ProcessId::Port(number as u16)), port)
            }
            (None, None) => {
                if !fields.has_unknown {
                    let help = "write `port: 8080` for whoever listens there, or `pid: 1234`";
                    self.error(&node.span, "this process does not say which", help);
                }
                return;
            }
        };
        let Some(id) = id else { return };
        let (name, at) = match fields.get("name") {
            Some(entry) => (self.called(entry, "a process"), entry.value.span.clone()),
            None => {
                let name = match id {
                    ProcessId::Pid(pid) => format!("pid {pid}"),
                    ProcessId::Port(port) => format!("port {port}"),
                };
                (Some(name), entry.value.span.clone())
            }
        };
        if let Some(name) = name {
            self.add(name, &at, WatchKind::Process(id), sources);
        }
    }

    fn called(&mut self, entry: &Entry, what: &str) -> Option<String> {
        let text = self.text(&entry.value, &entry.key, "a name")?;
        self.good_name(text, &entry.value.span, what)
    }

    /// A whole number, or a template that becomes one.
    fn number(&mut self, entry: &Entry, bounds: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let Kind::Text { value, .. } = &entry.value.kind else {
            return self.whole(&entry.value, &entry.key, bounds);
        };
        let text = self.rendered_now(&entry.value, value, "write `${ env(\"PORT\", \"8080\") }`")?;
        if let Some(number) = text.trim().parse().ok().filter(|number| bounds.contains(number)) {
            return Some(number);
        }
        let help = format!("write a number from {} to {}", bounds.start(), bounds.end());
        self.error(&entry.value.span, format!("`{}` cannot be `{}`", entry.key.name, shortened(&text)), help);
        None
    }

    fn prometheus(&mut self, node: &Node, key: &Key, sources: &mut Sources) {
        let Some(fields) = self.fields(node, &at_item(key), &PROMETHEUS) else { return };
        let url = fields.get("url").map(|entry| self.endpoint(entry));
        let (name, at) = match fields.get("name") {
            Some(entry) => (self.called(entry, "an endpoint"), entry.value.span.clone()),
            None => (Some("prometheus".to_owned()), node.span.clone()),
        };
        let mut chosen = Vec::new();
        if let Some(entry) = fields.get("series") {
            let Kind::List(items) = &entry.value.kind else {
                return self.expected(&entry.value, &entry.key, "a list like `series: [process_open_fds]`");
            };
            if items.is_empty() {
                let help = "write which metrics to take, like `series: [process_open_fds]`";
                self.error(&entry.key.span, "`series` is empty", help);
            }
            for item in items.iter().take(MOST) {
                chosen.extend(self.series(item, &entry.key, sources));
            }
        }
        if let (Some(Some(url)), Some(name), false) = (url, name, chosen.is_empty()) {
            self.add(name, &at, WatchKind::Prometheus(Endpoint { url, series: chosen }), sources);
        }
    }

    fn endpoint(&mut self, entry: &Entry) -> Option<String> {
        let node = &entry.value;
        let text = self.text(node, &entry.key, "a path of the target like `/metrics`, or a URL")?;
        let url = self.rendered_now(node, text, "write `${ env(\"METRICS\", \"/metrics\") }`")?;
        let shown = shortened(&url);
        if url.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            let help = "write a path of the target like `/metrics`, or a URL";
            self.error(&node.span, format!("`{shown}` is no URL"), help);
            return None;
        }
        if url.starts_with('/') {
            return Some(url);
        }
        let authority = url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
        let problem = match (authority, Origin::parse_url(&url)) {
            (None, _) => format!("`{shown}` is no URL"),
            (Some(authority), _) if authority.contains('@') => {
                "a user name and password cannot stand in the URL".to_owned()
            }
            (_, Err(error)) => error.to_string(),
            (Some(_), Ok(_)) => return Some(url),
        };
        let help =
            "write a path of the target like `/metrics`, or a URL like `http://localhost:9090/metrics`";
        self.error(&node.span, problem, help);
        None
    }

    fn series(&mut self, node: &Node, key: &Key, sources: &mut Sources) -> Option<ChosenSeries> {
        let (metric, metric_key, named, taken_as) = if let Kind::Map(_) = &node.kind {
            let fields = self.fields(node, &at_item(key), &SERIES)?;
            let words = [("value", TakenAs::Value), ("rate", TakenAs::Rate)];
            let taken_as = fields.get("as").map(|entry| self.word(entry, &words));
            let metric = fields.get("metric")?;
            (&*metric.value, &*metric.key, fields.get("name"), taken_as)
        } else {
            (node, key, None, None)
        };
        let text = self.text(metric, metric_key, "a metric like `process_open_fds`")?;
        let selector = match Selector::parse(text) {
            Ok(selector) => selector,
            Err(error) => {
                let at = if error.at.is_empty() { 0..text.len() } else { error.at };
                let at = self.locate(&metric.span, text, at);
                self.error(&at, error.problem, error.help);
                return None;
            }
        };
        let name = match named {
            Some(entry) => self.called(entry, "a series")?,
            None if selector.labels.is_empty() && !selector.metric.contains(':') => selector.metric.clone(),
            None => {
                let help = "thresholds speak of it by its name: write `{ name: …, metric: … }`";
                self.error(&metric.span, "this series needs a `name`", help);
                return None;
            }
        };
        if sources.series.contains(&name) {
            let at = named.map_or(&node.span, |entry| &entry.value.span).clone();
            let help = "thresholds speak of series by their names: give one of them another `name`";
            self.error(&at, format!("two series are named `{}`", shortened(&name)), help);
            return None;
        }
        sources.series.push(name.clone());
        let by_name = if selector.metric.ends_with("_total") { TakenAs::Rate } else { TakenAs::Value };
        Some(ChosenSeries { name, selector, taken_as: taken_as.unwrap_or(Some(by_name))? })
    }
}
