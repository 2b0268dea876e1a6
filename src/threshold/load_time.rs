//! When each scenario and each named stage was under load: what rates are divided by.
//!
//! Draining after the load is no part of it, so that a slow end does not flatter or blacken a rate.

use std::time::Duration;

use crate::scenario::model::{Shape, StageId, Test};

/// A stretch of time since the beginning of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: Duration,
    to: Duration,
}

/// The stretches of all scenarios and all named stages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadTime {
    /// By the index of the scenario.
    scenarios: Vec<Span>,
    /// By [`StageId`]; a name may stand in several places.
    stages: Vec<Vec<Span>>,
}

impl LoadTime {
    /// As the file plans it. Scenarios without a planned end (a fixed number of iterations) go on until they
    /// are [clipped](LoadTime::between).
    pub fn planned(test: &Test) -> LoadTime {
        let mut time =
            LoadTime { scenarios: Vec::new(), stages: vec![Vec::new(); test.catalog.stages.len()] };
        for scenario in &test.scenarios {
            let longest = scenario.load.max_duration.unwrap_or(Duration::MAX);
            let mut end = Duration::MAX;
            if let Shape::Users(profile) | Shape::Arrivals { profile, .. } = &scenario.load.shape {
                end = Duration::ZERO;
                for stage in &profile.stages {
                    let from = end;
                    end += stage.duration;
                    if let Some(spans) = stage.name.and_then(|name| time.stages.get_mut(name.index())) {
                        spans.push(Span { from: from.min(longest), to: end.min(longest) });
                    }
                }
            }
            time.scenarios.push(Span { from: Duration::ZERO, to: end.min(longest) });
        }
        time
    }

    /// The part of it that lies between two moments: up to where the run ended, or within a window.
    #[must_use]
    pub fn between(&self, from: Duration, to: Duration) -> LoadTime {
        let clip = |span: &Span| {
            let from = span.from.clamp(from, to);
            Span { from, to: span.to.clamp(from, to) }
        };
        LoadTime {
            scenarios: self.scenarios.iter().map(clip).collect(),
            stages: self.stages.iter().map(|spans| spans.iter().map(clip).collect()).collect(),
        }
    }

    /// How long one scenario was under load.
    pub fn of_scenario(&self, scenario: usize) -> Duration {
        self.scenarios.get(scenario).map_or(Duration::ZERO, |span| span.to.saturating_sub(span.from))
    }

    /// When the last scenario's load ends.
    pub fn end(&self) -> Duration {
        self.scenarios.iter().map(|span| span.to).max().unwrap_or_default()
    }

    /// How long at least one of the scenarios was under load, in seconds; with stages, how long at least one
    /// of these lasted.
    pub fn seconds(&self, wanted: impl Fn(usize) -> bool, stages: &[StageId]) -> f64 {
        let spans: Vec<Span> = if stages.is_empty() {
            let scenarios = self.scenarios.iter().enumerate();
            scenarios.filter(|&(index, _)| wanted(index)).map(|(_, span)| *span).collect()
        } else {
            stages.iter().filter_map(|stage| self.stages.get(stage.index())).flatten().copied().collect()
        };
        union(spans).as_secs_f64()
    }
}

/// The length of what the spans cover together.
fn union(mut spans: Vec<Span>) -> Duration {
    spans.sort_by_key(|span| span.from);
    let (mut covered, mut until) = (Duration::ZERO, Duration::ZERO);
    for span in spans {
        let from = span.from.max(until);
        covered += span.to.saturating_sub(from);
        until = until.max(span.to);
    }
    covered
}

#[cfg(test)]
impl LoadTime {
    pub(crate) fn for_tests(scenarios: &[(u64, u64)], stages: &[&[(u64, u64)]]) -> LoadTime {
        let span =
            |&(from, to): &(u64, u64)| Span { from: Duration::from_secs(from), to: Duration::from_secs(to) };
        LoadTime {
            scenarios: scenarios.iter().map(span).collect(),
            stages: stages.iter().map(|spans| spans.iter().map(span).collect()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_under_load_counts_once() {
        let table: &[(&[(u64, u64)], f64)] = &[
            (&[(0, 10)], 10.0),
            (&[(0, 10), (0, 10)], 10.0),
            (&[(0, 10), (5, 20)], 20.0),
            (&[(30, 40), (0, 10)], 20.0),
            (&[(0, 40), (10, 20)], 40.0),
            (&[], 0.0),
        ];
        for (spans, seconds) in table {
            let time = LoadTime::for_tests(spans, &[]);
            assert!((time.seconds(|_| true, &[]) - seconds).abs() < 1e-9, "{spans:?}");
        }
    }

    #[test]
    fn a_window_sees_its_own_part_of_a_stage() {
        let time = LoadTime::for_tests(&[(0, 100)], &[&[(20, 30), (50, 60)]]);
        let stage = [StageId(0)];
        assert!((time.seconds(|_| true, &stage) - 20.0).abs() < 1e-9);
        let window = time.between(Duration::from_secs(25), Duration::from_secs(55));
        assert!((window.seconds(|_| true, &stage) - 10.0).abs() < 1e-9);
        assert_eq!(window.of_scenario(0), Duration::from_secs(30));
    }
}
