//! Orders: stock by guarded updates, money and the order itself in one transaction.
//!
//! Rows are locked in this order: the order, the coupon's copy, products by their ids, the account. So two
//! transactions never wait for each other in a circle.

use redis::AsyncCommands;
use sqlx::{AssertSqlSafe, MySqlConnection, Row};

use super::Shared;
use super::accounts::Account;
use super::failure::Failure;
use super::payments::user_of;
use super::worlds::World;
use crate::domain::balance::Movement;
use crate::domain::coupons::discounted;
use crate::domain::orders::OrderStatus;
use crate::domain::products::{Basket, Line};
use crate::domain::refusal::Refusal;
use crate::domain::user::UserId;
use crate::store::Slip;

/// The most orders that may wait to be settled.
const MOST_WAITING: u64 = 10_000;

impl Shared {
    pub(crate) async fn place_order(
        &self,
        user: &UserId,
        basket: &Basket,
        coupon: Option<u64>,
    ) -> Result<Slip, Failure> {
        let world = self.current();
        if let Some(line) =
            basket.lines().iter().find(|line| !(1..=world.size.products).contains(&line.product))
        {
            return Err(Refusal::NoSuchProduct(line.product).into());
        }
        if self.pending_orders().await? >= MOST_WAITING {
            return Err(Refusal::OrdersFull.into());
        }
        let name = user.to_string();
        let mut transaction = self.pool.begin().await?;
        for line in basket.lines() {
            take_stock(&mut transaction, &world, line).await?;
        }
        let mut amount = basket.price();
        if let Some(coupon) = coupon {
            check_coupon(&mut transaction, &world, coupon, &name).await?;
            amount = discounted(amount);
        }
        Account::of(&world, &name).pay(&mut transaction, amount, self.now()).await?;
        let number = sqlx::query("INSERT INTO orders (world, user, coupon, amount) VALUES (?, ?, ?, ?)")
            .bind(world.id)
            .bind(name.as_bytes())
            .bind(coupon)
            .bind(amount)
            .execute(&mut *transaction)
            .await?
            .last_insert_id();
        for line in basket.lines() {
            sqlx::query("INSERT INTO order_lines (order_id, product, world, quantity) VALUES (?, ?, ?, ?)")
                .bind(number)
                .bind(line.product)
                .bind(world.id)
                .bind(line.quantity)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        self.announce(number).await;
        let order = number - world.orders_before;
        Ok(Slip { order, user: user.clone(), amount, status: OrderStatus::Pending })
    }

    /// Orders whose events wait.
    pub(super) async fn pending_orders(&self) -> Result<u64, Failure> {
        Ok(self.cache().xlen(&self.stream).await?)
    }

    pub(crate) async fn order(&self, id: u64) -> Result<Slip, Failure> {
        let world = self.current();
        let row = sqlx::query("SELECT user, amount, state, reason FROM orders WHERE id = ? AND world = ?")
            .bind(id.saturating_add(world.orders_before))
            .bind(world.id)
            .fetch_optional(&self.pool)
            .await?
            .ok_or(Refusal::NoSuchOrder(id))?;
        let reason: Option<String> = row.try_get("reason")?;
        let status = match (row.try_get("state")?, reason) {
            (0_u8, _) => OrderStatus::Pending,
            (_, Some(reason)) => OrderStatus::Failed(serde_json::from_str(&reason)?),
            (_, None) => OrderStatus::Completed,
        };
        let user = UserId::parse(&user_of(&row)?).map_err(|why| Refusal::BadRequest(why.into()))?;
        Ok(Slip { order: id, user, amount: row.try_get("amount")?, status })
    }

    /// Completes those of the orders that are pending and need no coupon, as nothing can refuse them any more, and
    /// tells which.
    pub(super) async fn settle_plain(&self, numbers: &[u64]) -> Result<Vec<u64>, Failure> {
        let mut transaction = self.pool.begin().await?;
        let find = format!(
            "SELECT id FROM orders WHERE state = 0 AND coupon IS NULL AND id IN ({}) ORDER BY id FOR UPDATE",
            list(numbers)
        );
        let rows = sqlx::raw_sql(AssertSqlSafe(find)).fetch_all(&mut *transaction).await?;
        let found = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<u64>, _>>()?;
        if found.is_empty() {
            return Ok(found);
        }
        let these = list(&found);
        let sell = format!(
            "UPDATE products p JOIN (SELECT world, product, SUM(quantity) AS pieces FROM order_lines \
             WHERE order_id IN ({these}) GROUP BY world, product) l \
             ON p.world = l.world AND p.product = l.product SET p.sold = p.sold + l.pieces"
        );
        sqlx::raw_sql(AssertSqlSafe(sell)).execute(&mut *transaction).await?;
        let complete = format!("UPDATE orders SET state = 1 WHERE id IN ({these})");
        sqlx::raw_sql(AssertSqlSafe(complete)).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(found)
    }

    /// Decides a pending order: the coupon is used up and the goods are sold, or everything is given back.
    /// Settling twice changes nothing.
    pub(super) async fn settle(&self, number: u64) -> Result<(), Failure> {
        let mut transaction = self.pool.begin().await?;
        let row =
            sqlx::query("SELECT world, user, coupon, amount, state FROM orders WHERE id = ? FOR UPDATE")
                .bind(number)
                .fetch_optional(&mut *transaction)
                .await?;
        // It is settled already, or its world is gone.
        let Some(row) = row else { return Ok(()) };
        if row.try_get::<u8, _>("state")? != 0 {
            return Ok(());
        }
        let (world, user): (u64, String) = (row.try_get("world")?, user_of(&row)?);
        // Another order with the same coupon may have come first since this one was placed.
        let refused = match row.try_get::<Option<u64>, _>("coupon")? {
            Some(coupon) => redeem(&mut transaction, world, coupon, &user).await?,
            None => None,
        };
        let lines: Vec<(u64, u64)> =
            sqlx::query_as("SELECT product, quantity FROM order_lines WHERE order_id = ? ORDER BY product")
                .bind(number)
                .fetch_all(&mut *transaction)
                .await?;
        let change = if refused.is_some() {
            "UPDATE products SET stock = stock + ? WHERE world = ? AND product = ?"
        } else {
            "UPDATE products SET sold = sold + ? WHERE world = ? AND product = ?"
        };
        for (product, quantity) in lines {
            sqlx::query(change).bind(quantity).bind(world).bind(product).execute(&mut *transaction).await?;
        }
        if refused.is_some() {
            // It has paid, so there is an account and no opening balance.
            let account = Account { world, opening: 0, user: &user };
            account.give(&mut transaction, Movement::Refund, row.try_get("amount")?, self.now()).await?;
        }
        let reason = refused.as_ref().map(serde_json::to_string).transpose()?;
        sqlx::query("UPDATE orders SET state = ?, reason = ? WHERE id = ?")
            .bind(if refused.is_some() { 2_u8 } else { 1 })
            .bind(reason)
            .bind(number)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Numbers as they stand in a statement; one of each length would fill the cache of prepared ones.
fn list(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

async fn take_stock(conn: &mut MySqlConnection, world: &World, line: &Line) -> Result<(), Failure> {
    let taken =
        sqlx::query("UPDATE products SET stock = stock - ? WHERE world = ? AND product = ? AND stock >= ?")
            .bind(line.quantity)
            .bind(world.id)
            .bind(line.product)
            .bind(line.quantity)
            .execute(&mut *conn)
            .await?;
    if taken.rows_affected() > 0 {
        return Ok(());
    }
    let left: i64 = sqlx::query_scalar("SELECT stock FROM products WHERE world = ? AND product = ?")
        .bind(world.id)
        .bind(line.product)
        .fetch_one(conn)
        .await?;
    Err(Refusal::OutOfStock { product: line.product, left: left.max(0) }.into())
}

/// Whether the user could redeem the coupon now.
async fn check_coupon(
    conn: &mut MySqlConnection,
    world: &World,
    coupon: u64,
    user: &str,
) -> Result<(), Failure> {
    if coupon == 0 || coupon > world.size.coupons {
        return Err(Refusal::NoSuchCoupon(coupon).into());
    }
    let used: Option<bool> =
        sqlx::query_scalar("SELECT used FROM copies WHERE world = ? AND coupon = ? AND user = ?")
            .bind(world.id)
            .bind(coupon)
            .bind(user.as_bytes())
            .fetch_optional(conn)
            .await?;
    match used {
        None => Err(Refusal::CouponNotIssued(coupon).into()),
        Some(true) => Err(Refusal::CouponUsed(coupon).into()),
        Some(false) => Ok(()),
    }
}

/// Uses the user's copy up, which succeeds once; otherwise tells why not.
async fn redeem(
    conn: &mut MySqlConnection,
    world: u64,
    coupon: u64,
    user: &str,
) -> Result<Option<Refusal>, Failure> {
    let used =
        sqlx::query("UPDATE copies SET used = TRUE WHERE world = ? AND coupon = ? AND user = ? AND NOT used")
            .bind(world)
            .bind(coupon)
            .bind(user.as_bytes())
            .execute(conn)
            .await?;
    Ok((used.rows_affected() == 0).then_some(Refusal::CouponUsed(coupon)))
}
