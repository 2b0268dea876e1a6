//! Which windows of a run are drawn: the circular block bootstrap.
//!
//! Response times of neighbouring seconds are alike, so single requests are no independent samples, and seconds
//! are hardly. What is drawn with replacement is therefore blocks of consecutive windows, as if the run were a
//! circle so that its ends count like its middle (Politis and Romano, "A circular block-resampling procedure for
//! stationary data", in: Exploring the Limits of Bootstrap, Wiley 1992; for quantiles: Sun and Lahiri,
//! "Bootstrapping the sample quantile of a weakly dependent sequence", Sankhyā 68, 2006).
//!
//! All runs of a comparison are drawn at the same places of their course. A load that rises is more in one draw
//! and less in another, but for all runs alike: what differs between them is not drowned in what the test
//! itself changes over time.

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

use crate::template::Random;

/// How often each window is in each draw.
pub(super) type Weights = Vec<Vec<u16>>;

/// The draws of a comparison. The same for the same lengths, so that a comparison repeats to the last digit.
#[derive(Debug)]
pub(super) struct Draws {
    /// Of the longest run, in windows.
    windows: usize,
    block: usize,
    /// For each draw where its blocks begin, as shares of a run's course.
    starts: Vec<Vec<f64>>,
    by_length: BTreeMap<usize, Weights>,
}

/// The length of a block, in windows.
///
/// Of the order n^(1/3), which is best for the variance (Hall, Horowitz and Jing, "On blocking rules for the
/// bootstrap with dependent data", Biometrika 82, 1995). The factor is on the long side: blocks that are too
/// short take neighbours for independent, and see a difference where there is none.
pub(super) fn block_length(windows: usize) -> usize {
    ((2.0 * (windows as f64).cbrt()).round() as usize).clamp(1, windows.max(1))
}

impl Draws {
    /// For runs of so many windows each.
    pub(super) fn new(lengths: &[usize], resamples: usize) -> Draws {
        let windows = lengths.iter().copied().max().unwrap_or(0).max(1);
        let block = block_length(windows);
        let mut random = Random::of_iteration(0, 0, windows as u64, resamples as u64);
        let mut one = || (0..windows.div_ceil(block)).map(|_| random.unit()).collect();
        let starts: Vec<Vec<f64>> = (0..resamples).map(|_| one()).collect();
        let mut draws = Draws { windows, block, starts, by_length: BTreeMap::new() };
        for &length in lengths {
            if length > 0 && !draws.by_length.contains_key(&length) {
                let weights = draws.starts.iter().map(|starts| draws.weights_of(starts, length)).collect();
                draws.by_length.insert(length, weights);
            }
        }
        draws
    }

    /// The draws of a run of this length; it must be one of those that were given.
    pub(super) fn of_length(&self, windows: usize) -> &[Vec<u16>] {
        self.by_length.get(&windows).map_or(&[], Vec::as_slice)
    }

    /// How many draws there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// What deviations are multiplied by for an interval of this confidence about sides of at least `windows`.
    ///
    /// They are too small, since overlapping blocks are no independent ones: √(n / (n − l)), as dividing by n − 1
    /// corrects a variance. And how large they are is itself known from few blocks only, as in Student's t with
    /// one degree of freedom less than there are blocks, against the normal distribution.
    pub(super) fn correction(&self, windows: usize, confidence: f64) -> f64 {
        let (n, block) = (windows as f64, self.block as f64);
        let freedom = (n / block - 1.0).max(1.0);
        let overlap = if n > block { (n / (n - block)).sqrt() } else { 1.0 };
        let tail = 0.5 + confidence / 2.0;
        let student = StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |student| student.inverse_cdf(tail));
        overlap * student / Normal::standard().inverse_cdf(tail)
    }

    fn weights_of(&self, starts: &[f64], length: usize) -> Vec<u16> {
        let block = (self.block * length).div_ceil(self.windows);
        let mut weights = vec![0_u16; length];
        let mut left = length;
        for start in starts {
            let first = (start * length as f64) as usize;
            for place in first..first + block.min(left) {
                weights[place % length] += 1;
            }
            left = left.saturating_sub(block);
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blocks_grow_with_the_cube_root() {
        let table = [(1, 1), (2, 2), (10, 4), (60, 8), (240, 12), (1000, 20)];
        for (windows, length) in table {
            assert_eq!(block_length(windows), length, "{windows}");
        }
    }

    #[test]
    fn runs_of_one_length_are_drawn_at_the_same_places() {
        let draws = Draws::new(&[60, 60, 30], 50);
        assert_eq!(draws.by_length.len(), 2);
        // A run of half as many windows is drawn at the same shares of its course.
        for (long, short) in draws.of_length(60).iter().zip(draws.of_length(30)) {
            let halves: Vec<u16> = long.chunks(2).map(|pair| pair.iter().sum()).collect();
            let off: i32 =
                halves.iter().zip(short).map(|(a, b)| (i32::from(*a) / 2 - i32::from(*b)).abs()).sum();
            assert!(off <= 20, "{long:?} {short:?}");
        }
        assert_eq!(Draws::new(&[60], 50).of_length(60), draws.of_length(60), "and again the same");
    }

    #[test]
    fn every_window_is_drawn_equally_often() {
        let draws = Draws::new(&[50], 4000);
        for window in 0..50 {
            let mean =
                draws.of_length(50).iter().map(|weights| f64::from(weights[window])).sum::<f64>() / 4000.0;
            // The variance of a weight is below one and a block's worth of covariance: four standard errors.
            assert!((mean - 1.0).abs() < 0.09, "{window}: {mean}");
        }
    }

    proptest! {
        #[test]
        fn a_draw_is_as_long_as_the_run(lengths in prop::collection::vec(0..300_usize, 1..4)) {
            let draws = Draws::new(&lengths, 3);
            for &length in lengths.iter().filter(|&&length| length > 0) {
                for weights in draws.of_length(length) {
                    prop_assert_eq!(weights.len(), length);
                    prop_assert_eq!(weights.iter().map(|&weight| usize::from(weight)).sum::<usize>(), length);
                }
            }
        }
    }
}
