//! When each scenario and each named stage was under load: what rates are divided by.
//!
//! Draining after the load is no part of it, so that a slow end does not flatter or blacken a rate.

use std::time::Duration;

use crate::plan::begins;
use crate::scenario::model::{Shape, StageId, Test};

/// A stretch of time since the beginning of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: Duration,
    to: Duration,
}

impl Span {
    const ALWAYS: Span = Span { from: Duration::ZERO, to: Duration::MAX };

    fn clip(self, window: Span) -> Span {
        let within = |moment: Duration| moment.clamp(window.from, window.to);
        Span { from: within(self.from), to: within(self.to) }
    }

    fn after(self, beginning: Duration) -> Span {
        Span { from: beginning.saturating_add(self.from), to: beginning.saturating_add(self.to) }
    }
}

/// The stretches of all scenarios and all named stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadTime {
    /// By the index of the scenario.
    scenarios: Vec<OfScenario>,
    /// By [`StageId`], each with its scenario, since the beginning of that; a name may stand in several places.
    stages: Vec<Vec<(usize, Span)>>,
    /// What is looked at.
    window: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OfScenario {
    /// Never, as far as is known, where it is the longest duration there is.
    begins: Duration,
    /// Without an end that is known, the longest there is.
    lasts: Duration,
}

impl LoadTime {
    /// As the file plans it. Scenarios without a planned end (a fixed number of iterations) go on until they
    /// [end](LoadTime::end_scenario) or are [clipped](LoadTime::between); those after them are planned for
    /// never, until they [begin](LoadTime::begin_scenario).
    pub fn planned(test: &Test) -> LoadTime {
        let mut stages = vec![Vec::new(); test.catalog.stages.len()];
        let mut scenarios = Vec::new();
        for (number, scenario) in test.scenarios.iter().enumerate() {
            let longest = scenario.load.max_duration.unwrap_or(Duration::MAX);
            let mut end = Duration::MAX;
            if let Shape::Users(profile) | Shape::Arrivals { profile, .. } = &scenario.load.shape {
                end = Duration::ZERO;
                for stage in &profile.stages {
                    let from = end;
                    end = end.saturating_add(stage.duration);
                    if let Some(spans) = stage.name.and_then(|name| stages.get_mut(name.index())) {
                        spans.push((number, Span { from: from.min(longest), to: end.min(longest) }));
                    }
                }
            }
            scenarios.push(OfScenario { begins: begins(test, number), lasts: end.min(longest) });
        }
        LoadTime { scenarios, stages, window: Span::ALWAYS }
    }

    /// A scenario begins at `at`, whenever it was planned to.
    pub fn begin_scenario(&mut self, number: usize, at: Duration) {
        if let Some(scenario) = self.scenarios.get_mut(number) {
            scenario.begins = at;
        }
    }

    /// The last user of a scenario is done, at `at`. Where that is after its planned end, it drained.
    pub fn end_scenario(&mut self, number: usize, at: Duration) {
        if let Some(scenario) = self.scenarios.get_mut(number) {
            scenario.lasts = scenario.lasts.min(at.saturating_sub(scenario.begins));
        }
    }

    /// The part of it that lies between two moments: up to where the run ended, or within a window.
    #[must_use]
    pub fn between(&self, from: Duration, to: Duration) -> LoadTime {
        LoadTime { window: Span { from, to }.clip(self.window), ..self.clone() }
    }

    fn span(&self, number: usize) -> Span {
        match self.scenarios.get(number) {
            Some(scenario) => {
                Span { from: Duration::ZERO, to: scenario.lasts }.after(scenario.begins).clip(self.window)
            }
            None => Span { from: Duration::ZERO, to: Duration::ZERO },
        }
    }

    /// How long one scenario was under load.
    pub fn of_scenario(&self, scenario: usize) -> Duration {
        let span = self.span(scenario);
        span.to.saturating_sub(span.from)
    }

    /// When the last scenario's load ends.
    pub fn end(&self) -> Duration {
        (0..self.scenarios.len()).map(|number| self.span(number).to).max().unwrap_or_default()
    }

    /// How long at least one of the scenarios was under load, in seconds; with stages, how long at least one
    /// of these lasted.
    pub fn seconds(&self, wanted: impl Fn(usize) -> bool, stages: &[StageId]) -> f64 {
        let spans: Vec<Span> = if stages.is_empty() {
            (0..self.scenarios.len())
                .filter(|&number| wanted(number))
                .map(|number| self.span(number))
                .collect()
        } else {
            let stages = stages.iter().filter_map(|stage| self.stages.get(stage.index())).flatten();
            let stages = stages.filter(|(number, _)| wanted(*number));
            let begins = |number: usize| self.scenarios.get(number).map_or(Duration::MAX, |one| one.begins);
            stages.map(|(number, span)| span.after(begins(*number)).clip(self.window)).collect()
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
    /// Scenarios from one second to another; stages as well, since the beginning of the first scenario.
    pub(crate) fn for_tests(scenarios: &[(u64, u64)], stages: &[&[(u64, u64)]]) -> LoadTime {
        let scenario = |&(from, to): &(u64, u64)| OfScenario {
            begins: Duration::from_secs(from),
            lasts: Duration::from_secs(to - from),
        };
        let span = |&(from, to): &(u64, u64)| {
            (0, Span { from: Duration::from_secs(from), to: Duration::from_secs(to) })
        };
        LoadTime {
            scenarios: scenarios.iter().map(scenario).collect(),
            stages: stages.iter().map(|spans| spans.iter().map(span).collect()).collect(),
            window: Span::ALWAYS,
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

    #[test]
    fn a_scenario_that_begins_later_takes_its_stages_along() {
        let mut time = LoadTime::for_tests(&[(10, 100)], &[&[(10, 20)]]);
        time.begin_scenario(0, Duration::from_secs(15));
        assert_eq!(time.end(), Duration::from_secs(105));
        let early = time.between(Duration::ZERO, Duration::from_secs(26));
        assert!((early.seconds(|_| true, &[StageId(0)]) - 1.0).abs() < 1e-9);
        assert!(early.seconds(|number| number != 0, &[StageId(0)]).abs() < 1e-9);
    }

    #[test]
    fn a_scenario_without_a_planned_end_ends_with_its_last_user() {
        let mut time = LoadTime::for_tests(&[(0, 10)], &[]);
        let never = OfScenario { begins: Duration::MAX, lasts: Duration::MAX };
        time.scenarios.extend([never, OfScenario { lasts: Duration::from_secs(4), ..never }]);
        assert_eq!(time.between(Duration::ZERO, Duration::from_secs(50)).of_scenario(2), Duration::ZERO);
        time.begin_scenario(1, Duration::from_secs(12));
        assert_eq!(time.end(), Duration::MAX);
        time.end_scenario(1, Duration::from_secs(15));
        time.begin_scenario(2, Duration::from_secs(20));
        assert_eq!(time.of_scenario(1), Duration::from_secs(3));
        assert_eq!(time.of_scenario(2), Duration::from_secs(4));
        time.end_scenario(0, Duration::from_secs(40));
        assert_eq!(time.of_scenario(0), Duration::from_secs(10), "draining is no load");
        assert_eq!(time.end(), Duration::from_secs(24));
    }
}
