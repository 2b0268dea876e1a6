//! Seats and the reservations on them.
//!
//! A seat's lock is the root of everything that happens to it: reservations, payments and cancellations of
//! a seat change only under it, and no request ever holds two. Locks are taken in the order seat,
//! then account or map, never back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::horizon::Horizon;
use super::refusal::Refusal;
use super::sharded::{ById, lock};
use super::size::WorldSize;
use super::user::UserId;
use crate::clock::Timestamp;

/// Which seat of which schedule, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) schedule: u64,
    pub(crate) seat: u64,
}

/// What a seat's lock guards. An expired hold stays here until somebody else takes the seat; it counts as free.
#[derive(Debug, Clone)]
pub(crate) enum Seat {
    Free,
    Held(Arc<Reservation>),
    Sold(Arc<Reservation>),
}

impl Seat {
    pub(crate) fn status(&self, now: Timestamp) -> SeatStatus {
        match self {
            Self::Held(reservation) if now < reservation.expires_at => SeatStatus::Held,
            Self::Sold(_) => SeatStatus::Sold,
            Self::Held(_) | Self::Free => SeatStatus::Available,
        }
    }
}

/// A seat as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeatStatus {
    Available,
    Held,
    Sold,
}

/// One user's claim on a seat.
#[derive(Debug)]
pub(crate) struct Reservation {
    pub(crate) id: u64,
    pub(crate) place: Place,
    pub(crate) user: UserId,
    /// The token it was made with, which ends once it is paid.
    pub(crate) token: u64,
    pub(crate) expires_at: Timestamp,
    /// Changes only under the lock of its seat.
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Held,
    Confirmed,
    Cancelled,
}

