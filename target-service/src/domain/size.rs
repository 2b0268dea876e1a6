//! The size and the rules of a world: what `/admin/reset` chooses, with its defaults and its limits.

use std::time::Duration;

use super::refusal::Refusal;

/// The most seats of one world; a slip of the keyboard must not take the machine's memory.
const MOST_SEATS: u64 = 2_000_000;
const MOST_CONCERTS: u64 = 100_000;
const MOST_PRODUCTS: u64 = 1_000_000;
/// Far from overflowing where stocks are summed up.
const MOST_STOCK: u64 = 1_000_000_000;
const MOST_COUPONS: u64 = 10_000;
/// Copies of all coupons together: each that is issued is remembered.
const MOST_COPIES: u64 = 10_000_000;
/// Far beyond any run, and far from overflowing a time.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// How large a world is, and which limits hold in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorldSize {
    pub(crate) concerts: u64,
    /// Schedules of each concert.
    pub(crate) schedules: u64,
    /// Seats of each schedule.
    pub(crate) seats: u64,
    /// How many users are meant to come. Each is made at its first call, so this makes none.
    pub(crate) users: u64,
    /// What each user has before the first charge.
    pub(crate) balance: u64,
    pub(crate) products: u64,
    /// Pieces of each product.
    pub(crate) stock: u64,
    pub(crate) coupons: u64,
    /// Copies of each coupon.
    pub(crate) coupon_limit: u64,
    /// How many tokens may be active at once; none means no limit.
    pub(crate) active_limit: Option<u64>,
    pub(crate) hold: Duration,
    pub(crate) token_life: Duration,
}

impl Default for WorldSize {
    fn default() -> Self {
        Self {
            concerts: 1,
            schedules: 1,
            seats: 50,
            users: 0,
            balance: 1_000_000,
            products: 10_000,
            stock: 1_000,
            coupons: 1,
            coupon_limit: 10_000,
            active_limit: None,
            hold: Duration::from_mins(5),
            token_life: Duration::from_mins(10),
        }
    }
}

impl WorldSize {
    /// Refuses a world that would not fit, or in which nothing could happen.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let bad = |text: String| Err(Refusal::BadRequest(text));
        let seats = self.concerts.checked_mul(self.schedules).and_then(|n| n.checked_mul(self.seats));
        if seats.is_none_or(|n| n > MOST_SEATS) {
            return bad(format!("concerts × schedules × seats must be at most {MOST_SEATS}"));
        }
        // Schedules without seats cost memory too.
        let schedules = self.concerts.checked_mul(self.schedules);
        if self.concerts > MOST_CONCERTS || schedules.is_none_or(|n| n > MOST_SEATS) {
            return bad(format!("there may be at most {MOST_CONCERTS} concerts and {MOST_SEATS} schedules"));
        }
        if self.products > MOST_PRODUCTS || self.stock > MOST_STOCK {
            return bad(format!("there may be at most {MOST_PRODUCTS} products, and {MOST_STOCK} of each"));
        }
        let copies = self.coupons.checked_mul(self.coupon_limit);
        if self.coupons > MOST_COUPONS || copies.is_none_or(|n| n > MOST_COPIES) {
            return bad(format!(
                "there may be at most {MOST_COUPONS} coupons, and coupons × couponLimit at most {MOST_COPIES}"
            ));
        }
        if self.active_limit == Some(0) {
            return bad("activeLimit must be at least 1; leave it out for no limit".into());
        }
        // Balances are summed up in signed numbers by the audit.
        if i64::try_from(self.balance).is_err() {
            return bad("balance is too large".into());
        }
        for (name, span) in [("holdSeconds", self.hold), ("tokenSeconds", self.token_life)] {
            if span < Duration::from_secs(1) || span > LONGEST {
                return bad(format!("{name} must be from 1 to {}", LONGEST.as_secs()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_a_world() {
        assert_eq!(WorldSize::default().check(), Ok(()));
    }

    #[test]
    fn worlds_that_cannot_be_are_refused() {
        let fresh = WorldSize::default;
        for size in [
            WorldSize { seats: 2_000_001, ..fresh() },
            WorldSize { concerts: u64::MAX, schedules: 2, ..fresh() },
            WorldSize { concerts: u64::MAX, seats: 0, ..fresh() },
            WorldSize { products: 1_000_001, ..fresh() },
            WorldSize { stock: u64::MAX, ..fresh() },
            WorldSize { coupons: 10_001, coupon_limit: 0, ..fresh() },
            WorldSize { coupons: 10, coupon_limit: u64::MAX, ..fresh() },
            WorldSize { active_limit: Some(0), ..fresh() },
            WorldSize { balance: u64::MAX, ..fresh() },
            WorldSize { hold: Duration::ZERO, ..fresh() },
            WorldSize { token_life: Duration::MAX, ..fresh() },
        ] {
            assert!(matches!(size.check(), Err(Refusal::BadRequest(_))), "{size:?}");
        }
    }
}
