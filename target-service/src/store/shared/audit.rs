//! The audit, counted from the tables: one transaction that only reads, and sees the database as it was at one
//! moment, however much goes on beside it.

use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

use super::Shared;
use super::failure::Failure;
use super::worlds::World;
use crate::domain::audit::Audit;

/// A reservation that still claims its seat, at the moment that is bound.
const LIVING: &str = "(r.state = 1 OR (r.state = 0 AND r.until > ?))";
/// A seat that is not free, at the moment that is bound.
const TAKEN: &str = "(s.state = 2 OR (s.state = 1 AND s.until > ?))";

impl Shared {
    pub(crate) async fn audit(&self) -> Result<Audit, Failure> {
        let world = self.current();
        let mut conn = self.pool.acquire().await?;
        // For this connection's next transaction alone.
        sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(&mut *conn)
            .await?;
        let mut snapshot = conn.begin_with("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
        // Read after the snapshot began, so that no hold in it is of the future.
        let now = self.now().millis();
        let mut found = Audit::default();
        let count = Count { world: &world, now };
        count.seats(&mut snapshot, &mut found).await?;
        count.payments(&mut snapshot, &mut found).await?;
        count.coupons(&mut snapshot, &mut found).await?;
        count.stock(&mut snapshot, &mut found).await?;
        found.balance_drift = count.drift(&mut snapshot).await?;
        snapshot.rollback().await?;
        Ok(found)
    }
}

/// Counts one world at one moment.
#[derive(Clone, Copy)]
struct Count<'a> {
    world: &'a World,
    now: u64,
}