impl Reservation {
    /// Where the reservation stands. A hold expires by time alone, without anybody writing it down.
    pub(crate) fn status(&self, now: Timestamp) -> ReservationStatus {
        match *lock(&self.state) {
            State::Held if now < self.expires_at => ReservationStatus::Held,
            State::Held => ReservationStatus::Expired,
            State::Confirmed => ReservationStatus::Confirmed,
            State::Cancelled => ReservationStatus::Cancelled,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReservationStatus {
    Held,
    Confirmed,
    Expired,
    Cancelled,
}

/// All seats of all schedules, and the reservations made on them.
#[derive(Debug)]
pub(crate) struct Seats {
    schedules: u64,
    per_schedule: u64,
    /// Schedule by schedule.
    all: Box<[Mutex<Seat>]>,
    reservations: ById<Arc<Reservation>>,
    last_reservation: AtomicU64,
    horizon: Horizon,
}

impl Seats {
    pub(crate) fn new(size: &WorldSize) -> Self {
        let schedules = size.concerts * size.schedules;
        Self {
            schedules,
            per_schedule: size.seats,
            all: (0..schedules * size.seats).map(|_| Mutex::new(Seat::Free)).collect(),
            reservations: ById::default(),
            last_reservation: AtomicU64::new(0),
            horizon: Horizon::default(),
        }
    }

    /// Holds a seat that is free, or whose last hold has expired.
    pub(crate) fn reserve(
        &self,
        place: Place,
        user: UserId,
        token: u64,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Arc<Reservation>, Refusal> {
        let mut seat = self.at(place)?;
        if seat.status(now) != SeatStatus::Available {
            return Err(Refusal::SeatTaken(place.seat));
        }
        let reservation = Arc::new(Reservation {
            id: self.last_reservation.fetch_add(1, Ordering::Relaxed) + 1,
            place,
            user,
            token,
            expires_at,
            state: Mutex::new(State::Held),
        });
        self.reservations.insert(reservation.id, Arc::clone(&reservation));
        *seat = Seat::Held(Arc::clone(&reservation));
        Ok(reservation)
    }

    pub(crate) fn reservation(&self, id: u64) -> Result<Arc<Reservation>, Refusal> {
        self.reservations.get(&id).ok_or(Refusal::NoSuchReservation(id))
    }

    /// Turns a living hold into a sale if `paid` succeeds; both happen under the seat's lock, or neither.
    pub(crate) fn sell<T>(
        &self,
        reservation: &Arc<Reservation>,
        now: Timestamp,
        paid: impl FnOnce() -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut seat = self.at(reservation.place)?;
        match reservation.status(now) {
            ReservationStatus::Confirmed => return Err(Refusal::AlreadyPaid(reservation.id)),
            ReservationStatus::Cancelled => return Err(Refusal::ReservationCancelled(reservation.id)),
            ReservationStatus::Expired => return Err(Refusal::HoldExpired(reservation.id)),
            ReservationStatus::Held => {}
        }
        // Two requests may read the time in one order and come here in the other: who has the seat decides.
        if !matches!(&*seat, Seat::Held(holder) if Arc::ptr_eq(holder, reservation)) {
            return Err(Refusal::HoldExpired(reservation.id));
        }
        let paid = paid()?;
        *lock(&reservation.state) = State::Confirmed;
        *seat = Seat::Sold(Arc::clone(reservation));
        Ok(paid)
    }

    /// Makes a sold seat free again if `refunded` succeeds, under the seat's lock.
    pub(crate) fn take_back<T>(
        &self,
        reservation: &Arc<Reservation>,
        refunded: impl FnOnce() -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut seat = self.at(reservation.place)?;
        let refunded = refunded()?;
        *lock(&reservation.state) = State::Cancelled;
        *seat = Seat::Free;
        if self.horizon.is_behind(reservation.id) {
            self.reservations.shard(&reservation.id).remove(&reservation.id);
        }
        Ok(refunded)
    }

    /// Forgets old reservations that expired or were cancelled.
    pub(crate) fn sweep(&self, now: Timestamp) {
        self.horizon.advance(self.last_reservation.load(Ordering::Relaxed), |id| {
            let Some(reservation) = self.reservations.get(&id) else { return true };
            let Ok(mut seat) = self.at(reservation.place) else { return true };
            match reservation.status(now) {
                // It will be one or the other, so the horizon waits for it.
                ReservationStatus::Held => return false,
                ReservationStatus::Confirmed => return true,
                ReservationStatus::Expired | ReservationStatus::Cancelled => {}
            }
            // A payer whose clock lags must not find the hold of a reservation that nobody knows.
            if matches!(&*seat, Seat::Held(holder) if Arc::ptr_eq(holder, &reservation)) {
                *seat = Seat::Free;
            }
            self.reservations.shard(&id).remove(&id);
            true
        });
    }

    /// The seats of a schedule as they are now, seat 1 first.
    pub(crate) fn of_schedule(&self, schedule: u64, now: Timestamp) -> Result<Vec<SeatStatus>, Refusal> {
        if schedule == 0 || schedule > self.schedules {
            return Err(Refusal::NoSuchSchedule(schedule));
        }
        let first = ((schedule - 1) * self.per_schedule) as usize;
        let seats = &self.all[first..first + self.per_schedule as usize];
        Ok(seats.iter().map(|seat| lock(seat).status(now)).collect())
    }

    /// How many seats are held and not paid. Seats are looked at one after the other, so it is of no one moment.
    pub(crate) fn held(&self, now: Timestamp) -> u64 {
        self.all.iter().filter(|seat| lock(seat).status(now) == SeatStatus::Held).count() as u64
    }

    /// Locks every seat, so that an audit sees no transition halfway. Requests on seats wait meanwhile.
    ///
    /// Safe from deadlock as no request takes a second seat, nor a seat while it holds anything else.
    pub(crate) fn freeze(&self) -> Vec<MutexGuard<'_, Seat>> {
        self.all.iter().map(lock).collect()
    }

    pub(crate) fn reservations(&self) -> Vec<Arc<Reservation>> {
        let mut all = Vec::new();
        self.reservations.each(|_, reservation| all.push(Arc::clone(reservation)));
        all
    }

    /// Where a seat lies among those of [`Seats::freeze`].
    pub(crate) fn index(&self, place: Place) -> Option<usize> {
        let known =
            (1..=self.schedules).contains(&place.schedule) && (1..=self.per_schedule).contains(&place.seat);
        known.then(|| ((place.schedule - 1) * self.per_schedule + place.seat - 1) as usize)
    }

    fn at(&self, place: Place) -> Result<MutexGuard<'_, Seat>, Refusal> {
        let Place { schedule, seat } = place;
        let index = self.index(place).ok_or(Refusal::NoSuchSeat { schedule, seat })?;
        Ok(lock(&self.all[index]))
    }

    /// Puts a seat into a state that no request could bring about, which is what the audit must find.
    #[cfg(test)]
    pub(crate) fn force(&self, place: Place, seat: Seat) {
        *self.at(place).unwrap() = seat;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;

    const HOLD: Duration = Duration::from_mins(5);
    const NEARLY: Duration = Duration::from_millis(299_999);

    fn hold(seats: &Seats, seat: u64, now: Timestamp) -> Result<Arc<Reservation>, Refusal> {
        seats.reserve(Place { schedule: 1, seat }, UserId::from(1), 9, now, now.plus(HOLD))
    }

    #[test]
    fn a_seat_is_held_once_until_the_hold_expires() {
        let (seats, clock) = (Seats::new(&WorldSize::default()), Clock::manual());
        let first = hold(&seats, 7, clock.now()).unwrap();
        assert_eq!(hold(&seats, 7, clock.now()).unwrap_err(), Refusal::SeatTaken(7));
        clock.advance(NEARLY);
        assert_eq!(first.status(clock.now()), ReservationStatus::Held);
        clock.advance(Duration::from_millis(1));
        assert_eq!(first.status(clock.now()), ReservationStatus::Expired);
        let second = hold(&seats, 7, clock.now()).unwrap();
        assert_eq!((first.id, second.id), (1, 2));
        assert_eq!(seats.sell(&first, clock.now(), || Ok(())), Err(Refusal::HoldExpired(1)));
    }

    #[test]
    fn a_payer_whose_clock_lags_does_not_get_a_seat_that_was_taken_over() {
        let (seats, clock) = (Seats::new(&WorldSize::default()), Clock::manual());
        let first = hold(&seats, 7, clock.now()).unwrap();
        let before_expiry = clock.now();
        clock.advance(HOLD);
        hold(&seats, 7, clock.now()).unwrap();
        assert_eq!(seats.sell(&first, before_expiry, || Ok(())), Err(Refusal::HoldExpired(1)));
    }

    #[test]
    fn a_sale_whose_payment_fails_leaves_the_hold() {
        let (seats, clock) = (Seats::new(&WorldSize::default()), Clock::manual());
        let reservation = hold(&seats, 7, clock.now()).unwrap();
        let broke = Refusal::InsufficientBalance { balance: 0, price: 1000 };
        let outcome = seats.sell(&reservation, clock.now(), || Err::<(), _>(broke.clone()));
        assert_eq!(outcome, Err(broke));
        assert_eq!(reservation.status(clock.now()), ReservationStatus::Held);
        assert_eq!(seats.sell(&reservation, clock.now(), || Ok(())), Ok(()));
        assert_eq!(seats.sell(&reservation, clock.now(), || Ok(())), Err(Refusal::AlreadyPaid(1)));
    }

    #[test]
    fn old_reservations_are_forgotten_once_they_no_longer_matter() {
        let seats = Seats { horizon: Horizon::keeping(1), ..Seats::new(&WorldSize::default()) };
        let clock = Clock::manual();
        let sold = hold(&seats, 1, clock.now()).unwrap();
        seats.sell(&sold, clock.now(), || Ok(())).unwrap();
        hold(&seats, 2, clock.now()).unwrap();
        clock.advance(NEARLY);
        for seat in 3..=5 {
            hold(&seats, seat, clock.now()).unwrap();
        }
        let known = || (1..=5).filter(|&id| seats.reservation(id).is_ok()).collect::<Vec<_>>();
        seats.sweep(clock.now());
        assert_eq!(known(), [1, 2, 3, 4, 5]);
        clock.advance(Duration::from_millis(1));
        seats.sweep(clock.now());
        assert_eq!(known(), [1, 3, 4, 5]);
        seats.take_back(&sold, || Ok(())).unwrap();
        assert_eq!(known(), [3, 4, 5]);
        clock.advance(HOLD);
        seats.sweep(clock.now());
        assert_eq!(known(), [5]);
        assert_eq!(seats.held(clock.now()), 0);
    }

    #[test]
    fn seats_beyond_the_schedule_do_not_exist() {
        let (seats, clock) = (Seats::new(&WorldSize::default()), Clock::manual());
        for (schedule, seat) in [(1, 0), (1, 51), (0, 1), (2, 1), (u64::MAX, u64::MAX)] {
            assert!(seats.index(Place { schedule, seat }).is_none(), "{schedule}/{seat}");
        }
        assert_eq!(seats.of_schedule(2, clock.now()), Err(Refusal::NoSuchSchedule(2)));
        assert_eq!(seats.of_schedule(1, clock.now()).unwrap().len(), 50);
    }
}
