//! Counts what is true in the store by walking it: seats, reservations, payments, balances.
//!
//! Nothing here reads a counter that requests keep, so a fault in a request's path cannot hide itself.

use std::collections::HashMap;

use super::balance::Balances;
use super::payments::Payments;
use super::seats::{ReservationStatus, Seat, SeatStatus, Seats};
use super::user::UserId;
use crate::clock::Timestamp;

/// What the store holds, and every invariant it breaks.
///
/// There is no store of coupons and none of products, hence nothing of theirs to count: `coupons_issued`,
/// `coupons_over` and `stock_below_zero` are 0 because nothing of the kind exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Audit {
    /// Seats that are held or sold.
    pub(crate) reserved: u64,
    /// Seats that are sold.
    pub(crate) confirmed: u64,
    /// Payments that were not cancelled.
    pub(crate) payments: u64,
    /// Living reservations beyond one for a seat.
    pub(crate) double_booked: u64,
    /// Payments beyond one for a reservation, those cancelled left out.
    pub(crate) double_paid: u64,
    pub(crate) coupons_issued: u64,
    pub(crate) coupons_over: u64,
    pub(crate) stock_below_zero: u64,
    /// Money that balances have too much or too little of, summed up over users.
    pub(crate) balance_drift: u64,
    /// Taken seats whose reservation does not say so, and living reservations whose seat says otherwise.
    pub(crate) orphan_holds: u64,
}

/// Walks the store while every seat is locked, so that what it counts is of one moment.
pub(crate) fn audit(seats: &Seats, payments: &Payments, balances: &Balances, now: Timestamp) -> Audit {
    let frozen = seats.freeze();
    let mut found = Audit::default();
    let mut claims = vec![0_u64; frozen.len()];

    for reservation in seats.reservations() {
        let status = reservation.status(now);
        if !matches!(status, ReservationStatus::Held | ReservationStatus::Confirmed) {
            continue;
        }
        let Some(index) = seats.index(reservation.place) else {
            found.orphan_holds += 1;
            continue;
        };
        claims[index] += 1;
        let known_to_seat = match (&*frozen[index], status) {
            (Seat::Held(holder), ReservationStatus::Held)
            | (Seat::Sold(holder), ReservationStatus::Confirmed) => holder.id == reservation.id,
            _ => false,
        };
        found.orphan_holds += u64::from(!known_to_seat);
    }
    for (seat, &claims) in frozen.iter().zip(&claims) {
        let status = seat.status(now);
        found.reserved += u64::from(status != SeatStatus::Available);
        found.confirmed += u64::from(status == SeatStatus::Sold);
        found.double_booked += claims.saturating_sub(1);
        found.orphan_holds += u64::from(status != SeatStatus::Available && claims == 0);
    }

    let mut paid_for: HashMap<u64, u64> = HashMap::new();
    let mut spent: HashMap<UserId, u64> = HashMap::new();
    for payment in payments.all().iter().filter(|payment| !payment.is_cancelled()) {
        found.payments += 1;
        *paid_for.entry(payment.reservation.id).or_default() += 1;
        *spent.entry(payment.reservation.user.clone()).or_default() += payment.amount;
    }
    found.double_paid = paid_for.values().map(|times| times - 1).sum();

    for books in balances.books() {
        let spent = spent.remove(&books.user).unwrap_or(0);
        let due = i128::from(balances.opening()) + books.charged - i128::from(spent);
        let drift = due.abs_diff(i128::from(books.balance));
        found.balance_drift = found.balance_drift.saturating_add(u64::try_from(drift).unwrap_or(u64::MAX));
    }
    // Whoever paid has an account; money spent from none was never taken.
    found.balance_drift = spent.values().fold(found.balance_drift, |sum, amount| sum.saturating_add(*amount));
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::domain::seats::{Place, Reservation};
    use crate::domain::size::WorldSize;

    const HOLD: Duration = Duration::from_mins(5);
    const SEAT: Place = Place { schedule: 1, seat: 1 };

    struct Store {
        seats: Seats,
        payments: Payments,
        balances: Balances,
        clock: Clock,
    }

    impl Store {
        fn new() -> Self {
            let seats = Seats::new(&WorldSize::default());
            Self {
                seats,
                payments: Payments::default(),
                balances: Balances::new(5000),
                clock: Clock::manual(),
            }
        }

        fn reserve(&self, user: u64) -> Arc<Reservation> {
            self.reserve_at(SEAT, user)
        }

        fn reserve_at(&self, place: Place, user: u64) -> Arc<Reservation> {
            let now = self.clock.now();
            self.seats.reserve(place, user.into(), 1, now, now.plus(HOLD)).unwrap()
        }

        fn pay(&self, reservation: &Arc<Reservation>) -> u64 {
            self.payments.pay(&self.seats, &self.balances, reservation, self.clock.now()).unwrap().payment
        }

        fn audit(&self) -> Audit {
            audit(&self.seats, &self.payments, &self.balances, self.clock.now())
        }
    }

    #[test]
    fn a_sound_store_has_nothing_to_report() {
        let store = Store::new();
        let reservation = store.reserve(1);
        assert_eq!(store.audit(), Audit { reserved: 1, ..Audit::default() });
        let payment = store.pay(&reservation);
        store.balances.charge(&1.into(), 250, store.clock.now()).unwrap();
        assert_eq!(store.audit(), Audit { reserved: 1, confirmed: 1, payments: 1, ..Audit::default() });
        store.payments.cancel(&store.seats, &store.balances, payment, store.clock.now()).unwrap();
        assert_eq!(store.audit(), Audit::default());
        store.reserve(2);
        store.clock.advance(HOLD);
        assert_eq!(store.audit(), Audit::default());
    }

    #[test]
    fn a_seat_sold_twice_is_found() {
        let store = Store::new();
        store.reserve(1);
        store.seats.force(SEAT, Seat::Free);
        store.reserve(2);
        let found = store.audit();
        assert_eq!((found.reserved, found.double_booked, found.orphan_holds), (1, 1, 1));
    }

    #[test]
    fn a_reservation_paid_twice_is_found() {
        let store = Store::new();
        let reservation = store.reserve(1);
        store.pay(&reservation);
        store.payments.record(99, &reservation);
        let found = store.audit();
        assert_eq!((found.payments, found.double_paid, found.balance_drift), (2, 1, 1000));
    }

    #[test]
    fn money_that_is_gone_is_found() {
        let store = Store::new();
        store.balances.lose(&1.into(), 30);
        store.balances.lose(&2.into(), 12);
        assert_eq!(store.audit().balance_drift, 42);
    }

    #[test]
    fn a_payment_nobody_was_charged_for_is_found() {
        let store = Store::new();
        let reservation = store.reserve(1);
        store.payments.record(1, &reservation);
        assert_eq!(store.audit().balance_drift, 1000);
    }

    #[test]
    fn a_seat_taken_for_nobody_is_found() {
        let store = Store::new();
        let reservation = store.reserve(1);
        store.seats.force(SEAT, Seat::Sold(reservation));
        assert_eq!(store.audit().orphan_holds, 1);
        let other = store.reserve_at(Place { schedule: 1, seat: 2 }, 9);
        store.seats.force(SEAT, Seat::Held(other));
        assert!(store.audit().orphan_holds > 0);
    }
}
