//! The condition of a threshold: an aggregate, a comparison and a limit in the metric's own unit.

use std::ops::Range;

use super::limit::limit;
use super::{METRICS, Names, Result, listed, word_range, wrong};
use crate::scenario::model::CustomKind;
use crate::scenario::monitor::Gauge;
use crate::scenario::threshold::{Aggregate, Comparison, Metric};
use crate::spelling::closest;

/// `p95 < 500ms`: what is demanded of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    pub aggregate: Aggregate,
    pub comparison: Comparison,
    /// As in [`Threshold::limit`](crate::scenario::threshold::Threshold::limit).
    pub limit: f64,
}

/// What a metric counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A distribution of times.
    Time,
    /// A distribution of plain numbers.
    Number,
    /// Events, with a rate per second.
    Events,
    /// Events out of all, with a share.
    Share,
    /// A count alone.
    Count,
    /// A share of something watched; processor time of several cores is more than all of one.
    Part,
    /// Bytes of something watched.
    Size,
    /// Bytes per second of something watched.
    Flow,
    /// A plain number of something watched.
    Level,
    /// A growth per second of something watched.
    Pace,
}

const OPERATORS: [(&str, Comparison); 6] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

/// Reads what is demanded of a metric: `p95 < 500ms`.
pub fn condition(text: &str, metric: Metric, names: Names<'_>) -> Result<Condition> {
    let whole = word_range(text, 0..text.len());
    let Some(place) = text.find(['<', '>', '=', '!']) else {
        return wrong(
            whole,
            "a comparison is missing",
            "write an aggregate, a comparison and a limit, like `p95 < 500ms`",
        );
    };
    let rest = &text[place..];
    let Some((sign, comparison)) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign)) else {
        let end = place + rest.find(|c| !matches!(c, '<' | '>' | '=' | '!')).unwrap_or(rest.len());
        let help = if rest.starts_with('=') {
            "write `==` for `equal`"
        } else {
            "write one of `<`, `<=`, `>`, `>=`, `==`, `!=`"
        };
        return wrong(place..end, format!("`{}` is no comparison", &text[place..end]), help);
    };
    let unit = unit(metric, names);
    let name_at = word_range(text, 0..place);
    let aggregate = aggregate(&text[name_at.clone()], name_at, unit, metric, names)?;
    let limit_at = word_range(text, place + sign.len()..text.len());
    let limit = limit(&text[limit_at.clone()], limit_at, aggregate, unit)?;
    Ok(Condition { aggregate, comparison: *comparison, limit })
}

fn unit(metric: Metric, names: Names<'_>) -> Unit {
    match metric {
        Metric::Latency
        | Metric::ServiceTime
        | Metric::Connect
        | Metric::Tls
        | Metric::Ttfb
        | Metric::IterationDuration
        | Metric::GroupDuration
        | Metric::PollDuration
        | Metric::TimeToTurn
        | Metric::Lateness => Unit::Time,
        Metric::QueuePosition => Unit::Number,
        Metric::Requests | Metric::Iterations => Unit::Events,
        Metric::Failures | Metric::Business | Metric::Checks | Metric::GivenUp | Metric::Abandoned => {
            Unit::Share
        }
        Metric::Dropped | Metric::Cut | Metric::Interrupted => Unit::Count,
        Metric::Custom(id) => match names.catalog.customs.get(id.index()).map(|custom| custom.kind) {
            Some(CustomKind::Observe) => Unit::Number,
            Some(CustomKind::Share) => Unit::Share,
            Some(CustomKind::Count) | None => Unit::Count,
        },
        Metric::Watched { source, gauge } => match gauge {
            Gauge::Cpu | Gauge::Throttled => Unit::Part,
            Gauge::Memory => Unit::Size,
            Gauge::Received | Gauge::Sent => Unit::Flow,
            Gauge::Descriptors | Gauge::Threads => Unit::Level,
            Gauge::Series(_) if names.is_rate(source, gauge) => Unit::Pace,
            Gauge::Series(_) => Unit::Level,
        },
    }
}