impl Count<'_> {
    async fn seats(self, conn: &mut MySqlConnection, found: &mut Audit) -> Result<(), Failure> {
        let Self { world, now } = self;
        let statement = format!(
            "SELECT CAST(COUNT(*) AS UNSIGNED), CAST(COALESCE(SUM(s.state = 2), 0) AS UNSIGNED) \
             FROM seats s WHERE s.world = ? AND {TAKEN}"
        );
        (found.reserved, found.confirmed) =
            sqlx::query_as(AssertSqlSafe(statement)).bind(world.id).bind(now).fetch_one(&mut *conn).await?;
        let statement = format!(
            "SELECT CAST(COALESCE(SUM(claims - 1), 0) AS UNSIGNED) FROM (SELECT COUNT(*) AS claims \
             FROM reservations r WHERE r.world = ? AND {LIVING} GROUP BY r.schedule, r.seat) c"
        );
        found.double_booked = sqlx::query_scalar(AssertSqlSafe(statement))
            .bind(world.id)
            .bind(now)
            .fetch_one(&mut *conn)
            .await?;
        let statement = format!(
            "SELECT CAST(COUNT(*) AS UNSIGNED) FROM reservations r LEFT JOIN seats s \
             ON s.world = r.world AND s.schedule = r.schedule AND s.seat = r.seat \
             WHERE r.world = ? AND {LIVING} \
             AND (s.seat IS NULL OR s.reservation <> r.id OR s.state <> r.state + 1)"
        );
        let unknown: u64 = sqlx::query_scalar(AssertSqlSafe(statement))
            .bind(world.id)
            .bind(now)
            .fetch_one(&mut *conn)
            .await?;
        let statement = format!(
            "SELECT CAST(COUNT(*) AS UNSIGNED) FROM seats s WHERE s.world = ? AND {TAKEN} AND NOT EXISTS \
             (SELECT 1 FROM reservations r WHERE r.world = s.world AND r.schedule = s.schedule \
             AND r.seat = s.seat AND {LIVING})"
        );
        let unclaimed: u64 = sqlx::query_scalar(AssertSqlSafe(statement))
            .bind(world.id)
            .bind(now)
            .bind(now)
            .fetch_one(conn)
            .await?;
        found.orphan_holds += unknown + unclaimed;
        Ok(())
    }

    async fn payments(self, conn: &mut MySqlConnection, found: &mut Audit) -> Result<(), Failure> {
        (found.payments, found.double_paid) = sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(times), 0) AS UNSIGNED), CAST(COALESCE(SUM(times - 1), 0) AS UNSIGNED) \
             FROM (SELECT COUNT(*) AS times FROM payments WHERE world = ? AND NOT cancelled \
             GROUP BY reservation) p",
        )
        .bind(self.world.id)
        .fetch_one(conn)
        .await?;
        Ok(())
    }

    async fn coupons(self, conn: &mut MySqlConnection, found: &mut Audit) -> Result<(), Failure> {
        (found.coupons_issued, found.coupons_over) = sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(held), 0) AS UNSIGNED), \
             CAST(COALESCE(SUM(IF(held > ?, held - ?, 0)), 0) AS UNSIGNED) \
             FROM (SELECT COUNT(*) AS held FROM copies WHERE world = ? GROUP BY coupon) c",
        )
        .bind(self.world.size.coupon_limit)
        .bind(self.world.size.coupon_limit)
        .bind(self.world.id)
        .fetch_one(conn)
        .await?;
        Ok(())
    }

    async fn stock(self, conn: &mut MySqlConnection, found: &mut Audit) -> Result<(), Failure> {
        let opening = self.world.size.stock.cast_signed();
        let apart: u64;
        (found.stock_below_zero, apart) = sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(p.stock < 0 OR COALESCE(t.taken, 0) > ?), 0) AS UNSIGNED), \
             CAST(COALESCE(SUM(ABS(? - p.stock - COALESCE(t.taken, 0))), 0) AS UNSIGNED) \
             FROM products p LEFT JOIN (SELECT l.product, SUM(l.quantity) AS taken \
             FROM order_lines l JOIN orders o ON o.id = l.order_id \
             WHERE l.world = ? AND o.state <> 2 GROUP BY l.product) t ON t.product = p.product \
             WHERE p.world = ?",
        )
        .bind(opening)
        .bind(opening)
        .bind(self.world.id)
        .bind(self.world.id)
        .fetch_one(&mut *conn)
        .await?;
        // What orders have of products that do not exist.
        let strange: u64 = sqlx::query_scalar(
            "SELECT CAST(COALESCE(SUM(l.quantity), 0) AS UNSIGNED) \
             FROM order_lines l JOIN orders o ON o.id = l.order_id \
             WHERE l.world = ? AND o.state <> 2 AND (l.product < 1 OR l.product > ?)",
        )
        .bind(self.world.id)
        .bind(self.world.size.products)
        .fetch_one(conn)
        .await?;
        found.orphan_holds += apart + strange;
        Ok(())
    }

    /// Every balance must be what payments and orders say, and what the ledger says as well.
    async fn drift(self, conn: &mut MySqlConnection) -> Result<u64, Failure> {
        let world = self.world.id;
        let drift: u64 = sqlx::query_scalar(
            "SELECT CAST(LEAST(COALESCE(SUM(GREATEST( \
             ABS(a.balance - (? + COALESCE(m.charged, 0) - COALESCE(s.spent, 0))), \
             ABS(a.balance - (? + COALESCE(m.moved, 0))))), 0), 18446744073709551615) AS UNSIGNED) \
             FROM (SELECT user, CAST(balance AS DECIMAL(30)) AS balance FROM accounts WHERE world = ?) a \
             LEFT JOIN (SELECT user, SUM(IF(movement = 0, amount, 0)) AS charged, \
             SUM(IF(movement = 1, -CAST(amount AS DECIMAL(30)), CAST(amount AS DECIMAL(30)))) AS moved \
             FROM ledger WHERE world = ? GROUP BY user) m ON m.user = a.user \
             LEFT JOIN (SELECT user, SUM(amount) AS spent FROM \
             (SELECT user, amount FROM payments WHERE world = ? AND NOT cancelled \
             UNION ALL SELECT user, amount FROM orders WHERE world = ? AND state <> 2) b \
             GROUP BY user) s ON s.user = a.user",
        )
        .bind(self.world.size.balance.cast_signed())
        .bind(self.world.size.balance.cast_signed())
        .bind(world)
        .bind(world)
        .bind(world)
        .bind(world)
        .fetch_one(&mut *conn)
        .await?;
        // Whoever paid has an account; money spent from none was never taken.
        let from_nowhere: u64 = sqlx::query_scalar(
            "SELECT CAST(COALESCE(SUM(b.amount), 0) AS UNSIGNED) FROM \
             (SELECT user, amount FROM payments WHERE world = ? AND NOT cancelled \
             UNION ALL SELECT user, amount FROM orders WHERE world = ? AND state <> 2) b \
             LEFT JOIN accounts a ON a.world = ? AND a.user = b.user WHERE a.user IS NULL",
        )
        .bind(world)
        .bind(world)
        .bind(world)
        .fetch_one(conn)
        .await?;
        Ok(drift.saturating_add(from_nowhere))
    }
}
