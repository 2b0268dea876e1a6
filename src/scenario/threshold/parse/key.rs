//! The key of a threshold: a metric, and which of its samples count.

use std::ops::Range;

use super::{METRICS, Names, Result, listed, watched, watched_metrics, word_range, wrong};
use crate::scenario::model::{Catalog, CheckId, CustomId, GroupId, PollId, PollKind, RowId, StageId, StepId};
use crate::scenario::threshold::{Filter, Metric, OutcomeFilter};
use crate::spelling::closest;

/// What a threshold is filtered by for the place where it stands: a step's own imply that step, those of one
/// scenario of several that scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Implied {
    pub step: Option<StepId>,
    /// The number of the scenario.
    pub scenario: Option<u16>,
}

/// Reads the key of a threshold.
pub fn metric_and_filter(text: &str, names: Names<'_>, implied: Implied) -> Result<(Metric, Filter)> {
    let open = text.find('{');
    let name_end = open.unwrap_or(text.len());
    let name = text[..name_end].trim();
    let name_at = word_range(text, 0..name_end);
    if let Some(wanted) = watched::wanted(name) {
        if implied != Implied::default() {
            let what = if implied.step.is_some() { "step" } else { "scenario" };
            return wrong(
                name_at,
                format!("`{name}` is not measured for each {what}"),
                "write it under the `thresholds` of the test",
            );
        }
        return watched::resolve(wanted, (text, name_at), filter_parts(text, open)?, names);
    }
    let metric = metric(name, name_at.clone(), names)?;
    let mut filter = Filter::default();
    is_measured(metric, name, &name_at, names.catalog)?;
    if let Some(scenario) = implied.scenario {
        filter.scenarios.push(scenario);
    }
    if let Some(step) = implied.step {
        if !dimensions(metric).contains(&"step") {
            return wrong(
                name_at,
                format!("`{name}` is not measured for each step"),
                "write it under the `thresholds` of the test",
            );
        }
        if !may_be_of(metric, step, names.catalog) {
            let (problem, help) = not_of(name, step, names.catalog);
            return wrong(name_at, problem, help);
        }
        filter.add(step);
    }
    for (key, value) in filter_parts(text, open)? {
        apply(&mut filter, metric, name, (&text[key.clone()], key), value, names)?;
    }
    Ok((metric, filter))
}

/// The parts of the filter that opens there.
fn filter_parts(text: &str, open: Option<usize>) -> Result<Vec<Part>> {
    let Some(open) = open else { return Ok(Vec::new()) };
    let Some(inside) = text.trim_end().strip_suffix('}').map(|rest| open + 1..rest.len()) else {
        return wrong(
            open..text.len(),
            "this filter is never closed",
            "write `}` at its end, like `latency{step=pay}`",
        );
    };
    parts(text, inside).into_iter().collect()
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
            let mut all: Vec<&str> = known.clone().chain(watched_metrics()).collect();
            all.extend(customs.iter().map(|custom| custom.name.as_str()));
            match closest(name, all) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!(
                    "the metrics are {}, those of `count`, `observe` and `share` steps, and {} of what is watched",
                    listed(known.map(str::to_owned)),
                    listed(watched_metrics().map(str::to_owned))
                ),
            }
        }
    };
    wrong(at, format!("there is no metric `{name}`"), help)
}

/// The kind of polls that a metric is about; none for one that is about requests or anything else.
const fn kind_of_polls(metric: Metric) -> Option<PollKind> {
    match metric {
        Metric::PollDuration => Some(PollKind::Poll),
        Metric::TimeToTurn | Metric::QueuePosition | Metric::Abandoned => Some(PollKind::Turn),
        _ => None,
    }
}

/// Whether the file has what a metric of polls is about: else it would never have a sample.
fn is_measured(metric: Metric, name: &str, at: &Range<usize>, catalog: &Catalog) -> Result<()> {
    let mut polls = catalog.polls.iter();
    let (missing, help) = match (metric, kind_of_polls(metric)) {
        (Metric::GivenUp, _) => (catalog.polls.is_empty(), "the file has no `poll` and no `wait_for_turn`"),
        (Metric::QueuePosition, _) => {
            (!polls.any(|poll| poll.has_position), "write `position:` at a `wait_for_turn`")
        }
        (_, Some(PollKind::Poll)) => (
            !polls.any(|poll| poll.kind == PollKind::Poll),
            "the file has no `poll`; for `wait_for_turn` it is `time_to_turn`",
        ),
        (_, Some(PollKind::Turn)) => {
            (!polls.any(|poll| poll.kind == PollKind::Turn), "the file has no `wait_for_turn`")
        }
        (_, None) => (false, ""),
    };
    if missing {
        return wrong(at.clone(), format!("`{name}` has nothing to measure here"), help);
    }
    Ok(())
}

