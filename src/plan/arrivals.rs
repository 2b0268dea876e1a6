//! The open model: when each arrival is due.

use std::time::Duration;

use crate::scenario::model::{Profile, Spacing};
use crate::template::Random;

/// The arrivals of a profile of rates.
///
/// Arrival `n` (from 0) is due when the integral of the rate reaches `n + ½`: with Λ(t) = ∫₀ᵗ λ(s) ds it is
/// Λ⁻¹(n + ½). Taking the middle keeps the count at any time within a half of Λ(t), without a burst where the
/// load begins. Each stage is linear, so Λ is quadratic in it and the inverse is exact; sums of whole stages
/// are kept, so that nothing drifts over hours.
#[derive(Debug, Clone)]
pub struct Arrivals {
    pieces: Vec<Piece>,
    total: f64,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Seconds from the beginning of the load.
    begins: f64,
    length: f64,
    /// Λ where the piece begins.
    before: f64,
    /// Arrivals per second at its beginning and its end.
    from: f64,
    to: f64,
}

impl Arrivals {
    pub fn new(profile: &Profile) -> Self {
        let mut pieces = Vec::with_capacity(profile.stages.len());
        let (mut begins, mut before, mut from) = (0.0, 0.0, profile.from);
        for stage in &profile.stages {
            let length = stage.duration.as_secs_f64();
            pieces.push(Piece { begins, length, before, from, to: stage.target });
            begins += length;
            before += f64::midpoint(from, stage.target) * length;
            from = stage.target;
        }
        Arrivals { pieces, total: before }
    }

    /// Λ at the end of the load: the expected number of arrivals.
    pub fn expected(&self) -> f64 {
        self.total
    }

    /// How many arrivals there are.
    pub fn count(&self) -> u64 {
        // Arrival n exists where n + ½ ≤ Λ(end). Rounded to a millionth first: 0.1 × 10 may be a hair under 1.
        ((self.total * 1e6).round() / 1e6 + 0.5).floor() as u64
    }

    /// When arrival `n` (from 0) is due, from the beginning of the load; none past the last one.
    pub fn due(&self, n: u64) -> Option<Duration> {
        if n >= self.count() {
            return None;
        }
        Some(Duration::from_secs_f64(self.inverse(n as f64 + 0.5)))
    }

    /// Λ⁻¹: after how many seconds the integral of the rate reaches `level`; the load's end where it never does.
    pub fn inverse(&self, level: f64) -> f64 {
        let after = self.pieces.partition_point(|piece| piece.before < level);
        let Some(piece) = after.checked_sub(1).and_then(|index| self.pieces.get(index)) else { return 0.0 };
        let wanted = level - piece.before;
        let slope = if piece.length > 0.0 { (piece.to - piece.from) / piece.length } else { 0.0 };
        // from·s + slope/2·s² = wanted, in the form that stays exact where the slope or `from` is 0.
        let root = (piece.from * piece.from + 2.0 * slope * wanted).max(0.0).sqrt();
        let into = if piece.from + root > 0.0 { 2.0 * wanted / (piece.from + root) } else { piece.length };
        piece.begins + into.clamp(0.0, piece.length)
    }

    /// Λ(t): the arrivals expected in the first `seconds`.
    pub fn integral(&self, seconds: f64) -> f64 {
        let after = self.pieces.partition_point(|piece| piece.begins <= seconds);
        let Some(piece) = after.checked_sub(1).and_then(|index| self.pieces.get(index)) else { return 0.0 };
        let into = (seconds - piece.begins).clamp(0.0, piece.length);
        let slope = if piece.length > 0.0 { (piece.to - piece.from) / piece.length } else { 0.0 };
        piece.before + piece.from * into + slope / 2.0 * into * into
    }
}

/// The arrivals of one worker of several, with their numbers (from 0, over all workers) and due times.
///
/// Worker `w` of `n` takes `w`, `w + n`, `w + 2n` …; so no worker asks another, and none has two in a row.
pub fn striped(
    arrivals: &Arrivals,
    spacing: Spacing,
    random: Random,
    worker: u64,
    of: u64,
) -> impl Iterator<Item = (u64, Duration)> {
    let (of, mut levels) = (of.max(1), PoissonLevels { random, level: 0.0 });
    let mut number = worker;
    // The levels of other workers' arrivals are drawn as well, for the process is one; their times are not.
    let mut drawn = 0;
    std::iter::from_fn(move || {
        let due = match spacing {
            Spacing::Uniform => arrivals.due(number)?,
            Spacing::Poisson => {
                let level = levels.nth(usize::try_from(number - drawn).ok()?)?;
                drawn = number + 1;
                (level < arrivals.total).then(|| Duration::from_secs_f64(arrivals.inverse(level)))?
            }
        };
        let this = number;
        number += of;
        Some((this, due))
    })
}

/// The levels of Λ at which the arrivals of a Poisson process fall, one after another: the sum of unit
/// exponentials, through the inverse integral of the rate (Çinlar, "Introduction to Stochastic Processes",
/// 1975, 4.7). Its count at any time varies by the square root of what is expected.
///
/// Which worker asks makes no difference: the same seed gives the same arrivals.
#[derive(Debug)]
struct PoissonLevels {
    random: Random,
    level: f64,
}

impl Iterator for PoissonLevels {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        self.level += self.random.exponential();
        Some(self.level)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::profile;
    use super::*;

