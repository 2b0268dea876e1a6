//! Repeatable randomness: keyed by seed, scenario, user and iteration, so that a run draws the same whatever
//! the number of workers and however they interleave.

/// A splitmix64 stream (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): eight
/// bytes of state, so that each user can have its own, and good enough for draws of a load test.
#[derive(Debug, Clone, Default)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of one iteration of one user.
    pub fn of_iteration(seed: u64, scenario: u64, user: u64, iteration: u64) -> Self {
        let mut state = seed;
        for key in [scenario, user, iteration] {
            state =
                mix(state.wrapping_add(0x9E37_79B9_7F4A_7C15) ^ mix(key.wrapping_add(0xD1B5_4A32_D192_ED03)));
        }
        Random { state }
    }

    /// The stream that draws a row of the data that is `feeder`th in its file: apart from the iteration's own,
    /// so that a feeder more or less changes nothing else.
    pub fn of_row(seed: u64, feeder: u64, scenario: u64, user: u64, iteration: u64) -> Self {
        let own = mix(feeder.wrapping_add(0xA076_1D64_78BD_642F));
        Random::of_iteration(seed ^ own, scenario, user, iteration)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// Uniform in `0.0..1.0`, with 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `0..n`; 0 for `n` = 0. By multiplication (Lemire), whose bias below 2⁻³² for the ranges of a
    /// scenario is far under what any test can show.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.cast_unsigned().wrapping_sub(low.cast_unsigned());
        let offset = if span == u64::MAX { self.next_u64() } else { self.below(span + 1) };
        low.cast_unsigned().wrapping_add(offset).cast_signed()
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_draws_the_same_and_another_key_does_not() {
        let draw = |seed, user, iteration| Random::of_iteration(seed, 0, user, iteration).next_u64();
        assert_eq!(draw(7, 1, 1), draw(7, 1, 1));
        assert_ne!(draw(7, 1, 1), draw(7, 1, 2));
        assert_ne!(draw(7, 1, 2), draw(7, 2, 1));
        assert_ne!(draw(7, 1, 1), draw(8, 1, 1));
    }

    #[test]
    fn draws_stay_in_range_and_reach_both_ends() {
        let mut random = Random::of_iteration(1, 0, 1, 1);
        let draws: Vec<i64> = (0..1000).map(|_| random.between(1, 6)).collect();
        assert_eq!((draws.iter().min(), draws.iter().max()), (Some(&1), Some(&6)));
        assert_eq!(random.between(3, 3), 3);
        random.between(i64::MIN, i64::MAX);
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn the_mean_of_exponentials_is_one() {
        let mut random = Random::of_iteration(42, 0, 1, 1);
        let mean = (0..100_000).map(|_| random.exponential()).sum::<f64>() / 100_000.0;
        // Four standard errors of the mean: 4/√100,000.
        assert!((mean - 1.0).abs() < 0.0127, "{mean}");
    }
}
