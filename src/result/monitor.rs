//! What was watched of the target, as the record has it: figures second by second, and what they come to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::Unit;
use crate::metrics::{Figures, Second, Watched, WatchedSource};
use crate::scenario::monitor::{Gauge, TakenAs, Watch, WatchKind};
use crate::threshold::LoadTime;

/// Something that was watched once a second beside the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WatchedResult {
    /// As `monitor` names it; `bundled` is the service that comes with the program.
    pub name: String,
    pub kind: WatchedKind,
    /// Cores it may use. Where a limit is known, `cpu` is a share of it, else of one core.
    pub cpu_limit_cores: Option<f64>,
    /// Memory it may use, where a limit is known.
    pub memory_limit_bytes: Option<u64>,
    /// How often it could not be asked.
    pub failed: u64,
    /// Why it could not, the first time.
    pub problem: Option<String>,
    /// Only those of which there are figures.
    pub gauges: Vec<GaugeResult>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WatchedKind {
    /// A process on the generator's machine, by `/proc`.
    Process,
    /// A container of the Docker engine.
    Container,
    /// An endpoint in the text format of Prometheus.
    Prometheus,
}

/// A figure of something watched. What it comes to is taken over the load; draining is no part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GaugeResult {
    /// `cpu`, `throttled`, `memory`, `descriptors`, `threads`, `received`, `sent`; of an endpoint the names
    /// that the test gives its series.
    pub name: String,
    /// What `values` and all that they come to are in.
    pub unit: Unit,
    /// Seconds of the load that have a value.
    pub samples: u64,
    /// In the first of these seconds.
    pub first: Option<f64>,
    /// In the last of these seconds.
    pub last: Option<f64>,
    pub min: Option<f64>,
    pub avg: Option<f64>,
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
    /// One for each second of `series.at_s`: how it was at its end, or on average during it.
    pub values: Vec<Option<f64>>,
}

/// The watched sources of a run.
pub(super) fn monitor(
    watches: &[Watch],
    watched: &Watched,
    seconds: &[Second],
    load: &LoadTime,
    clean: impl Fn(&str) -> String,
) -> Vec<WatchedResult> {
    let sources = watches.iter().zip(&watched.sources);
    sources
        .map(|(watch, source)| WatchedResult {
            name: clean(&watch.name),
            kind: match watch.kind {
                WatchKind::Bundled | WatchKind::Process(_) => WatchedKind::Process,
                WatchKind::Container(_) | WatchKind::Started => WatchedKind::Container,
                WatchKind::Prometheus(_) => WatchedKind::Prometheus,
            },
            cpu_limit_cores: source.cpu_limit.filter(|cores| cores.is_finite()),
            memory_limit_bytes: source.memory_limit,
            failed: source.failed,
            problem: source.problem.as_deref().map(&clean),
            gauges: source.gauges().map(|gauge| gauge_result(watch, gauge, source, seconds, load)).collect(),
        })
        .collect()
}

fn gauge_result(
    watch: &Watch,
    gauge: Gauge,
    source: &WatchedSource,
    seconds: &[Second],
    load: &LoadTime,
) -> GaugeResult {
    let values: Vec<Option<f64>> =
        seconds.iter().map(|second| source.at(gauge, second.at).map(|value| rounded(gauge, value))).collect();
    let figures = seconds.iter().zip(&values).filter(|(second, _)| load.has_second(second.at, &[]));
    let figures = Figures::new(figures.filter_map(|(_, value)| *value));
    GaugeResult {
        name: watch.name_of(gauge).into(),
        unit: unit(watch, gauge),
        samples: figures.count(),
        first: figures.first(),
        last: figures.last(),
        min: figures.percentile(0.0),
        avg: figures.average().map(|value| rounded(gauge, value)),
        p50: figures.percentile(50.0),
        p95: figures.percentile(95.0),
        p99: figures.percentile(99.0),
        max: figures.percentile(100.0),
        values,
    }
}

/// What a gauge is measured in.
pub(super) fn unit(watch: &Watch, gauge: Gauge) -> Unit {
    match gauge {
        Gauge::Cpu | Gauge::Throttled => Unit::Share,
        Gauge::Memory => Unit::Bytes,
        Gauge::Received | Gauge::Sent => Unit::BytesPerSecond,
        Gauge::Descriptors | Gauge::Threads => Unit::Number,
        Gauge::Series(_) => match watch.chosen(gauge).map(|series| series.taken_as) {
            Some(TakenAs::Rate) => Unit::PerSecond,
            Some(TakenAs::Value) | None => Unit::Number,
        },
    }
}

/// As fine as it is measured; finer digits only take space.
fn rounded(gauge: Gauge, value: f64) -> f64 {
    match gauge {
        Gauge::Cpu | Gauge::Throttled => (value * 1e4).round() / 1e4,
        // In a unit that nobody here knows: six digits of whatever size.
        Gauge::Series(_) => round_of(value, 6),
        _ => value.round(),
    }
}

/// With so many digits, of whatever size it is.
pub(super) fn round_of(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits.saturating_sub(1)).parse().unwrap_or(value)
}
