//! Which rate to try next: a pure state machine that knows nothing of time, targets or runs.
//!
//! From a first rate it doubles until one does not hold (or halves until one does), bisects between the two, and
//! confirms what it found over a longer time. A rate that breaks while bisecting or confirming is tried once
//! more: a bad moment shall not pass for a limit.

/// Where to search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The first rate, per second.
    pub from: f64,
    /// Below this, nothing is tried.
    pub least: f64,
    /// Above this, nothing is tried.
    pub most: f64,
    /// How near the highest rate that held and the lowest that did not must come: 0.03 is three percent.
    pub precision: f64,
    /// Whether rates below the limit are tried as well, to see how response times grow.
    pub curve: bool,
}

/// What a rate is tried for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To find one that holds and one that does not.
    Explore,
    /// To come nearer to the limit between them.
    Bisect,
    /// To see whether the highest that held does so for longer.
    Confirm,
    /// To see how response times grow below the limit.
    Curve,
}

/// How a try came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Everything that must hold did.
    Held,
    /// The target did not keep up, or broke an objective.
    Broken,
    /// The generator could not make the load: nothing is known of the target.
    Unusable,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    Try { rate: f64, purpose: Purpose },
    Done(Found),
}

/// What the search came to; rates per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found {
    /// Held for long, and a little more did not.
    Limit { holds: f64, breaks: f64 },
    /// Held for long, and more was not tried: it is the most that was asked for, or that the generator makes.
    AtLeast { holds: f64, generator: bool },
    /// Even this little did not hold.
    Below { breaks: f64 },
    /// The generator could not even make this little.
    Nothing { rate: f64 },
}

/// Rates as shares of the limit at which response times are looked at, so that the knee can be seen.
const CURVE: [f64; 6] = [0.25, 0.5, 0.6, 0.7, 0.8, 0.9];
/// How near a try must be for another not to be worth its time.
const NEAR: f64 = 0.04;
/// No search takes more tries than this.
const MOST_TRIES: usize = 80;

#[derive(Debug, Clone)]
pub struct Search {
    bounds: Bounds,
    /// Every rate that held in a short try and was not broken in a long one, in ascending order.
    held: Vec<f64>,
    /// The lowest that broke.
    broken: Option<f64>,
    /// The lowest that the generator could not make.
    unusable: Option<f64>,
    /// The one that held for long.
    confirmed: Option<f64>,
    /// The last try broke (or was unusable) and gets a second chance.
    again: Option<(f64, Purpose)>,
    /// Rates of the curve that were tried.
    drawn: usize,
    tries: usize,
}

impl Search {
    pub fn new(bounds: Bounds) -> Search {
        let most = bounds.most.max(bounds.least);
        let bounds = Bounds { from: bounds.from.clamp(bounds.least, most), most, ..bounds };
        Search {
            bounds,
            held: Vec::new(),
            broken: None,
            unusable: None,
            confirmed: None,
            again: None,
            drawn: 0,
            tries: 0,
        }
    }

    /// The same until it is [answered](Search::answer).
    pub fn next(&self) -> Next {
        if let Some((rate, purpose)) = self.again {
            return Next::Try { rate, purpose };
        }
        if let Some(holds) = self.confirmed {
            return match self.curve(holds).get(self.drawn) {
                Some(&rate) if self.tries < MOST_TRIES => Next::Try { rate, purpose: Purpose::Curve },
                _ => Next::Done(self.found(holds)),
            };
        }
        let explore = |rate| Next::Try { rate, purpose: Purpose::Explore };
        let Bounds { from, least, most, precision, .. } = self.bounds;
        let ceiling = match (self.broken, self.unusable) {
            (Some(broken), Some(unusable)) => Some(broken.min(unusable)),
            (broken, unusable) => broken.or(unusable),
        };
        if self.tries >= MOST_TRIES {
            return Next::Done(match (self.held.last(), self.broken, self.unusable) {
                (None, Some(breaks), _) => Found::Below { breaks },
                // Never confirmed: a target that answers otherwise each time has no limit to be found.
                (_, _, rate) => Found::Nothing { rate: rate.unwrap_or(from) },
            });
        }
        match (self.held.last().copied(), ceiling) {
            (None, None) => explore(from),
            (Some(low), None) if low >= most => Next::Try { rate: low, purpose: Purpose::Confirm },
            (Some(low), None) => explore(even(low * 2.0).min(most)),
            (None, Some(high)) if high <= least => match self.broken {
                Some(breaks) => Next::Done(Found::Below { breaks }),
                None => Next::Done(Found::Nothing { rate: high }),
            },
            (None, Some(high)) => explore(even(high / 2.0).max(least)),
            (Some(low), Some(high)) => {
                let middle = even((low * high).sqrt());
                if high <= low * (1.0 + precision) || middle <= low || middle >= high {
                    Next::Try { rate: low, purpose: Purpose::Confirm }
                } else {
                    Next::Try { rate: middle, purpose: Purpose::Bisect }
                }
            }
        }
    }

