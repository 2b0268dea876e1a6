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
    /// Since its beginning: the longest stretch in which it keeps its number of users or arrivals.
    level: Option<Span>,
    /// Whether what is watched meanwhile counts: a warm-up of its own does not.
    is_measured: bool,
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
            let lasts = end.min(longest);
            let level = longest_level(&scenario.load.shape);
            let level = level.map(|level| level.clip(Span { from: Duration::ZERO, to: lasts }));
            let begins = begins(test, number);
            scenarios.push(OfScenario { begins, lasts, level, is_measured: scenario.is_measured });
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

    /// When one scenario began; none where that is not known, or it never did.
    pub fn begins(&self, scenario: usize) -> Option<Duration> {
        self.scenarios.get(scenario).map(|one| one.begins).filter(|begins| *begins < Duration::MAX)
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

    /// The stretch in which nothing changed but the target: the longest in which a scenario kept its number of
    /// users or arrivals, as far as those beside it kept theirs; its first tenth left out as warm-up. The whole
    /// load where it was never level, or where there is nothing to ramp.
    pub fn steady(&self) -> (Duration, Duration) {
        let length = |span: &Span| span.to.saturating_sub(span.from);
        let levels = self.measured().map(|number| self.level(number));
        let mut levels: Vec<Span> = levels.filter(|level| !length(level).is_zero()).collect();
        levels.sort_by_key(|level| (std::cmp::Reverse(length(level)), level.from));
        let longest = levels.first().copied().unwrap_or(Span { from: Duration::ZERO, to: self.end() });
        let steady = levels.into_iter().fold(longest, |steady, other| {
            let both = other.clip(steady);
            if length(&both).is_zero() { steady } else { both }
        });
        (steady.from + length(&steady) / 10, steady.to)
    }

    fn measured(&self) -> impl Iterator<Item = usize> {
        let measured = self.scenarios.iter().enumerate().filter(|(_, scenario)| scenario.is_measured);
        measured.map(|(number, _)| number)
    }

    /// Where a scenario was level, or all of it where it has no course over time.
    fn level(&self, number: usize) -> Span {
        let span = self.span(number);
        let scenario = self.scenarios.get(number);
        let level = scenario.and_then(|scenario| Some(scenario.level?.after(scenario.begins)));
        level.map_or(span, |level| level.clip(span))
    }

    /// Whether a second lies within the steady part and ended before that did: what is looked at when the load
    /// ends is a target that is being left.
    pub fn is_steady(&self, second: u32) -> bool {
        let (from, to) = self.steady();
        let begin = Duration::from_secs(second.into());
        from <= begin && begin + Duration::from_secs(1) < to
    }

    /// Whether a second, counted from the beginning of the load, was one of it, that of a warm-up left out; with
    /// stages, one of theirs.
    pub fn has_second(&self, second: u32, stages: &[StageId]) -> bool {
        // By its middle: a stage that ends within it has the greater part.
        let middle = Duration::from_secs(second.into()) + Duration::from_millis(500);
        let has = |span: Span| span.from <= middle && middle <= span.to;
        // A load of less than that has a second all the same.
        let is_moment = |span: Span| second == 0 && span.from.is_zero() && !span.to.is_zero();
        if stages.is_empty() {
            let mut spans = self.measured().map(|number| self.span(number));
            return spans.any(|span| has(span) || is_moment(span));
        }
        self.spans_of(stages).any(|(_, span)| has(span))
    }

    /// The stretches of stages, each with its scenario.
    fn spans_of(&self, stages: &[StageId]) -> impl Iterator<Item = (usize, Span)> {
        let stages = stages.iter().filter_map(|stage| self.stages.get(stage.index())).flatten();
        let begins = |number: usize| self.scenarios.get(number).map_or(Duration::MAX, |one| one.begins);
        stages.map(move |(number, span)| (*number, span.after(begins(*number)).clip(self.window)))
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
            let stages = self.spans_of(stages).filter(|(number, _)| wanted(*number));
            stages.map(|(_, span)| span).collect()
        };
        union(spans).as_secs_f64()
    }
}

