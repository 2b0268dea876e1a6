//! The key of a threshold: a metric, and which of its samples count.

use std::ops::Range;

use super::{METRICS, Names, Result, listed, word_range, wrong};
use crate::scenario::model::{Catalog, CheckId, CustomId, GroupId, RowId, StageId};
use crate::scenario::threshold::{Filter, Metric, OutcomeFilter};
use crate::spelling::closest;

/// Reads the key of a threshold. A step's own thresholds imply its row.
pub fn metric_and_filter(text: &str, names: Names<'_>, implied: Option<RowId>) -> Result<(Metric, Filter)> {
    let open = text.find('{');
    let name_end = open.unwrap_or(text.len());
    let name = text[..name_end].trim();
    let name_at = word_range(text, 0..name_end);
    let metric = metric(name, name_at.clone(), names)?;
    let mut filter = Filter::default();
    if let Some(row) = implied {
        if !dimensions(metric).contains(&"step") {
            return wrong(
                name_at,
                format!("`{name}` is not measured for each step"),
                "write it under the `thresholds` of the test",
            );
        }
        filter.rows.push(row);
    }
    let Some(open) = open else { return Ok((metric, filter)) };
    let Some(inside) = text.trim_end().strip_suffix('}').map(|rest| open + 1..rest.len()) else {
        return wrong(
            open..text.len(),
            "this filter is never closed",
            "write `}` at its end, like `latency{step=pay}`",
        );
    };
    for part in parts(text, inside) {
        let (key, value) = part?;
        apply(&mut filter, metric, name, (&text[key.clone()], key), value, names)?;
    }
    Ok((metric, filter))
}

fn metric(name: &str, at: Range<usize>, names: Names<'_>) -> Result<Metric> {
    if let Some((_, metric)) = METRICS.iter().find(|(known, _)| *known == name) {
        return Ok(*metric);
    }
    let customs = &names.catalog.customs;
    if let Some(place) = customs.iter().position(|custom| custom.name == name) {
        return Ok(Metric::Custom(CustomId(place as u16)));
    }
    let help = match name {
        "http_req_duration" | "response_time" => "did you mean `latency`?".to_owned(),
        "http_req_failed" | "errors" | "error_rate" => "did you mean `failures`?".to_owned(),
        "http_reqs" | "throughput" | "rps" => "did you mean `requests`?".to_owned(),
        _ => {
            let known = METRICS.iter().map(|(name, _)| *name);
            match closest(name, known.clone().chain(customs.iter().map(|custom| custom.name.as_str()))) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!(
                    "the metrics are {}, and those of `count`, `observe` and `share` steps",
                    listed(known.map(str::to_owned))
                ),
            }
        }
    };
    wrong(at, format!("there is no metric `{name}`"), help)
}

/// By what a metric can be filtered.
fn dimensions(metric: Metric) -> &'static [&'static str] {
    match metric {
        Metric::Latency
        | Metric::ServiceTime
        | Metric::Connect
        | Metric::Tls
        | Metric::Ttfb
        | Metric::Requests
        | Metric::Failures
        | Metric::Business => &["step", "group", "scenario", "stage", "outcome"],
        Metric::Checks => &["step", "check", "group", "scenario", "stage"],
        Metric::GroupDuration => &["group", "scenario", "stage"],
        Metric::IterationDuration
        | Metric::Iterations
        | Metric::Dropped
        | Metric::Cut
        | Metric::Interrupted
        | Metric::Lateness
        | Metric::Custom(_) => &["scenario", "stage"],
    }
}

/// One `key=value`: where the key stands, the value, and where that stands.
type Part = (Range<usize>, (String, Range<usize>));

fn parts(text: &str, inside: Range<usize>) -> Vec<Result<Part>> {
    let mut parts = Vec::new();
    let mut at = inside.start;
    while at < inside.end {
        let rest = &text[at..inside.end];
        let mut quote = None;
        let end = rest.char_indices().find(|&(place, c)| match quote {
            Some(open) => {
                if c == open {
                    quote = None;
                }
                false
            }
            // Quotes count where a value begins, not inside of a name like `don't`.
            None if matches!(c, '"' | '\'') && rest[..place].trim_end().ends_with('=') => {
                quote = Some(c);
                false
            }
            None => c == ',',
        });
        let end = at + end.map_or(rest.len(), |(place, _)| place);
        let whole = word_range(text, at..end);
        if whole.is_empty() {
            let problem = "a part of this filter is missing";
            parts.push(wrong(at..end.max(at), problem, "write `{step=a, outcome=b}`"));
        } else {
            parts.push(part(text, whole));
        }
        at = end + 1;
    }
    parts
}

fn part(text: &str, whole: Range<usize>) -> Result<Part> {
    let Some(equals) = text[whole.clone()].find('=').map(|place| whole.start + place) else {
        return wrong(
            whole.clone(),
            format!("`{}` is no filter", &text[whole.clone()]),
            "write `key=value`, like `step=pay`; put a value that contains a comma in quotes",
        );
    };
    let key = word_range(text, whole.start..equals);
    let at = word_range(text, equals + 1..whole.end);
    let value = &text[at.clone()];
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|&quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)));
    let value = unquoted.unwrap_or(value).to_owned();
    if value.is_empty() {
        return wrong(whole, "this filter has no value", "write `key=value`, like `step=pay`");
    }
    Ok((key, (value, at)))
}

