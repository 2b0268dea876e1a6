//! `thresholds`, of the test and of its steps.

use std::ops::Range;
use std::time::Duration;

use super::Check;
use super::keys::THRESHOLD;
use super::reading::Fields;
use crate::scenario::model::StepId;
use crate::scenario::threshold::{
    Aggregate, Comparison, Filter, Implied, Metric, Names, ParseError, Threshold, condition,
    metric_and_filter,
};
use crate::scenario::yaml::{Entry, Kind, Node};

/// A threshold's manner: `abort`, `after`, `over`.
#[derive(Debug, Clone, Copy, Default)]
struct Manner {
    abort: bool,
    after: Duration,
    over: Option<Duration>,
}

/// Where a threshold stands: what it is filtered by without a word.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    step: Option<(StepId, &'a str)>,
    scenario: Option<u16>,
}

impl Check<'_> {
    /// The thresholds of the test or of one scenario, which then is implied, and those of its steps.
    pub(super) fn thresholds(
        &mut self,
        fields: Fields<'_>,
        scenarios: &[String],
        scenario: Option<u16>,
        out: &mut Vec<Threshold>,
    ) {
        if let Some(entry) = fields.get("thresholds") {
            for entry in self.names(entry, "a map of metrics and conditions, like `latency: [p95 < 500ms]`") {
                self.threshold(entry, Place { step: None, scenario }, scenarios, out);
            }
        }
        for (id, step, entries) in std::mem::take(&mut self.own_thresholds) {
            for entry in &entries {
                self.threshold(entry, Place { step: Some((id, &step)), scenario }, scenarios, out);
            }
        }
    }

    /// One key and its conditions.
    fn threshold(&mut self, entry: &Entry, place: Place<'_>, scenarios: &[String], out: &mut Vec<Threshold>) {
        let key = &entry.key;
        let names = Names { catalog: &self.book.catalog, scenarios, monitor: &self.monitor };
        let implied = Implied { step: place.step.map(|(id, _)| id), scenario: place.scenario };
        let (metric, filter) = match metric_and_filter(&key.name, names, implied) {
            Ok(found) => found,
            Err(error) => return self.threshold_error(&key.span, &key.name, error),
        };
        let mut name = key.name.trim().to_owned();
        if let Some((_, step)) = place.step {
            name = with_filter(&name, "step", step);
        }
        if let Some(scenario) = place.scenario.and_then(|number| scenarios.get(usize::from(number))) {
            name = with_filter(&name, "scenario", scenario);
        }
        let conditions: Vec<&Node> = match &entry.value.kind {
            Kind::List(items) if !items.is_empty() => items.iter().map(|item| &**item).collect(),
            Kind::List(_) => {
                self.error(
                    &key.span,
                    "this threshold demands nothing",
                    "write a condition, like `[p95 < 500ms]`",
                );
                return;
            }
            _ => vec![&entry.value],
        };
        for node in conditions {
            out.extend(self.one_threshold(node, entry, &name, metric, &filter, scenarios));
        }
    }

    fn one_threshold(
        &mut self,
        node: &Node,
        entry: &Entry,
        name: &str,
        metric: Metric,
        filter: &Filter,
        scenarios: &[String],
    ) -> Option<Threshold> {
        let (that, manner) = match &node.kind {
            Kind::Map(_) => {
                let fields = self.fields(node, &entry.key, &THRESHOLD)?;
                let manner = self.manner(fields);
                let that = fields.get("that")?;
                (&*that.value, manner?)
            }
            _ => (node, Manner::default()),
        };
        let text = self.text(that, &entry.key, "a condition like `p95 < 500ms`")?;
        let names = Names { catalog: &self.book.catalog, scenarios, monitor: &self.monitor };
        match condition(text, metric, names) {
            Ok(found) if found.aggregate == Aggregate::Drift && *filter != Filter::default() => {
                self.error(
                    &that.span,
                    "a drift is that of the whole load, and this threshold is filtered",
                    "take the filter out, or compare percentiles of named stages",
                );
                None
            }
            Ok(condition) => Some(Threshold {
                text: format!("{name}: {}", text.trim()),
                metric,
                filter: filter.clone(),
                aggregate: condition.aggregate,
                comparison: condition.comparison,
                limit: condition.limit,
                abort: manner.abort,
                after: manner.after,
                over: manner.over,
                implied: false,
                line: u32::try_from(self.source.position(that.span.start).line).ok(),
            }),
            Err(error) => {
                self.threshold_error(&that.span, text, error);
                None
            }
        }
    }

    fn manner(&mut self, fields: Fields<'_>) -> Option<Manner> {
        let abort = fields.get("abort").map(|entry| self.flag(&entry.value, &entry.key));
        let after = fields.get("after").map(|entry| self.duration(&entry.value, &entry.key));
        let over = fields.get("over").map(|entry| self.some_time(&entry.value, &entry.key));
        let abort = abort.unwrap_or(Some(false))?;
        if let (false, Some(entry)) = (abort, fields.get("after")) {
            self.error(
                &entry.key.span,
                "`after` says nothing without `abort: true`",
                "write `abort: true` as well, or take it out: at the end the whole run is judged",
            );
        }
        let over = match over {
            Some(over) => Some(over?),
            None => None,
        };
        Some(Manner { abort, after: after.unwrap_or(Some(Duration::ZERO))?, over })
    }

    fn threshold_error(&mut self, span: &Range<usize>, text: &str, error: ParseError) {
        let at = if error.at.is_empty() { 0..text.len() } else { error.at };
        let at = self.locate(span, text, at);
        let help = error.help.unwrap_or_else(|| "write one like `latency: [p95 < 500ms]`".into());
        self.error(&at, error.problem, help);
    }
}

/// `latency` at a step is `latency{step=…}`, and in a scenario `latency{scenario=…}`.
fn with_filter(key: &str, dimension: &str, value: &str) -> String {
    let value =
        if value.contains(['{', '}', ',', '"', '=']) { format!("'{value}'") } else { value.to_owned() };
    match key.split_once('{') {
        Some((metric, rest)) => {
            format!("{}{{{dimension}={value}, {}", metric.trim(), rest.trim_start())
        }
        None => format!("{key}{{{dimension}={value}}}"),
    }
}

/// Without any threshold for failures one is implied.
pub(crate) fn imply_failures(thresholds: &mut Vec<Threshold>) {
    if !thresholds.iter().any(|threshold| threshold.metric == Metric::Failures) {
        thresholds.push(implied());
    }
}

/// Failures are never welcome: without a word on them, one in a hundred is the limit.
fn implied() -> Threshold {
    Threshold {
        text: "failures: rate < 1%".into(),
        metric: Metric::Failures,
        filter: Filter::default(),
        aggregate: Aggregate::Rate,
        comparison: Comparison::Less,
        limit: 0.01,
        abort: false,
        after: Duration::ZERO,
        over: None,
        implied: true,
        line: None,
    }
}
