//! The text of a gate: `latency{step=reserve seat} p99 > +5%`.
//!
//! Metrics and filters are those of thresholds. Errors carry the place within the text.

use std::ops::Range;

use super::{Beyond, Gate, GateMetric, Limit, Which};
use crate::compare::{Figure, Side};
use crate::result::{OutcomeKind, RunResult};
use crate::scenario::model::{Catalog, GroupId, GroupInfo, RowInfo};
use crate::scenario::threshold::{self, Implied, ParseError, metric_and_filter};
use crate::spelling::closest;
use crate::units::{parse_duration, parse_rate};

/// What gates may speak of.
#[derive(Debug, Clone, Default)]
pub struct Names {
    catalog: Catalog,
    scenarios: Vec<String>,
}

type Result<T> = std::result::Result<T, ParseError>;

fn wrong<T>(at: Range<usize>, problem: impl Into<String>, help: impl Into<String>) -> Result<T> {
    Err(ParseError { problem: problem.into(), help: Some(help.into()), at })
}

impl Names {
    /// Of what is compared.
    pub fn of_sides(sides: &[Side]) -> Names {
        let mut names = Names::default();
        sides.iter().flat_map(|side| &side.runs).for_each(|run| names.add(&run.result));
        names
    }

    /// The names of a test, and those of the record that its run will be compared with.
    pub fn of_test(catalog: &Catalog, scenarios: Vec<String>, baseline: &RunResult) -> Names {
        // Records of polls have no windows to draw from, and those of stages are not apart.
        let catalog = Catalog { polls: Vec::new(), stages: Vec::new(), ..catalog.clone() };
        let mut names = Names { catalog, scenarios };
        names.add(baseline);
        names
    }

    fn add(&mut self, result: &RunResult) {
        let Names { catalog, scenarios } = self;
        for row in &result.rows {
            let scenario = place(scenarios, |known| *known == row.scenario, || row.scenario.clone()) as u16;
            let mut groups = Vec::new();
            for group in &row.groups {
                let known = |info: &GroupInfo| info.name == *group && info.scenario == scenario;
                let new = || GroupInfo { name: group.clone(), scenario };
                groups.push(GroupId(place(&mut catalog.groups, known, new) as u16));
            }
            let known = |info: &RowInfo| info.name == row.name && info.scenario == scenario;
            let new = || RowInfo { name: row.name.clone(), scenario, groups, business: Vec::new() };
            let index = place(&mut catalog.rows, known, new);
            let business = &mut catalog.rows[index].business;
            for outcome in row.outcomes.iter().filter(|outcome| outcome.kind == OutcomeKind::Business) {
                place(business, |known| *known == outcome.name, || outcome.name.clone());
            }
        }
    }
}

/// Where it is in the list; at its end, if it was not there.
fn place<T>(list: &mut Vec<T>, is_it: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> usize {
    list.iter().position(is_it).unwrap_or_else(|| {
        list.push(new());
        list.len() - 1
    })
}

const OPERATORS: [(&str, Beyond); 4] =
    [("<=", Beyond::AtMost), (">=", Beyond::AtLeast), ("<", Beyond::Below), (">", Beyond::Above)];

/// Reads `latency p95 > +10%`.
pub fn parse(text: &str, names: &Names) -> Result<Gate> {
    let start = text.len() - text.trim_start().len();
    let key_end = match text.find('{') {
        // A name may not hold a brace, so the last one closes the filter.
        Some(open) => text.rfind('}').filter(|close| *close > open).map_or(text.len(), |close| close + 1),
        None => text[start..]
            .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '=' | '!'))
            .map_or(text.len(), |end| start + end),
    };
    if text.trim().is_empty() {
        return wrong(0..text.len(), "this says nothing", "write one like `latency p95 > +10%`");
    }
    let (metric, filter) = metric_and_filter(
        &text[..key_end],
        threshold::Names { catalog: &names.catalog, scenarios: &names.scenarios, monitor: &[] },
        Implied::default(),
    )?;
    let name_end = text.find('{').unwrap_or(key_end).min(key_end);
    let name_at = word(text, start..name_end);
    let Some(gate_metric) = GateMetric::of(metric) else {
        let problem = format!("`{}` cannot be compared", &text[name_at.clone()]);
        return wrong(name_at, problem, "compared are `latency`, `requests`, `failures` and `business`");
    };
    let (figure_at, comparison, amount_at) = condition(text, key_end, gate_metric)?;
    let figure = figure(&text[figure_at.clone()], figure_at, gate_metric)?;
    let limit = limit(&text[amount_at.clone()], amount_at, figure)?;
    let catalog = &names.catalog;
    let names_of = |names: Vec<Option<&String>>| names.into_iter().flatten().cloned().collect();
    let which = Which {
        metric: gate_metric,
        steps: names_of(filter.rows.iter().map(|row| Some(&catalog.rows.get(row.index())?.name)).collect()),
        groups: names_of(
            filter.groups.iter().map(|group| Some(&catalog.groups.get(group.index())?.name)).collect(),
        ),
        scenarios: names_of(
            filter.scenarios.iter().map(|scenario| names.scenarios.get(usize::from(*scenario))).collect(),
        ),
        outcome: filter.outcome,
    };
    Ok(Gate { text: text.trim().to_owned(), which, figure, comparison, limit })
}