fn apply(
    filter: &mut Filter,
    metric: Metric,
    metric_name: &str,
    (key, key_at): (&str, Range<usize>),
    (value, at): (String, Range<usize>),
    names: Names<'_>,
) -> Result<()> {
    let allowed = dimensions(metric);
    if !allowed.contains(&key) {
        let help = match closest(key, allowed.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("it can be filtered by {}", listed(allowed.iter().map(|&name| name.to_owned()))),
        };
        return wrong(key_at, format!("`{metric_name}` cannot be filtered by `{key}`"), help);
    }
    let catalog = names.catalog;
    match key {
        "step" => {
            let place = named("step", &value, at, catalog.rows.iter().map(|row| row.name.as_str()))?;
            filter.rows.push(RowId(place));
        }
        "group" => {
            let place = named("group", &value, at, catalog.groups.iter().map(|group| group.name.as_str()))?;
            filter.groups.push(GroupId(place));
        }
        "scenario" => {
            let place = named("scenario", &value, at, names.scenarios.iter().map(String::as_str))?;
            filter.scenarios.push(place);
        }
        "stage" => {
            let place = named("stage", &value, at, catalog.stages.iter().map(String::as_str))?;
            filter.stages.push(StageId(place));
        }
        "check" => {
            let measured = || catalog.checks.iter().filter(|check| check.measured);
            named("check", &value, at, measured().map(|check| check.name.as_str()))?;
            // Several steps may have a check of one name: all of them are meant.
            let all =
                catalog.checks.iter().enumerate().filter(|(_, check)| check.measured && check.name == value);
            filter.checks.extend(all.map(|(place, _)| CheckId(place as u16)));
        }
        _ => filter.outcome = Some(outcome(metric, &value, at, filter, catalog)?),
    }
    Ok(())
}

/// The place of a name among those of its kind.
fn named<'a>(
    what: &str,
    name: &str,
    at: Range<usize>,
    mut known: impl Iterator<Item = &'a str> + Clone,
) -> Result<u16> {
    if let Some(place) = known.clone().position(|candidate| candidate == name) {
        return Ok(place as u16);
    }
    let help = if let Some(close) = closest(name, known.clone()) {
        format!("did you mean `{close}`?")
    } else if known.next().is_none() {
        match what {
            "stage" => "give the stage a `name` to speak of it".to_owned(),
            "group" => "the file has no `group`".to_owned(),
            _ => format!("the file has no {what} with a name"),
        }
    } else {
        "a name stands here as it stands in the file".to_owned()
    };
    wrong(at, format!("no {what} is named `{name}`"), help)
}

/// The causes of failure as reports name them; `status`, `timeout` and `protocol` stand for several.
pub(crate) const CAUSES: [&str; 20] = [
    "status",
    "check",
    "capture",
    "too slow",
    "timeout",
    "refused",
    "unreachable",
    "reset",
    "closed before an answer",
    "stale connection",
    "truncated answer",
    "stream reset",
    "goaway",
    "dns",
    "tls",
    "proxy",
    "too many redirects",
    "bad redirect",
    "decompression",
    "protocol",
];

/// Words that mean a class of outcomes.
pub(crate) const CLASSES: [&str; 5] = ["success", "business", "failure", "answered", "any"];

fn outcome(
    metric: Metric,
    value: &str,
    at: Range<usize>,
    filter: &Filter,
    catalog: &Catalog,
) -> Result<OutcomeFilter> {
    let class = match value {
        "success" => Some(OutcomeFilter::Success),
        "business" => Some(OutcomeFilter::Business),
        "failure" => Some(OutcomeFilter::Failure),
        "answered" => Some(OutcomeFilter::Answered),
        "any" => Some(OutcomeFilter::Any),
        _ => None,
    };
    if let Some(class) = class {
        return match metric {
            Metric::Business | Metric::Failures => wrong(
                at,
                "this filter says nothing here: the metric is about one kind of outcome already",
                "name one business outcome or one cause, like `outcome=seat taken`",
            ),
            _ => Ok(class),
        };
    }
    let rows = || {
        let wanted = |row: &usize| filter.rows.is_empty() || filter.rows.contains(&RowId(*row as u16));
        catalog.rows.iter().enumerate().filter(move |(place, _)| wanted(place)).map(|(_, row)| row)
    };
    let business = || rows().flat_map(|row| row.business.iter().map(String::as_str));
    let is_business = business().any(|name| name == value);
    let is_cause = is_cause(value);
    let fits = match metric {
        Metric::Business => is_business,
        Metric::Failures => is_cause,
        _ => is_business || is_cause,
    };
    if fits {
        return Ok(OutcomeFilter::Named(value.to_owned()));
    }
    let mut candidates: Vec<&str> = Vec::new();
    if metric != Metric::Failures {
        candidates.extend(business());
    }
    if metric != Metric::Business {
        candidates.extend(CAUSES);
        if metric != Metric::Failures {
            candidates.extend(CLASSES);
        }
    }
    let help = match closest(value, candidates.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None if candidates.is_empty() => {
            "give the outcome a name under `expect.business` of the step".to_owned()
        }
        None => {
            candidates.dedup();
            format!("outcomes here are {}", listed(candidates.into_iter().map(str::to_owned)))
        }
    };
    wrong(at, format!("no outcome is named `{value}`"), help)
}

fn is_cause(value: &str) -> bool {
    let status = |code: &str| code.parse::<u16>().is_ok_and(|code| (100..600).contains(&code));
    let phase = |text: &str| ["(dns)", "(connect)", "(tls)", "(send)", "(wait)", "(receive)"].contains(&text);
    CAUSES.contains(&value)
        || value.strip_prefix("status ").is_some_and(status)
        || value.strip_prefix("timeout ").is_some_and(phase)
        || (value.starts_with("protocol (") && value.ends_with(')'))
}