    fn dues(arrivals: &Arrivals) -> Vec<f64> {
        (0..arrivals.count()).filter_map(|n| arrivals.due(n)).map(|due| due.as_secs_f64()).collect()
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced() {
        let arrivals = Arrivals::new(&profile(4.0, &[(1.0, 4.0)]));
        assert_eq!(dues(&arrivals), [0.125, 0.375, 0.625, 0.875]);
        assert_eq!(arrivals.due(4), None);
    }

    #[test]
    fn a_ramp_from_nothing_gathers_towards_its_end() {
        // Λ(t) = t²: arrivals at √½, √1½, √2½, √3½.
        let arrivals = Arrivals::new(&profile(0.0, &[(2.0, 4.0)]));
        let expected = [0.5_f64, 1.5, 2.5, 3.5].map(f64::sqrt);
        for (due, expected) in dues(&arrivals).iter().zip(expected) {
            assert!((due - expected).abs() < 1e-9, "{due} {expected}");
        }
    }

    #[test]
    fn a_pause_has_no_arrivals() {
        let arrivals = Arrivals::new(&profile(0.0, &[(5.0, 0.0), (1.0, 2.0)]));
        assert_eq!(arrivals.count(), 1);
        assert!(arrivals.due(0).unwrap().as_secs_f64() > 5.0);
        assert_eq!(Arrivals::new(&profile(0.0, &[(5.0, 0.0)])).count(), 0);
    }

    #[test]
    fn poisson_arrivals_are_as_many_as_expected_and_their_gaps_are_exponential() {
        for (seed, rate) in [(1, 1000.0), (2, 5000.0), (3, 20_000.0)] {
            let arrivals = Arrivals::new(&profile(0.0, &[(2.0, rate), (1.0, rate)]));
            let random = Random::of_iteration(seed, 0, 0, 0);
            let dues: Vec<f64> = striped(&arrivals, Spacing::Poisson, random, 0, 1)
                .map(|(_, due)| due.as_secs_f64())
                .collect();
            let (count, expected) = (dues.len() as f64, arrivals.expected());
            assert!((count - expected).abs() < 4.0 * expected.sqrt(), "{count} for {expected}");

            // Rescaled by the integral the gaps are unit exponentials: Kolmogorov–Smirnov at 1 in 1,000.
            let mut gaps: Vec<f64> =
                dues.windows(2).map(|w| arrivals.integral(w[1]) - arrivals.integral(w[0])).collect();
            gaps.sort_by(f64::total_cmp);
            let n = gaps.len() as f64;
            let distance = gaps.iter().enumerate().map(|(place, gap)| {
                let cumulative = 1.0 - (-gap).exp();
                (cumulative - place as f64 / n).abs().max((cumulative - (place as f64 + 1.0) / n).abs())
            });
            let distance = distance.fold(0.0, f64::max);
            assert!(distance < 1.95 / n.sqrt(), "{distance} with {n} gaps");
        }
    }

    #[test]
    fn the_last_arrival_of_ten_hours_is_where_it_should_be() {
        let arrivals = Arrivals::new(&profile(1000.0, &[(36_000.0, 1000.0)]));
        assert_eq!(arrivals.count(), 36_000_000);
        let last = arrivals.due(35_999_999).unwrap().as_secs_f64();
        assert!((last - (36_000.0 - 0.0005)).abs() < 1e-6, "{last}");
    }

    fn any_profile() -> impl Strategy<Value = Profile> {
        let rate = prop_oneof![Just(0.0), 0.0..500.0];
        let stages = prop::collection::vec((0.05..20.0, rate.clone()), 1..6);
        (rate, stages).prop_map(|(from, stages)| profile(from, &stages))
    }

    proptest! {
        #[test]
        fn stripes_partition_exactly(profile in any_profile(), of in 1..5_u64, poisson: bool) {
            let arrivals = Arrivals::new(&profile);
            let spacing = if poisson { Spacing::Poisson } else { Spacing::Uniform };
            let random = || Random::of_iteration(9, 0, 0, 0);
            let whole: Vec<(u64, Duration)> = striped(&arrivals, spacing, random(), 0, 1).collect();
            let mut parts: Vec<(u64, Duration)> =
                (0..of).flat_map(|worker| striped(&arrivals, spacing, random(), worker, of)).collect();
            parts.sort_unstable();
            prop_assert_eq!(parts, whole);
        }

        #[test]
        fn the_count_is_the_integral_of_the_rate(profile in any_profile()) {
            let arrivals = Arrivals::new(&profile);
            prop_assert!((arrivals.count() as f64 - arrivals.expected()).abs() <= 0.5 + 1e-6);
            let dues = dues(&arrivals);
            prop_assert_eq!(dues.len() as u64, arrivals.count());
            let end = profile.duration().as_secs_f64();
            for part in [0.1, 0.37, 0.5, 0.93, 1.0] {
                let seconds = end * part;
                let so_far = dues.iter().filter(|&&due| due <= seconds).count() as f64;
                prop_assert!((so_far - arrivals.integral(seconds)).abs() <= 0.5 + 1e-3);
            }
        }

        #[test]
        fn dues_never_go_back_and_stay_inside(profile in any_profile()) {
            let arrivals = Arrivals::new(&profile);
            let dues = dues(&arrivals);
            prop_assert!(dues.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(dues.iter().all(|&due| due <= profile.duration().as_secs_f64() + 1e-9));
        }

        #[test]
        fn the_inverse_is_the_inverse(profile in any_profile(), part in 0.001..0.999_f64) {
            let arrivals = Arrivals::new(&profile);
            prop_assume!(arrivals.expected() > 1.0);
            let level = arrivals.expected() * part;
            prop_assert!((arrivals.integral(arrivals.inverse(level)) - level).abs() < 1e-6 * (1.0 + level));
        }
    }
}
