//! Payments for reservations: the money, the seat and the answer under a key change in one transaction.

use std::time::Duration;

use sqlx::mysql::MySqlRow;
use sqlx::{MySqlConnection, Row};
use tokio::time::timeout;

use super::Shared;
use super::accounts::Account;
use super::failure::Failure;
use super::seats::reservation_status;
use super::worlds::World;
use crate::domain::balance::Movement;
use crate::domain::payments::{Receipt, SEAT_PRICE};
use crate::domain::queue::Token;
use crate::domain::refusal::Refusal;
use crate::domain::seats::ReservationStatus;

/// How long a payer waits for a token that is to end: what is paid is paid.
const LEFT_WITHIN: Duration = Duration::from_millis(300);

/// A receipt, and the token that ends with it.
type Paid = (Receipt, Token);

impl Shared {
    pub(crate) async fn pay(&self, reservation: u64, key: Option<&str>) -> Result<Receipt, Failure> {
        let world = self.current();
        if let Some(key) = key
            && let Some(answer) = self.answer(&world, key).await?
        {
            return answer;
        }
        let mut transaction = self.pool.begin().await?;
        if let Some(key) = key {
            // The row is locked until this transaction ends, so others with the same key wait for its answer.
            let first = keep(&mut transaction, &world, key, "").await;
            if first.as_ref().is_err_and(Failure::is_duplicate) {
                transaction.rollback().await?;
                // None if the first has failed meanwhile and left nothing; the client is free to try again.
                return self.answer(&world, key).await?.unwrap_or(Err(Failure::TooLate));
            }
            first?;
        }
        let paid = self.take(&mut transaction, &world, reservation).await;
        let paid = match paid {
            Ok(paid) => Ok(paid),
            // Refusals come before anything is changed.
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(failure) => return Err(failure),
        };
        if let Some(key) = key {
            let answer = paid.as_ref().map(|(receipt, _)| receipt).map_err(Clone::clone);
            keep(&mut transaction, &world, key, &serde_json::to_string(&answer)?).await?;
        }
        transaction.commit().await?;
        let (receipt, token) = paid?;
        // Whoever has paid makes room in the queue. Should the cache be away, the token ends by itself.
        let _ = timeout(LEFT_WITHIN, self.leave_queue(token)).await;
        Ok(receipt)
    }

    /// The first answer under a key.
    async fn answer(&self, world: &World, key: &str) -> Result<Option<Result<Receipt, Failure>>, Failure> {
        let kept: Option<String> =
            sqlx::query_scalar("SELECT answer FROM answers WHERE world = ? AND asked_with = ?")
                .bind(world.id)
                .bind(key.as_bytes())
                .fetch_optional(&self.pool)
                .await?;
        let Some(kept) = kept else { return Ok(None) };
        let answer: Result<Receipt, Refusal> = serde_json::from_str(&kept)?;
        Ok(Some(answer.map_err(Failure::Refused)))
    }

    /// Takes the price and sells the seat. A refusal leaves everything as it was.
    async fn take(&self, conn: &mut MySqlConnection, world: &World, id: u64) -> Result<Paid, Failure> {
        let number = id.saturating_add(world.reservations_before);
        let row = sqlx::query(
            "SELECT r.user, r.token, r.state, r.until, s.state AS seat_state, s.reservation \
             FROM reservations r JOIN seats s \
             ON s.world = r.world AND s.schedule = r.schedule AND s.seat = r.seat \
             WHERE r.id = ? AND r.world = ? FOR UPDATE",
        )
        .bind(number)
        .bind(world.id)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or(Refusal::NoSuchReservation(id))?;
        let now = self.now();
        match reservation_status(row.try_get("state")?, row.try_get("until")?, now) {
            ReservationStatus::Confirmed => return Err(Refusal::AlreadyPaid(id).into()),
            ReservationStatus::Cancelled => return Err(Refusal::ReservationCancelled(id).into()),
            ReservationStatus::Expired => return Err(Refusal::HoldExpired(id).into()),
            ReservationStatus::Held => {}
        }
        // Clocks differ a little; who has the seat decides.
        let holder: (u8, u64) = (row.try_get("seat_state")?, row.try_get("reservation")?);
        if holder != (1, number) {
            return Err(Refusal::HoldExpired(id).into());
        }
        let user = user_of(&row)?;
        let balance = Account::of(world, &user).pay(conn, SEAT_PRICE, now).await?;
        let payment =
            sqlx::query("INSERT INTO payments (world, reservation, user, amount) VALUES (?, ?, ?, ?)")
                .bind(world.id)
                .bind(number)
                .bind(user.as_bytes())
                .bind(SEAT_PRICE)
                .execute(&mut *conn)
                .await?
                .last_insert_id();
        sqlx::query(
            "UPDATE reservations r JOIN seats s \
             ON s.world = r.world AND s.schedule = r.schedule AND s.seat = r.seat \
             SET r.state = 1, s.state = 2 WHERE r.id = ?",
        )
        .bind(number)
        .execute(&mut *conn)
        .await?;
        let payment = payment - world.payments_before;
        let receipt = Receipt { payment, reservation: id, amount: SEAT_PRICE, balance };
        Ok((receipt, Token(row.try_get("token")?)))
    }

    pub(crate) async fn cancel_payment(&self, id: u64) -> Result<Receipt, Failure> {
        let world = self.current();
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query(
            "SELECT p.reservation, p.user, p.amount, p.cancelled \
             FROM reservations r JOIN payments p ON p.reservation = r.id \
             JOIN seats s ON s.world = r.world AND s.schedule = r.schedule AND s.seat = r.seat \
             WHERE p.id = ? AND p.world = ? FOR UPDATE",
        )
        .bind(id.saturating_add(world.payments_before))
        .bind(world.id)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or(Refusal::NoSuchPayment(id))?;
        if row.try_get("cancelled")? {
            return Err(Refusal::PaymentCancelled(id).into());
        }
        let (number, amount): (u64, u64) = (row.try_get("reservation")?, row.try_get("amount")?);
        let user = user_of(&row)?;
        let account = Account::of(&world, &user);
        let balance = account.give(&mut transaction, Movement::Refund, amount, self.now()).await?;
        sqlx::query(
            "UPDATE reservations r JOIN payments p ON p.reservation = r.id \
             JOIN seats s ON s.world = r.world AND s.schedule = r.schedule AND s.seat = r.seat \
             SET p.cancelled = TRUE, r.state = 2, s.state = 0, s.reservation = 0 WHERE r.id = ?",
        )
        .bind(number)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Receipt { payment: id, reservation: number - world.reservations_before, amount, balance })
    }
}

/// Writes an answer down: first an empty one, which fails if there is one, and then the true one.
async fn keep(conn: &mut MySqlConnection, world: &World, key: &str, answer: &str) -> Result<(), Failure> {
    let statement = if answer.is_empty() {
        "INSERT INTO answers (answer, world, asked_with) VALUES (?, ?, ?)"
    } else {
        "UPDATE answers SET answer = ? WHERE world = ? AND asked_with = ?"
    };
    sqlx::query(statement).bind(answer).bind(world.id).bind(key.as_bytes()).execute(conn).await?;
    Ok(())
}

/// The id of a row's user, as it was written.
pub(super) fn user_of(row: &MySqlRow) -> Result<String, Failure> {
    let bytes: &[u8] = row.try_get("user")?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}
