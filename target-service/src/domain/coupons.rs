//! Coupons: first come, first served, one for a user, never over the limit.
//!
//! A coupon's lock makes the order of arrival, and is held for a look and an entry only.

use std::collections::HashMap;
use std::sync::Mutex;

use super::refusal::Refusal;
use super::sharded::lock;
use super::size::WorldSize;
use super::user::UserId;
use crate::clock::Timestamp;

/// What an order with a coupon pays, of a hundred.
const PERCENT_DUE: u64 = 90;

/// A user's own copy of a coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Issued {
    pub(crate) at: Timestamp,
    used: bool,
}

type Holders = HashMap<UserId, Issued>;

/// All coupons of a world, coupon 1 first, each with its holders.
#[derive(Debug)]
pub(crate) struct Coupons {
    limit: u64,
    all: Box<[Mutex<Holders>]>,
}

impl Coupons {
    pub(crate) fn new(size: &WorldSize) -> Self {
        Self { limit: size.coupon_limit, all: (0..size.coupons).map(|_| Mutex::default()).collect() }
    }

    /// Gives the user a copy, if there is one left and the user has none.
    pub(crate) fn publish(&self, coupon: u64, user: UserId, now: Timestamp) -> Result<Issued, Refusal> {
        let mut holders = lock(self.holders(coupon)?);
        if holders.contains_key(&user) {
            return Err(Refusal::CouponIssued(coupon));
        }
        if holders.len() as u64 >= self.limit {
            return Err(Refusal::CouponsGone(coupon));
        }
        let issued = Issued { at: now, used: false };
        holders.insert(user, issued);
        Ok(issued)
    }

    /// Whether the user could redeem the coupon now.
    pub(crate) fn check(&self, coupon: u64, user: &UserId) -> Result<(), Refusal> {
        self.find(coupon, user, |_| ())
    }

    /// Uses the user's copy up, which succeeds once.
    pub(crate) fn redeem(&self, coupon: u64, user: &UserId) -> Result<(), Refusal> {
        self.find(coupon, user, |issued| issued.used = true)
    }

    /// How many copies of each coupon users hold.
    pub(crate) fn issued(&self) -> Vec<u64> {
        self.all.iter().map(|holders| lock(holders).len() as u64).collect()
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    fn find(&self, coupon: u64, user: &UserId, found: impl FnOnce(&mut Issued)) -> Result<(), Refusal> {
        let mut holders = lock(self.holders(coupon)?);
        let issued = holders.get_mut(user).ok_or(Refusal::CouponNotIssued(coupon))?;
        if issued.used {
            return Err(Refusal::CouponUsed(coupon));
        }
        found(issued);
        Ok(())
    }

    fn holders(&self, coupon: u64) -> Result<&Mutex<Holders>, Refusal> {
        let index = coupon.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.all.get(index)).ok_or(Refusal::NoSuchCoupon(coupon))
    }

    /// Issues a copy whatever the limit, which is what the audit must find.
    #[cfg(test)]
    pub(crate) fn force(&self, coupon: u64, user: UserId, now: Timestamp) {
        lock(self.holders(coupon).unwrap()).insert(user, Issued { at: now, used: false });
    }
}

/// What is left to pay of a price.
pub(crate) fn discounted(price: u64) -> u64 {
    price.saturating_mul(PERCENT_DUE) / 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn each_user_gets_one_until_none_is_left() {
        let coupons = Coupons::new(&WorldSize { coupon_limit: 2, ..WorldSize::default() });
        let now = Clock::manual().now();
        assert!(coupons.publish(1, 1.into(), now).is_ok());
        assert_eq!(coupons.publish(1, 1.into(), now), Err(Refusal::CouponIssued(1)));
        assert!(coupons.publish(1, 2.into(), now).is_ok());
        assert_eq!(coupons.publish(1, 3.into(), now), Err(Refusal::CouponsGone(1)));
        // Who has one is told so even when none is left.
        assert_eq!(coupons.publish(1, 2.into(), now), Err(Refusal::CouponIssued(1)));
        for unknown in [0, 2, u64::MAX] {
            assert_eq!(coupons.publish(unknown, 1.into(), now), Err(Refusal::NoSuchCoupon(unknown)));
        }
        assert_eq!(coupons.issued(), [2]);
    }

    #[test]
    fn a_copy_is_used_once() {
        let coupons = Coupons::new(&WorldSize::default());
        let user = UserId::from(1);
        assert_eq!(coupons.redeem(1, &user), Err(Refusal::CouponNotIssued(1)));
        coupons.publish(1, user.clone(), Clock::manual().now()).unwrap();
        assert_eq!(coupons.check(1, &user), Ok(()));
        assert_eq!(coupons.redeem(1, &user), Ok(()));
        assert_eq!(coupons.check(1, &user), Err(Refusal::CouponUsed(1)));
        assert_eq!(coupons.redeem(1, &user), Err(Refusal::CouponUsed(1)));
    }
}
