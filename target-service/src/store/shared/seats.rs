//! Seats and the reservations on them, in the database.

use sqlx::Row;

use super::Shared;
use super::failure::Failure;
use super::worlds::World;
use crate::clock::Timestamp;
use crate::domain::queue::Token;
use crate::domain::refusal::Refusal;
use crate::domain::seats::{Place, ReservationStatus, SeatStatus};
use crate::store::Booking;

/// A reservation's state in its row.
pub(super) const HELD: u8 = 0;
pub(super) const CONFIRMED: u8 = 1;

fn seat_status(state: u8, until: u64, now: Timestamp) -> SeatStatus {
    match state {
        1 if now.millis() < until => SeatStatus::Held,
        2 => SeatStatus::Sold,
        _ => SeatStatus::Available,
    }
}

/// Where a reservation stands. A hold expires by time alone, without anybody writing it down.
pub(super) fn reservation_status(state: u8, until: u64, now: Timestamp) -> ReservationStatus {
    match state {
        HELD if now.millis() < until => ReservationStatus::Held,
        HELD => ReservationStatus::Expired,
        CONFIRMED => ReservationStatus::Confirmed,
        _ => ReservationStatus::Cancelled,
    }
}

impl Shared {
    pub(crate) async fn seats(&self, schedule: u64) -> Result<Vec<SeatStatus>, Failure> {
        let world = self.current();
        if schedule == 0 || schedule > world.size.concerts * world.size.schedules {
            return Err(Refusal::NoSuchSchedule(schedule).into());
        }
        let rows: Vec<(u8, u64)> =
            sqlx::query_as("SELECT state, until FROM seats WHERE world = ? AND schedule = ? ORDER BY seat")
                .bind(world.id)
                .bind(schedule)
                .fetch_all(&self.pool)
                .await?;
        let now = self.now();
        Ok(rows.into_iter().map(|(state, until)| seat_status(state, until, now)).collect())
    }

    pub(crate) async fn reserve(&self, token: Token, place: Place) -> Result<Booking, Failure> {
        let world = self.current();
        let user = self.admit(&world, token).await?.to_string();
        self.look_at(&world, place).await?;
        self.with_seat(&world, place, self.hold(&world, place, &user, token)).await
    }

    /// Refuses what a look without any lock can tell already.
    async fn look_at(&self, world: &World, place: Place) -> Result<(), Failure> {
        let Place { schedule, seat } = place;
        let row: Option<(u8, u64)> =
            sqlx::query_as("SELECT state, until FROM seats WHERE world = ? AND schedule = ? AND seat = ?")
                .bind(world.id)
                .bind(schedule)
                .bind(seat)
                .fetch_optional(&self.pool)
                .await?;
        let (state, until) = row.ok_or(Refusal::NoSuchSeat { schedule, seat })?;
        match seat_status(state, until, self.now()) {
            SeatStatus::Available => Ok(()),
            SeatStatus::Held | SeatStatus::Sold => Err(Refusal::SeatTaken(seat).into()),
        }
    }

    async fn hold(&self, world: &World, place: Place, user: &str, token: Token) -> Result<Booking, Failure> {
        let Place { schedule, seat } = place;
        let now = self.now();
        let expires_at = now.plus(world.size.hold);
        let mut transaction = self.pool.begin().await?;
        // The row is ours from here on, or it was somebody else's already.
        let held = sqlx::query(
            "UPDATE seats SET state = 1, until = ?, reservation = 0 \
             WHERE world = ? AND schedule = ? AND seat = ? AND (state = 0 OR (state = 1 AND until <= ?))",
        )
        .bind(expires_at.millis())
        .bind(world.id)
        .bind(schedule)
        .bind(seat)
        .bind(now.millis())
        .execute(&mut *transaction)
        .await?;
        if held.rows_affected() == 0 {
            transaction.rollback().await?;
            return Err(Refusal::SeatTaken(seat).into());
        }
        let reservation = sqlx::query(
            "INSERT INTO reservations (world, schedule, seat, user, token, until) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(world.id)
        .bind(schedule)
        .bind(seat)
        .bind(user.as_bytes())
        .bind(token.0)
        .bind(expires_at.millis())
        .execute(&mut *transaction)
        .await?
        .last_insert_id();
        sqlx::query("UPDATE seats SET reservation = ? WHERE world = ? AND schedule = ? AND seat = ?")
            .bind(reservation)
            .bind(world.id)
            .bind(schedule)
            .bind(seat)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let reservation = reservation - world.reservations_before;
        Ok(Booking { reservation, place, status: ReservationStatus::Held, expires_at })
    }

    pub(crate) async fn reservation(&self, id: u64) -> Result<Booking, Failure> {
        let world = self.current();
        let row =
            sqlx::query("SELECT schedule, seat, state, until FROM reservations WHERE id = ? AND world = ?")
                .bind(id.saturating_add(world.reservations_before))
                .bind(world.id)
                .fetch_optional(&self.pool)
                .await?
                .ok_or(Refusal::NoSuchReservation(id))?;
        let place = Place { schedule: row.try_get("schedule")?, seat: row.try_get("seat")? };
        let until = row.try_get("until")?;
        let status = reservation_status(row.try_get("state")?, until, self.now());
        Ok(Booking { reservation: id, place, status, expires_at: Timestamp::from_millis(until) })
    }

    /// How many seats are held and not paid.
    pub(super) async fn held_seats(&self) -> Result<u64, Failure> {
        let held: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM seats WHERE world = ? AND state = 1 AND until > ?")
                .bind(self.current().id)
                .bind(self.now().millis())
                .fetch_one(&self.pool)
                .await?;
        Ok(held.unsigned_abs())
    }
}