    /// How the try that [`Search::next`] asked for came out.
    pub fn answer(&mut self, answer: Answer) {
        let Next::Try { rate, purpose } = self.next() else { return };
        self.tries += 1;
        let is_second = self.again.take().is_some();
        if purpose == Purpose::Curve {
            // What holds for long at the limit is not doubted for a bad moment below it.
            self.drawn += 1;
            return;
        }
        match answer {
            Answer::Held => {
                if purpose == Purpose::Confirm {
                    self.confirmed = Some(rate);
                }
                if !self.held.contains(&rate) {
                    self.held.push(rate);
                    self.held.sort_by(f64::total_cmp);
                }
            }
            // While exploring, one that breaks by chance costs a few tries of bisecting, and no more.
            Answer::Broken if purpose == Purpose::Explore || is_second => {
                self.broken = Some(self.broken.map_or(rate, |broken| broken.min(rate)));
                self.held.retain(|held| *held < rate);
            }
            Answer::Unusable if is_second => {
                self.unusable = Some(self.unusable.map_or(rate, |unusable| unusable.min(rate)));
                self.held.retain(|held| *held < rate);
            }
            Answer::Broken | Answer::Unusable => self.again = Some((rate, purpose)),
        }
    }

    /// What is known where it ends before its time: only what was confirmed counts as found.
    pub fn found_so_far(&self) -> Found {
        match (self.confirmed, self.broken) {
            (Some(holds), _) => self.found(holds),
            (None, Some(breaks)) if breaks <= self.bounds.least => Found::Below { breaks },
            _ => Found::Nothing { rate: self.bounds.from },
        }
    }

    fn found(&self, holds: f64) -> Found {
        match (self.broken, self.unusable) {
            (Some(breaks), unusable) if unusable.is_none_or(|unusable| breaks <= unusable) => {
                Found::Limit { holds, breaks }
            }
            (_, unusable) => Found::AtLeast { holds, generator: unusable.is_some() },
        }
    }

    fn curve(&self, limit: f64) -> Vec<f64> {
        let shares: &[f64] = if self.bounds.curve { &CURVE } else { &[] };
        let rates = shares.iter().map(|share| even(limit * share)).filter(|rate| *rate >= self.bounds.least);
        rates.filter(|rate| !self.held.iter().any(|held| (held - rate).abs() <= NEAR * limit)).collect()
    }
}

