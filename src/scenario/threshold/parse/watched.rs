//! Keys of thresholds on what is watched: `target_memory`, `target_cpu{of=db}`, `target{series=queue length}`.

use std::ops::Range;

use super::key::{Part, named};
use super::{Names, Result, listed, wrong};
use crate::scenario::model::StageId;
use crate::scenario::monitor::Gauge;
use crate::scenario::threshold::{Filter, Metric};
use crate::spelling::closest;

/// What a metric of this kind asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Gauge(Gauge),
    /// A series that the filter names.
    Series,
}

/// The names of all of them.
pub(crate) fn watched_metrics() -> impl Iterator<Item = &'static str> + Clone {
    Gauge::NAMED.into_iter().chain([Gauge::Series(0)]).map(Gauge::metric)
}

/// What is asked for by this name, where it is one of these metrics.
pub(super) fn wanted(name: &str) -> Option<Wanted> {
    if name == Gauge::Series(0).metric() {
        return Some(Wanted::Series);
    }
    Gauge::NAMED.into_iter().find(|gauge| gauge.metric() == name).map(Wanted::Gauge)
}

/// Resolves the metric against the sources of the test. `parts` are those of the filter.
pub(super) fn resolve(
    wanted: Wanted,
    (text, name_at): (&str, Range<usize>),
    parts: Vec<Part>,
    names: Names<'_>,
) -> Result<(Metric, Filter)> {
    let name = &text[name_at.clone()];
    let mut filter = Filter::default();
    let (mut of, mut series) = (None, None);
    let allowed: &[&str] = match wanted {
        Wanted::Gauge(_) => &["of", "stage"],
        Wanted::Series => &["series", "stage"],
    };
    for (key_at, (value, at)) in parts {
        match &text[key_at.clone()] {
            "stage" => {
                let known = names.catalog.stages.iter().map(String::as_str);
                filter.stages.push(StageId(named("stage", &value, at, known)?));
            }
            "of" if allowed.contains(&"of") => of = Some((value, at)),
            "series" if allowed.contains(&"series") => series = Some((value, at)),
            key => {
                let help = match closest(key, allowed.iter().copied()) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => {
                        let allowed = allowed.iter().map(|&name| name.to_owned());
                        format!("it can be filtered by {}", listed(allowed))
                    }
                };
                return wrong(key_at, format!("`{name}` cannot be filtered by `{key}`"), help);
            }
        }
    }
    let metric = match wanted {
        Wanted::Gauge(gauge) => source(gauge, (name, name_at), of, names)?,
        Wanted::Series => series_of(name_at, series, names)?,
    };
    Ok((metric, filter))
}

/// The one source that tells a gauge, or the one that is named.
fn source(
    gauge: Gauge,
    (name, name_at): (&str, Range<usize>),
    of: Option<(String, Range<usize>)>,
    names: Names<'_>,
) -> Result<Metric> {
    let watches = || (0..).zip(names.monitor);
    let tell: Vec<&str> =
        watches().filter(|(_, watch)| watch.has(gauge)).map(|(_, watch)| watch.name.as_str()).collect();
    if let Some((value, at)) = of {
        let found = watches().find(|(_, watch)| watch.name == value);
        return match found {
            Some((source, watch)) if watch.has(gauge) => Ok(Metric::Watched { source, gauge }),
            Some(_) => {
                wrong(at, format!("`{value}` does not tell its `{}`", short(gauge)), told_by(gauge, &tell))
            }
            None => {
                let help = match closest(&value, names.monitor.iter().map(|watch| watch.name.as_str())) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => told_by(gauge, &tell),
                };
                wrong(at, format!("nothing named `{value}` is watched"), help)
            }
        };
    }
    let mut found = watches().filter(|(_, watch)| watch.has(gauge));
    match (found.next(), found.next()) {
        (Some((source, _)), None) => Ok(Metric::Watched { source, gauge }),
        (Some((_, first)), Some(_)) => {
            let all = listed(tell.iter().map(|&name| name.to_owned()));
            let help = format!("{all} tell it: write `{name}{{of={}}}`, or another of them", first.name);
            wrong(name_at, format!("it is not said whose `{name}` is meant"), help)
        }
        (None, _) => wrong(name_at, format!("nothing that is watched tells `{name}`"), told_by(gauge, &[])),
    }
}

fn short(gauge: Gauge) -> &'static str {
    gauge.metric().trim_start_matches("target_")
}

/// Who tells a gauge: those of the test, or else those that would.
fn told_by(gauge: Gauge, tell: &[&str]) -> String {
    if !tell.is_empty() {
        return format!("it is told by {}", listed(tell.iter().map(|&name| name.to_owned())));
    }
    let (container, process) = ("`monitor: { container: NAME }`", "`monitor: { process: { port: 8080 } }`");
    match gauge {
        Gauge::Throttled | Gauge::Received | Gauge::Sent => format!("containers tell it: write {container}"),
        Gauge::Descriptors => format!("processes of this machine tell it: write {process}"),
        _ => format!("write {process} or {container} to watch the target"),
    }
}

fn series_of(
    name_at: Range<usize>,
    series: Option<(String, Range<usize>)>,
    names: Names<'_>,
) -> Result<Metric> {
    let all = || {
        (0..).zip(names.monitor).flat_map(|(source, watch)| {
            (0..).zip(watch.series()).map(move |(place, series)| (source, place, series.name.as_str()))
        })
    };
    let known = || all().map(|(_, _, name)| name);
    let none = "write `monitor: { prometheus: { url: /metrics, series: [process_open_fds] } }`";
    let Some((value, at)) = series else {
        let help = match known().next() {
            Some(first) => format!("write `target{{series={first}}}`"),
            None => format!("{none}, and `target{{series=process_open_fds}}`"),
        };
        return wrong(name_at, "it is not said which series is meant", help);
    };
    if let Some((source, place, _)) = all().find(|(_, _, name)| *name == value) {
        return Ok(Metric::Watched { source, gauge: Gauge::Series(place) });
    }
    let help = match (closest(&value, known()), known().next()) {
        (Some(close), _) => format!("did you mean `{close}`?"),
        (None, Some(_)) => format!("the series are {}", listed(known().map(str::to_owned))),
        (None, None) => none.to_owned(),
    };
    wrong(at, format!("no series is named `{value}`"), help)
}
