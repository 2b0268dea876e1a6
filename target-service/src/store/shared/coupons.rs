//! Coupons: a copy for each user by a unique key, and never over the limit by a guarded counter.

use super::Shared;
use super::failure::Failure;
use crate::clock::Timestamp;
use crate::domain::refusal::Refusal;
use crate::domain::user::UserId;

impl Shared {
    pub(crate) async fn publish_coupon(&self, coupon: u64, user: &UserId) -> Result<Timestamp, Failure> {
        let (world, user, now) = (self.current(), user.to_string(), self.now());
        if coupon == 0 || coupon > world.size.coupons {
            return Err(Refusal::NoSuchCoupon(coupon).into());
        }
        let mut transaction = self.pool.begin().await?;
        let copy = sqlx::query("INSERT INTO copies (world, coupon, user, issued_at) VALUES (?, ?, ?, ?)")
            .bind(world.id)
            .bind(coupon)
            .bind(user.as_bytes())
            .bind(now.millis())
            .execute(&mut *transaction)
            .await
            .map_err(Failure::from);
        if copy.as_ref().is_err_and(Failure::is_duplicate) {
            transaction.rollback().await?;
            return Err(Refusal::CouponIssued(coupon).into());
        }
        copy?;
        let counted = sqlx::query(
            "UPDATE coupons SET issued = issued + 1 WHERE world = ? AND coupon = ? AND issued < ?",
        )
        .bind(world.id)
        .bind(coupon)
        .bind(world.size.coupon_limit)
        .execute(&mut *transaction)
        .await?;
        if counted.rows_affected() == 0 {
            transaction.rollback().await?;
            return Err(Refusal::CouponsGone(coupon).into());
        }
        transaction.commit().await?;
        Ok(now)
    }
}
