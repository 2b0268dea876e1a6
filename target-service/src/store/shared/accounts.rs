//! Balances, each moved together with a line in the ledger.

use sqlx::MySqlConnection;

use super::Shared;
use super::failure::Failure;
use super::worlds::World;
use crate::clock::Timestamp;
use crate::domain::balance::{Entry, History, Movement};
use crate::domain::refusal::Refusal;
use crate::domain::user::UserId;

/// The most a balance can hold.
const LARGEST: u64 = i64::MAX as u64;
/// Lines of a history that are told one by one.
const TOLD: u32 = 1000;

/// One user's account, within a transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account<'a> {
    pub(super) world: u64,
    /// What the user has before the first movement.
    pub(super) opening: u64,
    pub(super) user: &'a str,
}

impl<'a> Account<'a> {
    pub(super) fn of(world: &World, user: &'a str) -> Self {
        Self { world: world.id, opening: world.size.balance, user }
    }

    /// Takes a price, if it is there, and gives what is left.
    pub(super) async fn pay(
        self,
        conn: &mut MySqlConnection,
        price: u64,
        now: Timestamp,
    ) -> Result<u64, Failure> {
        for _ in 0..2 {
            let paid = sqlx::query(
                "UPDATE accounts SET balance = LAST_INSERT_ID(balance - ?) \
                 WHERE world = ? AND user = ? AND balance >= ?",
            )
            .bind(price)
            .bind(self.world)
            .bind(self.user.as_bytes())
            .bind(price)
            .execute(&mut *conn)
            .await?;
            if paid.rows_affected() > 0 {
                let left = paid.last_insert_id();
                self.book(conn, Movement::Payment, price, left, now).await?;
                return Ok(left);
            }
            if let Some(balance) = self.balance(conn).await? {
                return Err(Refusal::InsufficientBalance { balance, price }.into());
            }
            self.open(conn).await?;
        }
        Err(Refusal::InsufficientBalance { balance: self.opening, price }.into())
    }

    /// Gives to the user, and tells the new balance.
    pub(super) async fn give(
        self,
        conn: &mut MySqlConnection,
        movement: Movement,
        amount: u64,
        now: Timestamp,
    ) -> Result<u64, Failure> {
        let too_much = || Refusal::BadRequest("amount is more than a balance can hold".into());
        let room = LARGEST.checked_sub(amount).ok_or_else(too_much)?;
        for _ in 0..2 {
            let given = sqlx::query(
                "UPDATE accounts SET balance = LAST_INSERT_ID(balance + ?) \
                 WHERE world = ? AND user = ? AND balance <= ?",
            )
            .bind(amount)
            .bind(self.world)
            .bind(self.user.as_bytes())
            .bind(room)
            .execute(&mut *conn)
            .await?;
            if given.rows_affected() > 0 {
                let balance = given.last_insert_id();
                self.book(conn, movement, amount, balance, now).await?;
                return Ok(balance);
            }
            if self.balance(conn).await?.is_some() {
                return Err(too_much().into());
            }
            self.open(conn).await?;
        }
        Err(too_much().into())
    }

    async fn balance(self, conn: &mut MySqlConnection) -> Result<Option<u64>, Failure> {
        Ok(sqlx::query_scalar("SELECT balance FROM accounts WHERE world = ? AND user = ?")
            .bind(self.world)
            .bind(self.user.as_bytes())
            .fetch_optional(conn)
            .await?)
    }

    async fn open(self, conn: &mut MySqlConnection) -> Result<(), Failure> {
        // Of two at once, the second waits for the first and finds the row; either way it is locked then.
        sqlx::query(
            "INSERT INTO accounts (world, user, balance) VALUES (?, ?, ?) \
             ON DUPLICATE KEY UPDATE balance = balance",
        )
        .bind(self.world)
        .bind(self.user.as_bytes())
        .bind(self.opening)
        .execute(conn)
        .await?;
        Ok(())
    }

    async fn book(
        self,
        conn: &mut MySqlConnection,
        movement: Movement,
        amount: u64,
        balance: u64,
        now: Timestamp,
    ) -> Result<(), Failure> {
        sqlx::query(
            "INSERT INTO ledger (world, user, movement, amount, balance, made_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(self.world)
        .bind(self.user.as_bytes())
        .bind(match movement {
            Movement::Charge => 0_u8,
            Movement::Payment => 1,
            Movement::Refund => 2,
        })
        .bind(amount)
        .bind(balance)
        .bind(now.millis())
        .execute(conn)
        .await?;
        Ok(())
    }
}

impl Shared {
    pub(crate) async fn balance(&self, user: &UserId) -> Result<u64, Failure> {
        let (world, user) = (self.current(), user.to_string());
        let mut conn = self.pool.acquire().await?;
        Ok(Account::of(&world, &user).balance(&mut conn).await?.unwrap_or(world.size.balance))
    }

    pub(crate) async fn charge(&self, user: &UserId, amount: u64) -> Result<u64, Failure> {
        let (world, user) = (self.current(), user.to_string());
        let mut transaction = self.pool.begin().await?;
        let account = Account::of(&world, &user);
        let balance = account.give(&mut transaction, Movement::Charge, amount, self.now()).await?;
        transaction.commit().await?;
        Ok(balance)
    }

    pub(crate) async fn history(&self, user: &UserId) -> Result<History, Failure> {
        let (world, user) = (self.current(), user.to_string());
        let total: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM ledger WHERE world = ? AND user = ?")
            .bind(world.id)
            .bind(user.as_bytes())
            .fetch_one(&self.pool)
            .await?;
        let rows: Vec<(u8, u64, u64, u64)> = sqlx::query_as(
            "SELECT movement, amount, balance, made_at FROM ledger WHERE world = ? AND user = ? \
             ORDER BY id DESC LIMIT ?",
        )
        .bind(world.id)
        .bind(user.as_bytes())
        .bind(TOLD)
        .fetch_all(&self.pool)
        .await?;
        let entry = |(movement, amount, balance, at)| Entry {
            movement: match movement {
                0 => Movement::Charge,
                1 => Movement::Payment,
                _ => Movement::Refund,
            },
            amount,
            balance,
            at: Timestamp::from_millis(at),
        };
        let newest: Vec<Entry> = rows.into_iter().map(entry).collect();
        // Lines may have come between the two looks.
        Ok(History { total: usize::try_from(total).unwrap_or(0).max(newest.len()), newest })
    }
}