/// Whether a metric is measured for such a step.
fn may_be_of(metric: Metric, step: StepId, catalog: &Catalog) -> bool {
    match (metric, step) {
        (Metric::Failures, _) => true,
        (Metric::GivenUp, step) => matches!(step, StepId::Poll(_)),
        (metric, StepId::Requests(_)) => kind_of_polls(metric).is_none(),
        (metric, StepId::Poll(id)) => {
            let kind = catalog.polls.get(id.index()).map(|poll| poll.kind);
            kind.is_some_and(|kind| kind_of_polls(metric) == Some(kind))
        }
    }
}

/// What to say of a step that has not this metric.
fn not_of(name: &str, step: StepId, catalog: &Catalog) -> (String, String) {
    match step {
        StepId::Requests(_) => (
            format!("`{name}` is not that of a request"),
            "it is measured for polls; requests have `latency`".into(),
        ),
        StepId::Poll(id) => {
            let kind = catalog.polls.get(id.index()).map_or(PollKind::Poll, |poll| poll.kind);
            let has = match kind {
                PollKind::Poll => "`poll_duration`, `given_up` and `failures`",
                PollKind::Turn => "`time_to_turn`, `queue_position`, `abandoned`, `given_up` and `failures`",
            };
            (
                format!("a `{}` has no `{name}`", kind.as_str()),
                format!("it has {has}; its requests have names of their own"),
            )
        }
    }
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
        Metric::PollDuration
        | Metric::TimeToTurn
        | Metric::QueuePosition
        | Metric::GivenUp
        | Metric::Abandoned => &["step", "group", "scenario", "stage"],
        Metric::IterationDuration
        | Metric::Iterations
        | Metric::Dropped
        | Metric::Cut
        | Metric::Interrupted
        | Metric::Lateness
        | Metric::Throttled
        | Metric::Custom(_) => &["scenario", "stage"],
        // Its filter is resolved elsewhere.
        Metric::Watched { .. } => &["of", "series", "stage"],
    }
}

/// One `key=value`: where the key stands, the value, and where that stands.
pub(super) type Part = (Range<usize>, (String, Range<usize>));

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
            for step in steps(metric, metric_name, &value, at, filter, catalog)? {
                filter.add(step);
            }
        }
        "group" => {
            let own = |scenario: u16| is_own(filter, scenario);
            let groups = || catalog.groups.iter().enumerate().filter(|(_, group)| own(group.scenario));
            named("group", &value, at, groups().map(|(_, group)| group.name.as_str()))?;
            let all = groups().filter(|(_, group)| group.name == value);
            let all: Vec<GroupId> = all.map(|(place, _)| GroupId(place as u16)).collect();
            filter.groups.extend(all);
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

/// Whether a filter leaves a scenario in.
fn is_own(filter: &Filter, scenario: u16) -> bool {
    filter.scenarios.is_empty() || filter.scenarios.contains(&scenario)
}

/// The requests or the polls of a name: of all scenarios that the filter leaves in.
fn steps(
    metric: Metric,
    metric_name: &str,
    value: &str,
    at: Range<usize>,
    filter: &Filter,
    catalog: &Catalog,
) -> Result<Vec<StepId>> {
    let requests = catalog.rows.iter().enumerate();
    let requests =
        requests.map(|(place, row)| (row.scenario, row.name.as_str(), StepId::Requests(RowId(place as u16))));
    let polls = catalog.polls.iter().enumerate();
    let polls =
        polls.map(|(place, poll)| (poll.scenario, poll.name.as_str(), StepId::Poll(PollId(place as u16))));
    let own = requests.chain(polls).filter(|(scenario, _, _)| is_own(filter, *scenario));
    let known = own.clone().filter(|(_, _, step)| may_be_of(metric, *step, catalog));
    let found: Vec<StepId> =
        known.clone().filter(|(_, name, _)| *name == value).map(|(_, _, step)| step).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    if let Some((_, _, step)) = own.clone().find(|(_, name, _)| *name == value) {
        let (problem, help) = not_of(metric_name, step, catalog);
        return wrong(at, problem, help);
    }
    let names: Vec<&str> = known.map(|(_, name, _)| name).collect();
    named("step", value, at, names.into_iter()).map(|_| Vec::new())
}

impl Filter {
    fn add(&mut self, step: StepId) {
        match step {
            StepId::Requests(row) => self.rows.push(row),
            StepId::Poll(poll) => self.polls.push(poll),
        }
    }
}

/// The place of a name among those of its kind.
pub(super) fn named<'a>(
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
pub(crate) const CAUSES: [&str; 21] = [
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
    "poll",
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