/// To four digits, so that rates can be read and written again.
fn even(rate: f64) -> f64 {
    if rate <= 0.0 || !rate.is_finite() {
        return rate;
    }
    let unit = 10.0_f64.powi(rate.log10().floor() as i32 - 3);
    // By a whole number of thousandths of the power, not by a fraction: 0.1 has no exact half.
    if unit >= 1.0 { (rate / unit).round() * unit } else { (rate / unit).round() / (1.0 / unit).round() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Random;
    use proptest::prelude::*;

    const BOUNDS: Bounds = Bounds { from: 10.0, least: 0.1, most: 100_000.0, precision: 0.03, curve: true };

    /// Asks until it is done; what was found, and what was tried.
    fn searched(
        bounds: Bounds,
        mut system: impl FnMut(f64, Purpose) -> Answer,
    ) -> (Found, Vec<(f64, Purpose, Answer)>) {
        let mut search = Search::new(bounds);
        let mut tried = Vec::new();
        loop {
            assert_eq!(search.next(), search.next());
            match search.next() {
                Next::Done(found) => return (found, tried),
                Next::Try { rate, purpose } => {
                    let answer = system(rate, purpose);
                    tried.push((rate, purpose, answer));
                    search.answer(answer);
                }
            }
            assert!(tried.len() <= MOST_TRIES, "{tried:?}");
        }
    }

    fn limited(capacity: f64) -> impl Fn(f64, Purpose) -> Answer {
        move |rate, _| if rate <= capacity { Answer::Held } else { Answer::Broken }
    }

    #[test]
    fn it_doubles_bisects_and_confirms() {
        let (found, tried) = searched(BOUNDS, limited(100.0));
        let explored: Vec<f64> = tried
            .iter()
            .filter(|(_, purpose, _)| *purpose == Purpose::Explore)
            .map(|(rate, ..)| *rate)
            .collect();
        assert_eq!(explored, [10.0, 20.0, 40.0, 80.0, 160.0]);
        let Found::Limit { holds, breaks } = found else { panic!("{found:?}") };
        assert!(holds <= 100.0 && breaks > 100.0 && breaks <= holds * 1.03, "{found:?}");
        assert!(tried.contains(&(holds, Purpose::Confirm, Answer::Held)));
        let curve: Vec<f64> = tried
            .iter()
            .filter(|(_, purpose, _)| *purpose == Purpose::Curve)
            .map(|(rate, ..)| *rate)
            .collect();
        // 80 was tried already.
        assert_eq!(curve.len(), 5, "{curve:?}");
    }

    #[test]
    fn the_ends_of_the_search() {
        let found = |bounds, system: &dyn Fn(f64, Purpose) -> Answer| searched(bounds, system).0;
        assert_eq!(found(BOUNDS, &limited(0.0)), Found::Below { breaks: 0.1 });
        let most = Bounds { most: 50.0, ..BOUNDS };
        assert_eq!(found(most, &limited(1e9)), Found::AtLeast { holds: 50.0, generator: false });
        assert_eq!(found(BOUNDS, &|_, _| Answer::Unusable), Found::Nothing { rate: 0.1 });
        let weak = |rate: f64, _: Purpose| if rate > 300.0 { Answer::Unusable } else { Answer::Held };
        let Found::AtLeast { holds, generator: true } = found(BOUNDS, &weak) else { panic!("no generator") };
        assert!((291.0..=300.0).contains(&holds), "{holds}");
        // The target gives up before the generator does.
        let both = |rate: f64, _: Purpose| match rate {
            rate if rate > 300.0 => Answer::Unusable,
            rate if rate > 100.0 => Answer::Broken,
            _ => Answer::Held,
        };
        let Found::Limit { holds, .. } = found(Bounds { from: 400.0, ..BOUNDS }, &both) else {
            panic!("no limit")
        };
        assert!((97.0..=100.0).contains(&holds), "{holds}");
    }

    /// What holds for ten seconds need not hold for a minute: a queue that grows slowly.
    #[test]
    fn what_breaks_when_confirmed_is_no_limit() {
        let slow = |rate: f64, purpose: Purpose| match purpose {
            Purpose::Confirm => limited(80.0)(rate, purpose),
            _ => limited(100.0)(rate, purpose),
        };
        let Found::Limit { holds, breaks } = searched(BOUNDS, slow).0 else { panic!("no limit") };
        assert!((77.0..=80.0).contains(&holds) && breaks > 80.0, "{holds} {breaks}");
    }

    #[test]
    fn one_bad_moment_is_no_limit() {
        let mut moments = 0;
        let (found, _) = searched(BOUNDS, |rate, purpose| {
            moments += 1;
            // The first of every two tries while bisecting and confirming is a bad one.
            let bad = purpose != Purpose::Explore && moments % 2 == 0;
            if bad { Answer::Broken } else { limited(100.0)(rate, purpose) }
        });
        let Found::Limit { holds, .. } = found else { panic!("{found:?}") };
        assert!((97.0..=100.0).contains(&holds), "{holds}");
    }

    #[test]
    fn rates_can_be_read() {
        for (rate, text) in
            [(123.456, "123.5"), (0.123_456, "0.1235"), (98_765.4, "98770"), (1.0, "1"), (0.1, "0.1")]
        {
            assert_eq!(even(rate).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn a_capacity_is_found_from_anywhere(
            capacity in 0.2..50_000.0_f64,
            from in 0.1..50_000.0_f64,
            precision in 0.01..0.2_f64,
        ) {
            let bounds = Bounds { from, precision, ..BOUNDS };
            let (found, tried) = searched(bounds, limited(capacity));
            let Found::Limit { holds, breaks } = found else { panic!("{found:?}") };
            prop_assert!(holds <= capacity && capacity < breaks);
            // Rates have four digits, so that the finest precision is a little coarser.
            prop_assert!(breaks / holds <= 1.0 + precision + 0.002, "{holds} {breaks}");
            for (rate, ..) in &tried {
                prop_assert!((BOUNDS.least..=BOUNDS.most).contains(rate), "{rate}");
            }
            prop_assert!(tried.len() < 60, "{}", tried.len());
        }

        #[test]
        fn noise_costs_little(capacity in 1.0..10_000.0_f64, seed in any::<u64>()) {
            let mut random = Random::of_iteration(seed, 0, 0, 0);
            let (found, tried) = searched(BOUNDS, |rate, _| {
                // Near the limit it is chance; elsewhere every twentieth try breaks for no reason.
                let margin = (capacity - rate) / capacity;
                let holds = margin > 0.02 || (margin > -0.02 && random.unit() < 0.5);
                if holds && random.unit() > 0.05 { Answer::Held } else { Answer::Broken }
            });
            if let Found::Limit { holds, .. } = found {
                prop_assert!(holds <= capacity * 1.02 + 0.1, "{holds} of {capacity}");
                let confirmed = (holds, Purpose::Confirm, Answer::Held);
                prop_assert!(tried.contains(&confirmed), "not confirmed: {holds}");
            }
        }

        #[test]
        fn it_always_ends(answers in prop::collection::vec(0..3_u8, MOST_TRIES), from in 0.0..1e6_f64) {
            let mut answers = answers.into_iter();
            let bounds = Bounds { from, ..BOUNDS };
            searched(bounds, |_, _| match answers.next() {
                Some(0) => Answer::Held,
                Some(1) => Answer::Broken,
                _ => Answer::Unusable,
            });
        }
    }
}
