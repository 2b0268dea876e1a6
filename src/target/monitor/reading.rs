//! From what a source tells of itself to the figures of a second: pure functions, the same for all sources.

use std::time::{Duration, Instant};

use crate::scenario::monitor::Gauge;

/// A reading, and when it was true.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    pub(super) at: Instant,
    pub(super) reading: Reading,
}

/// The seconds, counted from the beginning of the load, that the time between two looks speaks for: those whose
/// middle lies in it. So each second is that of one pair of looks, whenever a source is heard.
pub(super) fn seconds(from: Duration, to: Duration) -> std::ops::Range<u32> {
    let half = Duration::from_millis(500);
    let whole = |time: Duration| u32::try_from((time + half).as_secs()).unwrap_or(u32::MAX);
    whole(from)..whole(to)
}

/// What a source tells of itself at one moment. What it does not tell is none.
///
/// Counters count from whenever the source pleases: only their growth between two readings says something.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading {
    /// Processor time used so far.
    pub(super) cpu: Option<Duration>,
    pub(super) periods: Option<Periods>,
    /// In bytes.
    pub(super) memory: Option<u64>,
    pub(super) descriptors: Option<u64>,
    pub(super) threads: Option<u64>,
    /// Bytes received so far.
    pub(super) received: Option<u64>,
    /// Bytes sent so far.
    pub(super) sent: Option<u64>,
    /// Of an endpoint, in the order of its series.
    pub(super) series: Vec<Taken>,
}

/// What was found of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Taken {
    Value(Option<f64>),
    /// What counts is by how much it grows.
    Counter(Option<f64>),
}

/// Periods of the scheduler so far in which a limited source wanted to run, and those of them in which it used
/// up its limit and had to wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Periods {
    pub(super) all: u64,
    pub(super) throttled: u64,
}

/// The figures of the time between two readings; `cpu_limit` is in cores.
///
/// A counter that fell was set back, by a restart: it says nothing about this time.
pub(super) fn figures(
    before: &Reading,
    after: &Reading,
    took: Duration,
    cpu_limit: Option<f64>,
) -> Vec<(Gauge, f64)> {
    let seconds = took.as_secs_f64();
    let mut figures = Vec::new();
    if seconds > 0.0 {
        let per_second = |before: Option<u64>, after: Option<u64>| {
            after?.checked_sub(before?).map(|grown| grown as f64 / seconds)
        };
        let used = before.cpu.zip(after.cpu).and_then(|(before, after)| after.checked_sub(before));
        let cores = cpu_limit.filter(|cores| *cores > 0.0).unwrap_or(1.0);
        figures.extend(used.map(|used| (Gauge::Cpu, used.as_secs_f64() / seconds / cores)));
        figures.extend(per_second(before.received, after.received).map(|rate| (Gauge::Received, rate)));
        figures.extend(per_second(before.sent, after.sent).map(|rate| (Gauge::Sent, rate)));
    }
    let periods = before.periods.zip(after.periods);
    figures.extend(
        periods.and_then(|(before, after)| throttled(before, after)).map(|share| (Gauge::Throttled, share)),
    );
    figures.extend(after.memory.map(|bytes| (Gauge::Memory, bytes as f64)));
    figures.extend(after.descriptors.map(|count| (Gauge::Descriptors, count as f64)));
    figures.extend(after.threads.map(|count| (Gauge::Threads, count as f64)));
    for (place, now) in (0..).zip(&after.series) {
        let figure = match (before.series.get(usize::from(place)), *now) {
            (_, Taken::Value(value)) => value,
            (Some(Taken::Counter(Some(before))), Taken::Counter(Some(now))) => {
                Some((now - before) / seconds).filter(|rate| *rate >= 0.0)
            }
            _ => None,
        };
        figures.extend(figure.map(|figure| (Gauge::Series(place), figure)));
    }
    figures
}

