//! How many rows of data a load takes, and when they run out: as far as that is known before it runs.

use std::time::Duration;

use super::{Arrivals, begins, most_users, value_at};
use crate::scenario::model::{AfterLast, FeederId, Pick, Profile, Scenario, Shape, Spacing, Test};

/// What a test needs of a feeder.
#[derive(Debug, Clone, PartialEq)]
pub struct DataNeed {
    pub feeder: FeederId,
    pub rows: Needed,
    /// When somebody finds no row left, since the beginning of the load; where that is known, and rows end.
    pub runs_out: Option<Duration>,
}

/// How many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    Exactly(u64),
    /// More or less: of arrivals as they come, or of users at their pace.
    About(u64),
    /// As many as there are iterations: how fast the target answers decides.
    Unknown,
}

/// What a test needs of each of its feeders, in their order.
pub fn data_needs(test: &Test) -> Vec<DataNeed> {
    (0..test.data.len()).map(|place| need(test, FeederId(place as u16))).collect()
}

fn need(test: &Test, feeder: FeederId) -> DataNeed {
    let takers: Vec<Taker<'_>> = test
        .scenarios
        .iter()
        .enumerate()
        .flat_map(|(number, scenario)| Taker::of(scenario, feeder, begins(test, number)))
        .collect();
    let rows = takers.iter().fold(Needed::Exactly(0), |sum, taker| sum.and(taker.total()));
    let ends = test.data.get(feeder.index()).filter(|feeder| feeder.pick.ends());
    DataNeed { feeder, rows, runs_out: ends.and_then(|feeder| runs_out(&takers, feeder.rows.count())) }
}

/// When the row after the last one is asked for.
fn runs_out(takers: &[Taker<'_>], rows: u64) -> Option<Duration> {
    // As with arrivals, row n (from 0) is taken when the level reaches n + ½.
    let wanted = rows as f64 + 0.5;
    let taken = |seconds: f64| takers.iter().map(|taker| taker.level(seconds)).sum::<f64>();
    let (mut low, mut high) = (0.0, takers.iter().map(Taker::end).fold(0.0, f64::max));
    if taken(high) < wanted {
        return None;
    }
    // What is taken never grows less: the time is between the two until they are a millionth apart.
    while high - low > 1e-6 {
        let middle = f64::midpoint(low, high);
        if taken(middle) < wanted { low = middle } else { high = middle }
    }
    Some(Duration::from_millis((high * 1e3).round() as u64))
}

/// Users of a scenario who take rows.
struct Taker<'a> {
    scenario: &'a Scenario,
    /// In seconds; none where it is not known.
    begins: Option<f64>,
    what: Takes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// A row for each user.
    ByUser,
    /// A row for each iteration.
    ByIteration,
}

