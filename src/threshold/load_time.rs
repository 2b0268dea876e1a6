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
    /// While no scenario's load was changed on purpose.
    steady: Option<Span>,
}

impl LoadTime {
    /// As the file plans it. Scenarios without a planned end (a fixed number of iterations) go on until they
    /// are [clipped](LoadTime::between).
    pub fn planned(test: &Test) -> LoadTime {
        let mut time = LoadTime {
            scenarios: Vec::new(),
            stages: vec![Vec::new(); test.catalog.stages.len()],
            steady: None,
        };
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
            let whole = Span { from: Duration::ZERO, to: end.min(longest) };
            let steady = longest_level(&scenario.load.shape).unwrap_or(whole).within(whole);
            time.steady = Some(time.steady.map_or(steady, |others| others.within(steady)));
            time.scenarios.push(whole);
        }
        time
    }

    /// The stretch in which nothing changed but the target: where every scenario kept its number of users or
    /// arrivals, its first tenth left out as warm-up. The whole load where it was never level, or where there
    /// is nothing to ramp.
    pub fn steady(&self) -> (Duration, Duration) {
        let whole = Span { from: Duration::ZERO, to: self.end() };
        let Span { from, to } = self.steady.filter(|span| span.to > span.from).unwrap_or(whole);
        (from + to.saturating_sub(from) / 10, to)
    }

    /// Whether a second lies within the steady part and ended before that did: what is looked at when the load
    /// ends is a target that is being left.
    pub fn is_steady(&self, second: u32) -> bool {
        let (from, to) = self.steady();
        let begin = Duration::from_secs(second.into());
        from <= begin && begin + Duration::from_secs(1) < to
    }

    /// Whether a second, counted from the beginning of the load, was one of it; with stages, one of theirs.
    pub fn has_second(&self, second: u32, stages: &[StageId]) -> bool {
        // By its middle: a stage that ends within it has the greater part.
        let middle = Duration::from_secs(second.into()) + Duration::from_millis(500);
        let has = |span: &Span| span.from <= middle && middle <= span.to;
        // A load of less than that has a second all the same.
        let is_moment = |span: &Span| second == 0 && span.from.is_zero() && !span.to.is_zero();
        if stages.is_empty() {
            return self.scenarios.iter().any(|span| has(span) || is_moment(span));
        }
        stages.iter().filter_map(|stage| self.stages.get(stage.index())).flatten().any(has)
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
            steady: self.steady.as_ref().map(clip),
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

impl Span {
    /// The part of it that is also one of the other.
    fn within(self, other: Span) -> Span {
        let from = self.from.max(other.from);
        Span { from, to: self.to.min(other.to).max(from) }
    }
}

/// The longest stretch in which the number of users or arrivals stays as it is.
fn longest_level(shape: &Shape) -> Option<Span> {
    let (Shape::Users(profile) | Shape::Arrivals { profile, .. }) = shape else { return None };
    let (mut at, mut value) = (Duration::ZERO, profile.from);
    let mut levels: Vec<Span> = Vec::new();
    for stage in &profile.stages {
        let span = Span { from: at, to: at + stage.duration };
        let is_level = (stage.target - value).abs() < f64::EPSILON && stage.target > 0.0;
        match levels.last_mut() {
            Some(level) if is_level && level.to == at => level.to = span.to,
            _ if is_level => levels.push(span),
            _ => {}
        }
        (at, value) = (span.to, stage.target);
    }
    levels
        .into_iter()
        .max_by_key(|level| (level.to.saturating_sub(level.from), std::cmp::Reverse(level.from)))
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
            steady: None,
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
        time.steady = Some(Span { from: Duration::from_secs(20), to: Duration::from_secs(80) });
        let seconds = |time: LoadTime| (time.steady().0.as_secs(), time.steady().1.as_secs());
        assert_eq!(seconds(time.between(Duration::ZERO, Duration::from_secs(40))), (22, 40));
        // It never came to it.
        assert_eq!(seconds(time.between(Duration::ZERO, Duration::from_secs(10))), (1, 10));
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