/// In a second in which it never wanted to run, nothing held it back.
fn throttled(before: Periods, after: Periods) -> Option<f64> {
    let all = after.all.checked_sub(before.all)?;
    let throttled = after.throttled.checked_sub(before.throttled)?;
    Some(if all == 0 { 0.0 } else { throttled as f64 / all as f64 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_second_is_that_of_the_looks_around_its_middle() {
        let millis = Duration::from_millis;
        for (from, to, expected) in [
            (0, 1000, 0..1),
            (1000, 2000, 1..2),
            (3000, 4006, 3..4),
            (900, 1905, 1..2),
            (450, 1455, 0..1),
            (1000, 4000, 1..4),
            (4000, 4300, 4..4),
            (4300, 4600, 4..5),
        ] {
            assert_eq!(seconds(millis(from), millis(to)), expected, "{from} to {to}");
        }
    }

    fn reading(cpu_ms: u64, sent: u64) -> Reading {
        Reading {
            cpu: Some(Duration::from_millis(cpu_ms)),
            memory: Some(64 << 20),
            descriptors: Some(31),
            threads: Some(4),
            received: Some(10 * sent),
            sent: Some(sent),
            periods: Some(Periods { all: cpu_ms / 10, throttled: cpu_ms / 40 }),
            series: vec![Taken::Value(Some(-7.5)), Taken::Counter(Some(cpu_ms as f64)), Taken::Counter(None)],
        }
    }

    fn of(gauge: Gauge, figures: &[(Gauge, f64)]) -> Option<f64> {
        figures.iter().find(|(known, _)| *known == gauge).map(|(_, value)| *value)
    }

    #[test]
    fn counters_become_rates_and_gauges_stay() {
        let took = Duration::from_secs(2);
        let figures = figures(&reading(1000, 500), &reading(2000, 700), took, None);
        assert_eq!(of(Gauge::Cpu, &figures), Some(0.5));
        assert_eq!(of(Gauge::Throttled, &figures), Some(0.25));
        assert_eq!(of(Gauge::Sent, &figures), Some(100.0));
        assert_eq!(of(Gauge::Received, &figures), Some(1000.0));
        assert_eq!(of(Gauge::Memory, &figures), Some(67_108_864.0));
        assert_eq!(of(Gauge::Descriptors, &figures), Some(31.0));
        assert_eq!(of(Gauge::Threads, &figures), Some(4.0));
        let series = [0, 1, 2].map(|place| of(Gauge::Series(place), &figures));
        assert_eq!(series, [Some(-7.5), Some(500.0), None]);
    }

    #[test]
    fn processor_time_is_a_share_of_the_limit_where_there_is_one() {
        let second = Duration::from_secs(1);
        let of_limit = |limit| {
            let figures = figures(&reading(0, 0), &reading(250, 0), second, limit);
            of(Gauge::Cpu, &figures)
        };
        assert_eq!(of_limit(Some(0.5)), Some(0.5));
        assert_eq!(of_limit(Some(4.0)), Some(0.0625));
        assert_eq!(of_limit(None), Some(0.25));
    }

    #[test]
    fn what_was_set_back_says_nothing() {
        let figures = figures(&reading(9000, 9000), &reading(40, 40), Duration::from_secs(1), None);
        for gauge in [Gauge::Cpu, Gauge::Throttled, Gauge::Sent, Gauge::Received, Gauge::Series(1)] {
            assert_eq!(of(gauge, &figures), None, "{gauge:?}");
        }
        assert_eq!(of(Gauge::Memory, &figures), Some(67_108_864.0));
    }

    #[test]
    fn an_idle_source_is_not_throttled() {
        let same = reading(1000, 10);
        let figures = figures(&same, &same, Duration::from_secs(1), None);
        assert_eq!(of(Gauge::Throttled, &figures), Some(0.0));
        assert_eq!(of(Gauge::Cpu, &figures), Some(0.0));
    }

    #[test]
    fn what_a_source_does_not_tell_is_left_out() {
        let second = Duration::from_secs(1);
        assert_eq!(figures(&Reading::default(), &Reading::default(), second, None), []);
        let first = figures(&Reading::default(), &reading(5, 5), second, None);
        let gauges: Vec<Gauge> = first.iter().map(|(gauge, _)| *gauge).collect();
        assert_eq!(
            gauges,
            [Gauge::Memory, Gauge::Descriptors, Gauge::Threads, Gauge::Series(0)],
            "nothing has grown yet"
        );
    }

    proptest! {
        /// However looks fall, no second is spoken for twice, and none between the first and the last is left out.
        #[test]
        fn seconds_are_shared_out(gaps in proptest::collection::vec(0_u64..3000, 1..50)) {
            let (mut at, mut next) = (Duration::ZERO, 0);
            for gap in gaps {
                let to = at + Duration::from_millis(gap);
                let spoken = seconds(at, to);
                prop_assert_eq!(spoken.start, next);
                prop_assert!(spoken.end >= spoken.start);
                (at, next) = (to, spoken.end);
            }
        }

        /// Whatever is read, no figure is negative or no number, and shares of periods stay shares.
        #[test]
        fn figures_are_sane(
            cpu in any::<(u32, u32)>(), sent in any::<(u64, u64)>(), millis in 0_u64..100_000,
            limit in proptest::option::of(0.0_f64..64.0), periods in any::<(u32, u32)>(), part in 0.0_f64..=1.0,
        ) {
            let reading = |cpu: u32, sent, periods: u32| Reading {
                cpu: Some(Duration::from_millis(cpu.into())),
                sent: Some(sent),
                periods: Some(Periods {
                    all: periods.into(),
                    throttled: (f64::from(periods) * part) as u64,
                }),
                ..Reading::default()
            };
            let before = reading(cpu.0, sent.0, periods.0);
            let after = reading(cpu.1, sent.1, periods.1);
            for (gauge, value) in figures(&before, &after, Duration::from_millis(millis), limit) {
                prop_assert!(value.is_finite() && value >= 0.0, "{gauge:?} {value}");
                if gauge == Gauge::Throttled && periods.1 > periods.0 {
                    prop_assert!(value <= 1.0 + 1.0 / f64::from(periods.1 - periods.0), "{value}");
                }
            }
        }
    }
}
