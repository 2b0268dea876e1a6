//! Whether an endurance run drifted: whether latency, memory or descriptors went somewhere under steady load.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::monitor::{round_of, unit};
use super::record::Unit;
use super::verdict::quantity;
use crate::metrics::{Second, Watched};
use crate::scenario::model::{LoadKind, Test};
use crate::scenario::monitor::Gauge;
use crate::threshold::LoadTime;
use crate::trend::{Trend, trend};

/// What an endurance run was looked through for: whether something grows that should stay as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DriftResult {
    /// Since the beginning of the load: where its steady part begins, warm-up left out.
    pub from_s: f64,
    /// Where it ends.
    pub to_s: f64,
    /// The p99 of response times first, then memory and descriptors of what was watched.
    pub trends: Vec<TrendResult>,
}

/// Where one figure went: the slope of Theil and Sen over the medians of up to 60 windows, held against Student's
/// t with as many independent values as the windows' resemblance leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrendResult {
    /// `latency p99`, or what was watched and which gauge of it: `bundled memory`.
    pub name: String,
    pub verdict: DriftVerdict,
    /// The verdict in words: `no drift`, `grows 3MiB/min`.
    pub text: String,
    /// What `per_minute`, `low` and `high` are in.
    pub unit: Unit,
    /// The slope; none where there were too few seconds to tell.
    pub per_minute: Option<f64>,
    /// The slope lies between this and `high` with a confidence of 95 %.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// How likely a figure that goes nowhere would look like this one.
    pub p_value: Option<f64>,
    /// What it begins with, in the unit without `_per_minute`.
    pub begins: Option<f64>,
    /// How many windows that rests on.
    pub windows: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftVerdict {
    /// Nothing that chance would not do, or too little to matter.
    NoDrift,
    Grows,
    Falls,
    /// Too few seconds of steady load.
    Unknown,
}

/// More often than once in a hundred runs, chance would do the same.
const CHANCE: f64 = 0.01;

/// What a figure must change by in the course of the steady load to be worth a word, however sure it is.
#[derive(Debug, Clone, Copy)]
struct Least {
    /// Of what it begins with.
    share: f64,
    /// In its own unit.
    amount: f64,
}

impl Least {
    const LATENCY: Least = Least { share: 0.1, amount: 0.001 };
    const MEMORY: Least = Least { share: 0.02, amount: 1024.0 * 1024.0 };
    const DESCRIPTORS: Least = Least { share: 0.05, amount: 5.0 };
}

/// The drift of a test of `kind: endurance`; none of another.
pub(super) fn drift(
    test: &Test,
    seconds: &[Second],
    watched: &Watched,
    load: &LoadTime,
    clean: impl Fn(&str) -> String,
) -> Option<DriftResult> {
    test.scenarios.iter().find(|scenario| scenario.load.kind == Some(LoadKind::Endurance))?;
    let (from, to) = load.steady();
    if to <= from {
        return None;
    }
    let (from_s, to_s) = (from.as_secs_f64(), to.as_secs_f64());
    let p99 = seconds.iter().filter(|second| load.is_steady(second.at));
    let p99 = p99.filter_map(|second| Some((f64::from(second.at), second.p99?.as_secs_f64())));
    let mut trends =
        vec![judged("latency p99".into(), Unit::Seconds, &p99.collect::<Vec<_>>(), Least::LATENCY)];
    for (watch, source) in test.monitor.iter().zip(&watched.sources) {
        for (gauge, least) in [(Gauge::Memory, Least::MEMORY), (Gauge::Descriptors, Least::DESCRIPTORS)] {
            let points = source.of(gauge).filter(|(second, _)| load.is_steady(*second));
            let points: Vec<(f64, f64)> = points.map(|(second, value)| (f64::from(second), value)).collect();
            if source.gauges().any(|known| known == gauge) {
                let name = format!("{} {}", clean(&watch.name), watch.name_of(gauge));
                trends.push(judged(name, unit(watch, gauge), &points, least));
            }
        }
    }
    Some(DriftResult { from_s: round_of(from_s, 4), to_s: round_of(to_s, 4), trends })
}