/// The longest stretch in which the number of users or arrivals stays as it is. Of a course over time that is
/// never level it has no length; none where there is no such course.
fn longest_level(shape: &Shape) -> Option<Span> {
    let (Shape::Users(profile) | Shape::Arrivals { profile, .. }) = shape else { return None };
    let (mut at, mut value) = (Duration::ZERO, profile.from);
    let mut levels: Vec<Span> = Vec::new();
    for stage in &profile.stages {
        let span = Span { from: at, to: at.saturating_add(stage.duration) };
        let is_level = (stage.target - value).abs() < f64::EPSILON && stage.target > 0.0;
        match levels.last_mut() {
            Some(level) if is_level && level.to == at => level.to = span.to,
            _ if is_level => levels.push(span),
            _ => {}
        }
        (at, value) = (span.to, stage.target);
    }
    let length = |level: &Span| level.to.saturating_sub(level.from);
    let longest = levels.into_iter().max_by_key(|level| (length(level), std::cmp::Reverse(level.from)));
    Some(longest.unwrap_or(Span { from: Duration::ZERO, to: Duration::ZERO }))
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
            level: None,
            is_measured: true,
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
        let never =
            OfScenario { begins: Duration::MAX, lasts: Duration::MAX, level: None, is_measured: true };
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

    /// The steady part of a load, in seconds.
    fn steady(load: &str) -> (f64, f64) {
        let text = format!("target: http://a\nload: {load}\nflow: [{{ get: / }}]\n");
        let path = std::path::Path::new("any.yaml");
        let loaded = crate::scenario::load_text(path, text, &crate::scenario::LoadOptions::default());
        let (from, to) = LoadTime::planned(&loaded.unwrap().test).steady();
        (from.as_secs_f64(), to.as_secs_f64())
    }

    #[test]
    fn the_steady_part_is_the_longest_level_without_its_warm_up() {
        let stages = |stages: &str| format!("{{ stages: [{stages}] }}");
        let stage = |seconds: u64, target: u64| format!("{{ duration: {seconds}s, target: {target} }}");
        for (load, expected) in [
            ("{ users: 5, duration: 100s }".to_owned(), (10.0, 100.0)),
            ("{ rate: 5/s, duration: 100s }".to_owned(), (10.0, 100.0)),
            (stages(&[stage(20, 50), stage(120, 50), stage(20, 0)].join(", ")), (32.0, 140.0)),
            (stages(&[stage(10, 5), stage(10, 5), stage(10, 9), stage(40, 9)].join(", ")), (34.0, 70.0)),
            (stages(&[stage(10, 5), stage(10, 5), stage(20, 5), stage(10, 0)].join(", ")), (13.0, 40.0)),
            // Never level: all of it. Rest is no load.
            (stages(&[stage(50, 50), stage(50, 0)].join(", ")), (10.0, 100.0)),
            (stages(&[stage(10, 5), stage(10, 0), stage(80, 0)].join(", ")), (10.0, 100.0)),
        ] {
            assert_eq!(steady(&load), expected, "{load}");
        }
    }

    #[test]
    fn a_load_that_was_cut_short_is_steady_up_to_there() {
        let mut time = LoadTime::for_tests(&[(0, 100)], &[]);
        let level = Span { from: Duration::from_secs(20), to: Duration::from_secs(80) };
        time.scenarios[0].level = Some(level);
        let seconds = |time: LoadTime| (time.steady().0.as_secs(), time.steady().1.as_secs());
        assert_eq!(seconds(time.between(Duration::ZERO, Duration::from_secs(40))), (22, 40));
        // It never came to it.
        assert_eq!(seconds(time.between(Duration::ZERO, Duration::from_secs(10))), (1, 10));
    }

    #[test]
    fn scenarios_side_by_side_are_steady_together() {
        let mut time = LoadTime::for_tests(&[(0, 100), (50, 200), (300, 320)], &[]);
        let level = |from, to| Some(Span { from: Duration::from_secs(from), to: Duration::from_secs(to) });
        // From 10 to 90, from 70 to 200, and one that comes alone and later.
        time.scenarios[0].level = level(10, 90);
        time.scenarios[1].level = level(20, 150);
        time.scenarios[2].level = level(0, 20);
        assert_eq!(time.steady(), (Duration::from_secs(72), Duration::from_secs(90)));
        time.begin_scenario(0, Duration::from_secs(400));
        assert_eq!(time.steady(), (Duration::from_secs(83), Duration::from_secs(200)));
        time.scenarios[1].is_measured = false;
        assert_eq!(time.steady(), (Duration::from_secs(418), Duration::from_secs(490)));
        assert!(time.has_second(310, &[]) && !time.has_second(100, &[]), "a warm-up does not count");
    }

    #[test]
    fn a_second_belongs_to_where_its_middle_lies() {
        let time = LoadTime::for_tests(&[(0, 10)], &[&[(2, 4)]]);
        let stage = [StageId(0)];
        let seconds = |stages: &[StageId]| {
            (0..20).filter(|second| time.has_second(*second, stages)).collect::<Vec<u32>>()
        };
        assert_eq!(seconds(&[]), (0..10).collect::<Vec<_>>());
        assert_eq!(seconds(&stage), [2, 3]);
        let moment = time.between(Duration::ZERO, Duration::from_millis(300));
        assert!(moment.has_second(0, &[]), "a load of a moment has a second too");
    }
}