/// Where the aggregate stands, the comparison, and where the limit stands.
fn condition(text: &str, from: usize, metric: GateMetric) -> Result<(Range<usize>, Beyond, Range<usize>)> {
    let example = example(metric);
    let rest = &text[from..];
    let Some(place) = rest.find(['<', '>', '=', '!']).map(|place| from + place) else {
        let at = word(text, from..text.len());
        let at = if at.is_empty() { 0..text.len() } else { at };
        return wrong(at, "a comparison is missing", format!("write when it shall fail, like `{example}`"));
    };
    let Some((sign, comparison)) = OPERATORS.iter().find(|(sign, _)| text[place..].starts_with(sign)) else {
        let end =
            text[place..].find(|c| !matches!(c, '=' | '!' | '<' | '>')).map_or(text.len(), |end| place + end);
        let problem = format!("`{}` is no comparison of changes", &text[place..end]);
        return wrong(place..end, problem, "write one of `>`, `>=`, `<`, `<=`");
    };
    Ok((word(text, from..place), *comparison, word(text, place + sign.len()..text.len())))
}

const fn example(metric: GateMetric) -> &'static str {
    match metric {
        GateMetric::Latency => "latency p95 > +10%",
        GateMetric::Requests => "requests rate < -5%",
        GateMetric::Failures => "failures rate > +0.5pp",
        GateMetric::Business => "business rate > +5pp",
    }
}

fn figure(text: &str, at: Range<usize>, metric: GateMetric) -> Result<Figure> {
    let percentile = text.strip_prefix('p').and_then(|number| number.parse::<f64>().ok());
    let has = match metric {
        GateMetric::Latency => "`p50`, `p95`, `p99` and other percentiles, and `avg`",
        _ => "`rate`",
    };
    match (metric, text, percentile) {
        (GateMetric::Latency, "avg", _) => return Ok(Figure::Mean),
        (GateMetric::Latency, _, Some(percent)) if percent > 0.0 && percent < 100.0 => {
            return Ok(Figure::Percentile(percent));
        }
        (GateMetric::Latency, _, Some(_)) => {
            let problem = format!("there is no `{text}`");
            return wrong(at, problem, "percentiles lie between 0 and 100, like `p50` or `p99.9`");
        }
        (GateMetric::Requests, "rate", _) => return Ok(Figure::Rate),
        (GateMetric::Failures | GateMetric::Business, "rate", _) => return Ok(Figure::Share),
        _ => {}
    }
    if text.is_empty() {
        return wrong(at, "this does not say of what", format!("it has {has}, like `{}`", example(metric)));
    }
    let help = match (metric, text) {
        (GateMetric::Latency, "min" | "max") => "a single answer decides it; write `p99.9`".to_owned(),
        (GateMetric::Latency, _) => match closest(text, ["avg", "p50", "p95", "p99"]) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("it has {has}"),
        },
        _ => format!("it has {has}"),
    };
    wrong(at, format!("`{text}` cannot be compared"), help)
}

fn limit(text: &str, at: Range<usize>, figure: Figure) -> Result<Limit> {
    let (more, less) = match figure {
        Figure::Percentile(_) | Figure::Mean => ("`+10%` or `+20ms`", "`-10%`"),
        Figure::Rate => ("`+10%`", "`-5%` or `-20/s`"),
        Figure::Share => ("`+0.5pp`", "`-0.5pp`"),
    };
    if text.is_empty() {
        return wrong(at, "a limit is missing", format!("write one like {more}"));
    }
    let (sign, amount) = match text.as_bytes()[0] {
        b'+' => (1.0, text[1..].trim_start()),
        b'-' => (-1.0, text[1..].trim_start()),
        _ => {
            let problem = format!("`{text}` does not say which way");
            let help = format!(
                "write {more} for an increase, {less} for a decrease; limits that do not depend on another run are `thresholds` of the scenario"
            );
            return wrong(at, problem, help);
        }
    };
    let number = |text: &str| {
        let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
        text.parse::<f64>().ok().filter(|_| plain)
    };
    if let Some(percent) = amount.strip_suffix('%') {
        let Some(percent) = number(percent.trim_end()) else {
            return wrong(at, format!("`{text}` is no change"), format!("write one like {more}"));
        };
        if figure == Figure::Share {
            let problem = "percent of a share can mean two things";
            let points = crate::units::trim_float(percent);
            let help = format!("write `{}{points}pp` for percentage points", &text[..1]);
            return wrong(at, problem, help);
        }
        return Ok(Limit::Relative(sign * percent / 100.0));
    }
    match figure {
        Figure::Share => match amount.strip_suffix("pp").and_then(|points| number(points.trim_end())) {
            Some(points) => Ok(Limit::Absolute(sign * points / 100.0)),
            None => wrong(at, format!("`{text}` is no change of a share"), format!("write one like {more}")),
        },
        Figure::Rate => match parse_rate(amount) {
            Ok(rate) => Ok(Limit::Absolute(sign * rate.as_per_second())),
            Err(_) => wrong(
                at,
                format!("`{text}` is no change of a rate"),
                format!("write one like {more}, {less}"),
            ),
        },
        Figure::Percentile(_) | Figure::Mean => match parse_duration(amount) {
            Ok(time) => Ok(Limit::Absolute(sign * time.as_secs_f64() * 1e3)),
            Err(_) if number(amount).is_some() => {
                let problem = format!("`{text}` has no unit");
                wrong(at, problem, format!("write `{text}%`, or `{text}ms`"))
            }
            Err(error) => Err(ParseError { problem: error.problem, help: Some(error.help), at }),
        },
    }
}

/// A range without the blanks at its ends.
fn word(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

#[cfg(test)]
mod tests;