fn judged(name: String, unit: Unit, points: &[(f64, f64)], least: Least) -> TrendResult {
    let found = trend(points);
    let verdict = found.map_or(DriftVerdict::Unknown, |trend| verdict(&trend, least));
    let unit = unit.per_minute();
    let per_minute = found.map(|trend| trend.slope * 60.0);
    let amount = per_minute.map(|slope| quantity(slope.abs(), unit)).unwrap_or_default();
    let text = match verdict {
        DriftVerdict::NoDrift => "no drift".into(),
        DriftVerdict::Grows => format!("grows {amount}"),
        DriftVerdict::Falls => format!("falls {amount}"),
        DriftVerdict::Unknown => "too few seconds to tell".into(),
    };
    let rounded = |value: f64| match unit {
        Unit::BytesPerMinute => value.round(),
        _ => round_of(value, 6),
    };
    TrendResult {
        name,
        verdict,
        text,
        unit,
        per_minute: per_minute.map(rounded),
        low: found.map(|trend| rounded(trend.low * 60.0)),
        high: found.map(|trend| rounded(trend.high * 60.0)),
        p_value: found.map(|trend| round_of(trend.p_value, 3)),
        begins: found.map(|trend| rounded(trend.begins)),
        windows: found.map_or(0, |trend| trend.windows as u32),
    }
}

fn verdict(trend: &Trend, least: Least) -> DriftVerdict {
    let change = trend.slope * trend.span;
    let matters = change.abs() >= least.amount.max(least.share * trend.begins.abs());
    match (trend.p_value < CHANCE && matters, change > 0.0) {
        (false, _) => DriftVerdict::NoDrift,
        (true, true) => DriftVerdict::Grows,
        (true, false) => DriftVerdict::Falls,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: f64 = 1024.0 * 1024.0;

    /// Memory that begins at 100 MiB and changes by so much in each of so many seconds, with a swing of 100 KiB.
    fn memory(seconds: u32, per_second: f64) -> TrendResult {
        let swing = |second: u32| f64::from(second * 7 % 11) / 11.0 * 100.0 * 1024.0;
        let points = (0..seconds)
            .map(|second| (f64::from(second), 100.0 * MIB + per_second * f64::from(second) + swing(second)));
        judged("bundled memory".into(), Unit::Bytes, &points.collect::<Vec<_>>(), Least::MEMORY)
    }

    #[test]
    fn a_leak_is_told_with_its_size() {
        let leak = memory(600, 3.0 * MIB / 60.0);
        assert_eq!((leak.verdict, leak.text.as_str()), (DriftVerdict::Grows, "grows 3.0MiB/min"));
        assert_eq!(leak.unit, Unit::BytesPerMinute);
        assert!(leak.low.unwrap() <= 3.0 * MIB && 3.0 * MIB <= leak.high.unwrap(), "{leak:#?}");
        let fall = memory(600, -3.0 * MIB / 60.0);
        assert_eq!((fall.verdict, fall.text.as_str()), (DriftVerdict::Falls, "falls 3.0MiB/min"));
    }

    #[test]
    fn what_stays_or_hardly_moves_is_no_drift() {
        for per_second in [0.0, 10.0, -10.0] {
            let steady = memory(600, per_second);
            assert_eq!((steady.verdict, steady.text.as_str()), (DriftVerdict::NoDrift, "no drift"));
            assert!(steady.per_minute.is_some());
        }
        // Sure, but only a percent of what there is.
        assert_eq!(memory(600, MIB / 600.0).verdict, DriftVerdict::NoDrift);
    }

    #[test]
    fn a_moment_tells_nothing() {
        let moment = memory(5, MIB);
        assert_eq!(
            (moment.verdict, moment.text.as_str()),
            (DriftVerdict::Unknown, "too few seconds to tell")
        );
        assert_eq!((moment.per_minute, moment.windows), (None, 0));
    }

    #[test]
    fn latency_must_grow_by_what_somebody_would_feel() {
        let p99 = |base: f64, growth: f64| {
            let points = (0..100).map(|second| (f64::from(second), base + growth * f64::from(second) / 99.0));
            judged("latency p99".into(), Unit::Seconds, &points.collect::<Vec<_>>(), Least::LATENCY)
        };
        assert_eq!(p99(0.0002, 0.0003).verdict, DriftVerdict::NoDrift, "twice as slow, and nobody notices");
        assert_eq!(p99(0.100, 0.005).verdict, DriftVerdict::NoDrift);
        let grown = p99(0.100, 0.033);
        assert_eq!((grown.verdict, grown.text.as_str()), (DriftVerdict::Grows, "grows 20.0ms/min"));
    }

    proptest! {
        /// Larger leaks of a series are never told as less.
        #[test]
        fn more_growth_is_no_less_drift(seconds in 10_u32..400, small in 0.0_f64..1e6, more in 0.0_f64..1e6) {
            let rank = |verdict| match verdict {
                DriftVerdict::Falls => 0,
                DriftVerdict::NoDrift | DriftVerdict::Unknown => 1,
                DriftVerdict::Grows => 2,
            };
            let (less, more) = (memory(seconds, small), memory(seconds, small + more));
            prop_assert!(rank(less.verdict) <= rank(more.verdict), "{less:#?} {more:#?}");
        }
    }
}