fn metric_name(metric: Metric, names: Names<'_>) -> &str {
    match metric {
        Metric::Custom(id) => names.catalog.customs.get(id.index()).map_or("", |custom| custom.name.as_str()),
        Metric::Watched { gauge, .. } => gauge.metric(),
        metric => METRICS.iter().find(|(_, known)| *known == metric).map_or("", |(name, _)| name),
    }
}

fn aggregate(
    text: &str,
    at: Range<usize>,
    unit: Unit,
    metric: Metric,
    names: Names<'_>,
) -> Result<Aggregate> {
    let has: &[&str] = match unit {
        // A drift is seen in the series of seconds, which has these two.
        Unit::Time if matches!(metric, Metric::Latency | Metric::ServiceTime) => {
            &["p50", "p95", "p99", "avg", "min", "max", "count", "drift"]
        }
        Unit::Time | Unit::Number => &["p50", "p95", "p99", "avg", "min", "max", "count"],
        Unit::Events | Unit::Share => &["count", "rate"],
        Unit::Count => &["count"],
        Unit::Part | Unit::Size | Unit::Level => &["p50", "p95", "p99", "avg", "min", "max", "last", "slope"],
        Unit::Flow | Unit::Pace => &["p50", "p95", "p99", "avg", "min", "max", "last"],
    };
    let aggregate = match text {
        "avg" => Some(Aggregate::Average),
        "min" => Some(Aggregate::Minimum),
        "max" => Some(Aggregate::Maximum),
        "count" => Some(Aggregate::Count),
        "rate" => Some(Aggregate::Rate),
        "drift" => Some(Aggregate::Drift),
        "last" => Some(Aggregate::Last),
        "slope" => Some(Aggregate::Slope),
        _ => percentile(text, &at)?,
    };
    let name = metric_name(metric, names);
    let known = match aggregate {
        Some(Aggregate::Percentile(_)) => has.contains(&"p95"),
        Some(_) => has.contains(&text),
        None => false,
    };
    if let Some(aggregate) = aggregate.filter(|_| known) {
        return Ok(aggregate);
    }
    let has_text = listed(has.iter().map(|&name| name.to_owned()));
    let help = match text {
        "mean" | "average" if has.contains(&"avg") => "write `avg`".to_owned(),
        "drift" if has.contains(&"slope") => "write `slope`, its growth per minute".to_owned(),
        "median" | "med" if has.contains(&"p50") => "write `p50`".to_owned(),
        _ => match closest(text, has.iter().copied()).filter(|_| aggregate.is_none()) {
            Some(close) => format!("did you mean `{close}`? `{name}` has {has_text}"),
            None => format!("it has {has_text}"),
        },
    };
    if text.is_empty() {
        return wrong(at, "this threshold does not say of what", format!("`{name}` has {has_text}"));
    }
    wrong(at, format!("`{name}` has no `{text}`"), help)
}

/// `p95`, `p99.9`; none for another word.
fn percentile(text: &str, at: &Range<usize>) -> Result<Option<Aggregate>> {
    let inner = text.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')'));
    if let Some(number) = inner {
        return wrong(at.clone(), format!("`{text}` is no percentile"), format!("write `p{number}`"));
    }
    let Some(number) = text.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return Ok(None);
    };
    let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    match number.parse::<f64>() {
        Ok(value) if plain && value > 0.0 && value < 100.0 => Ok(Some(Aggregate::Percentile(value))),
        Ok(_) if plain => wrong(
            at.clone(),
            format!("`{text}` is no percentile"),
            "percentiles lie between 0 and 100, like `p50` or `p99.9`; the greatest value is `max`",
        ),
        _ => wrong(at.clone(), format!("`{text}` is no percentile"), "write one like `p95` or `p99.9`"),
    }
}
