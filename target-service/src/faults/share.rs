//! Which requests a fault hits: a share of them, by dice that fall the same way each time the fault is set.

use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::sharded::OwnNumber;

/// A part of all requests, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share(f64);

impl Share {
    pub(crate) fn new(part: f64) -> Option<Self> {
        (0.0..=1.0).contains(&part).then_some(Self(part))
    }

    /// Reads a percentage as in `20%`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let percent: f64 = text.trim().strip_suffix('%')?.trim_end().parse().ok()?;
        Self::new(percent / 100.0)
    }

    pub(crate) fn part(self) -> f64 {
        self.0
    }
}

/// Rolled once for each request that might be hit.
#[derive(Debug, Default)]
pub(super) struct Dice(AtomicU64);

impl Dice {
    /// Whether it is hit; with it comes another chance from 0 to 1, for how hard.
    pub(super) fn roll(&self, share: Share) -> Option<f64> {
        let count = self.0.fetch_add(2, Ordering::Relaxed);
        (chance(count) < share.0).then(|| chance(count + 1))
    }
}

/// The count scattered over 0 to 1, without 1 itself.
fn chance(count: u64) -> f64 {
    let scattered = BuildHasherDefault::<OwnNumber>::default().hash_one(count);
    (scattered >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_numbers_or_percentages() {
        for (text, part) in [("20%", Some(0.2)), (" 0.5 % ", Some(0.005)), ("100%", Some(1.0))] {
            assert_eq!(Share::parse(text).map(Share::part), part);
        }
        for text in ["20", "%", "101%", "-1%", "NaN%", "x%"] {
            assert_eq!(Share::parse(text), None, "{text}");
        }
        assert_eq!((Share::new(1.1), Share::new(f64::NAN), Share::new(-0.1)), (None, None, None));
    }

    #[test]
    fn the_dice_hit_the_share_they_should() {
        for part in [0.0, 0.01, 0.2, 0.5, 1.0] {
            let (dice, share) = (Dice::default(), Share::new(part).unwrap());
            let hits = (0..100_000).filter(|_| dice.roll(share).is_some()).count();
            assert!((hits as f64 - part * 100_000.0).abs() < 500.0, "{hits} for {part}");
        }
    }
}