impl<'a> Taker<'a> {
    fn of(scenario: &'a Scenario, feeder: FeederId, begins: Duration) -> impl Iterator<Item = Taker<'a>> {
        let feeds = &scenario.feeds;
        let parts = [
            (&feeds.user, Takes::ByUser),
            (&feeds.on_start, Takes::ByUser),
            (&feeds.iteration, Takes::ByIteration),
        ];
        let takes =
            parts.into_iter().filter(move |(feeds, _)| feeds.iter().any(|feed| feed.feeder == feeder));
        let begins = (begins < Duration::MAX).then(|| begins.as_secs_f64());
        takes.map(move |(_, what)| Taker { scenario, begins, what })
    }

    /// How long its load lasts, in seconds; for ever, where nothing ends it.
    fn lasts(&self) -> f64 {
        let load = &self.scenario.load;
        let longest = load.max_duration.map_or(f64::INFINITY, |longest| longest.as_secs_f64());
        match &load.shape {
            Shape::Users(profile) | Shape::Arrivals { profile, .. } => {
                profile.duration().as_secs_f64().min(longest)
            }
            Shape::SharedIterations { .. } | Shape::OwnIterations { .. } => longest,
        }
    }

    fn total(&self) -> Needed {
        let rounded = |level: f64| (level + 0.5).floor() as u64;
        let is_cut = self.scenario.load.max_duration.is_some_and(|longest| match &self.scenario.load.shape {
            Shape::Users(profile) | Shape::Arrivals { profile, .. } => longest < profile.duration(),
            Shape::SharedIterations { .. } | Shape::OwnIterations { .. } => true,
        });
        match (&self.scenario.load.shape, self.what) {
            (Shape::Arrivals { profile, spacing, .. }, _) => {
                let arrivals = Arrivals::new(profile);
                let count = if is_cut { rounded(arrivals.integral(self.lasts())) } else { arrivals.count() };
                match spacing {
                    Spacing::Uniform => Needed::Exactly(count),
                    Spacing::Poisson => Needed::About(count),
                }
            }
            (Shape::Users(profile), Takes::ByUser) if is_cut => {
                Needed::Exactly(rounded(most_until(profile, self.lasts())))
            }
            (Shape::Users(profile), Takes::ByUser) => Needed::Exactly(most_users(profile)),
            (Shape::Users(profile), Takes::ByIteration) => match self.paced(profile, self.lasts()) {
                Some(level) => Needed::About(rounded(level)),
                None => Needed::Unknown,
            },
            (Shape::SharedIterations { users, .. } | Shape::OwnIterations { users, .. }, Takes::ByUser) => {
                Needed::Exactly(u64::from(*users))
            }
            (Shape::SharedIterations { iterations, .. }, Takes::ByIteration) => Needed::Exactly(*iterations),
            (Shape::OwnIterations { users, each }, Takes::ByIteration) => {
                Needed::Exactly(u64::from(*users).saturating_mul(*each))
            }
        }
    }

    /// How many rows are taken in the first `seconds` of the run, as a number that grows without leaps; only
    /// those of which it is known when.
    fn level(&self, seconds: f64) -> f64 {
        let Some(begins) = self.begins else { return 0.0 };
        let seconds = (seconds - begins).min(self.lasts());
        if seconds < 0.0 {
            return 0.0;
        }
        match (&self.scenario.load.shape, self.what) {
            (Shape::Arrivals { profile, .. }, _) => Arrivals::new(profile).integral(seconds),
            (Shape::Users(profile), Takes::ByUser) => most_until(profile, seconds),
            (Shape::Users(profile), Takes::ByIteration) => self.paced(profile, seconds).unwrap_or(0.0),
            // All users of a fixed number come at once.
            (Shape::SharedIterations { users, .. } | Shape::OwnIterations { users, .. }, Takes::ByUser) => {
                f64::from(*users)
            }
            (Shape::SharedIterations { .. } | Shape::OwnIterations { .. }, Takes::ByIteration) => 0.0,
        }
    }

    /// Iterations of users who keep their pace.
    fn paced(&self, profile: &Profile, seconds: f64) -> Option<f64> {
        let pace = self.scenario.load.pace?.as_secs_f64();
        // The integral of the users over time is time spent by users: a round for each `pace` of it.
        Some(Arrivals::new(profile).integral(seconds) / pace)
    }

    /// When nothing more is known to be taken, in seconds.
    fn end(&self) -> f64 {
        let lasts = self.lasts();
        self.begins.map_or(0.0, |begins| begins + if lasts.is_finite() { lasts } else { 0.0 })
    }
}

/// The most users that were there at once in the first `seconds`: how many have come, since those who come again
/// are the same.
fn most_until(profile: &Profile, seconds: f64) -> f64 {
    let mut most = profile.from.max(value_at(profile, seconds));
    let mut end = 0.0;
    for stage in &profile.stages {
        end += stage.duration.as_secs_f64();
        if end <= seconds {
            most = most.max(stage.target);
        }
    }
    most
}

impl Pick {
    /// Whether there is a last row, after which nobody gets one.
    const fn ends(self) -> bool {
        matches!(self, Pick::Next(AfterLast::Stop) | Pick::PerUser(AfterLast::Stop))
    }
}

impl Needed {
    fn and(self, other: Needed) -> Needed {
        match (self, other) {
            (Needed::Unknown, _) | (_, Needed::Unknown) => Needed::Unknown,
            (Needed::Exactly(one), Needed::Exactly(other)) => Needed::Exactly(one.saturating_add(other)),
            (Needed::Exactly(one) | Needed::About(one), Needed::Exactly(other) | Needed::About(other)) => {
                Needed::About(one.saturating_add(other))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::{LoadOptions, load_text};

    /// What a test with a hundred rows needs; a whole file but for its target.
    fn needs(pick: &str, rest: &str) -> DataNeed {
        let rows: Vec<String> = (0..100).map(|row| row.to_string()).collect();
        let text = format!(
            "target: bundled\ndata:\n  rows: {{ pick: {pick}, rows: [{}] }}\n{rest}\n",
            rows.join(", ")
        );
        let loaded = load_text(Path::new("x.yaml"), text, &LoadOptions::default());
        data_needs(&loaded.unwrap().test).remove(0)
    }

    fn one(pick: &str, load: &str) -> (Needed, Option<u64>) {
        let need = needs(pick, &format!("load: {load}\nflow:\n  - post: /${{ rows }}"));
        (need.rows, need.runs_out.map(|at| at.as_millis() as u64))
    }

    #[test]
    fn rows_of_one_load() {
        use Needed::{About, Exactly, Unknown};
        let table = [
            // Arrivals are due in the middle of their fifths of a second.
            ("unique", "{ rate: 5/s, duration: 1m }", Exactly(300), Some(20_100)),
            ("unique", "{ rate: 5/s, duration: 20s }", Exactly(100), None),
            ("unique", "{ rate: 5/s, duration: 1m, max_duration: 10s }", Exactly(50), None),
            ("unique", "{ rate: 5/s, duration: 1m, arrivals: poisson }", About(300), Some(20_100)),
            ("sequential", "{ rate: 5/s, duration: 1m }", Exactly(300), None),
            ("random", "{ rate: 5/s, duration: 1m }", Exactly(300), None),
            ("unique", "{ users: 10, iterations: 500 }", Exactly(500), None),
            ("unique", "{ users: 10, duration: 1m }", Unknown, None),
            ("unique", "{ users: 10, duration: 1m, pace: 2s }", About(300), Some(20_100)),
            ("per-user, when_done: stop", "{ users: 101, duration: 1m }", Exactly(101), Some(0)),
            ("per-user, when_done: stop", "{ users: 100, duration: 1m }", Exactly(100), None),
            (
                "per-user, when_done: stop",
                "{ stages: [{ duration: 100s, target: 200 }, { duration: 10s, target: 0 }] }",
                Exactly(200),
                Some(50_250),
            ),
            ("per-user", "{ users: 500, duration: 1m }", Exactly(500), None),
        ];
        for (pick, load, rows, runs_out) in table {
            assert_eq!(one(pick, load), (rows, runs_out), "{pick} {load}");
        }
    }

    #[test]
    fn several_scenarios_take_of_the_same_rows() {
        let two = |start: &str, second: &str| {
            needs(
                "unique",
                &format!(
                    "scenarios:\n  a: {{ load: {{ rate: 2/s, duration: 1m }}, flow: [{{ post: '/${{ rows }}' }}] }}\n  \
                     b: {{ start: {start}, load: {second}, flow: [{{ post: '/${{ rows }}' }}] }}"
                ),
            )
        };
        // 60 of the first by then, and 40 of the second, which began after 20 seconds.
        let need = two("{ at: 20s }", "{ rate: 4/s, duration: 1m }");
        assert_eq!(need.rows, Needed::Exactly(360));
        let at = need.runs_out.unwrap().as_secs_f64();
        assert!((at - (100.5 + 80.0) / 6.0).abs() < 1e-3, "{at}");
        // The one that is known takes them all, whatever the other does besides.
        let need = two("{ after: a }", "{ users: 5, duration: 1m }");
        assert_eq!((need.rows, need.runs_out), (Needed::Unknown, Some(Duration::from_millis(50_250))));
        let need = two("{ after: a }", "{ users: 5, iterations: 10 }");
        assert_eq!(need.rows, Needed::Exactly(130));
    }
}
