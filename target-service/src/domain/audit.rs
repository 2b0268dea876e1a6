//! Counts what is true in the store by walking it: seats, reservations, payments, coupons, orders, balances.
//!
//! Nothing here reads a counter that requests keep, so a fault in a request's path cannot hide itself.

use std::collections::HashMap;
use std::sync::MutexGuard;

use super::balance::Balances;
use super::coupons::Coupons;
use super::orders::{OrderStatus, Orders};
use super::payments::Payments;
use super::products::{Products, Stock};
use super::seats::{ReservationStatus, Seat, SeatStatus, Seats};
use super::user::UserId;
use crate::clock::Timestamp;

/// What the store holds, and every invariant it breaks.
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
    /// Copies of coupons that users hold.
    pub(crate) coupons_issued: u64,
    /// Copies beyond the limit of their coupon.
    pub(crate) coupons_over: u64,
    /// Products of which more was taken than there was, by their own count or by the orders.
    pub(crate) stock_below_zero: u64,
    /// Money that balances have too much or too little of, summed up over users.
    pub(crate) balance_drift: u64,
    /// Taken seats whose reservation does not say so, living reservations whose seat says otherwise, and pieces
    /// that are taken from a stock for no order, or for an order from no stock.
    pub(crate) orphan_holds: u64,
}

/// Where everything is that is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stores<'a> {
    pub(crate) seats: &'a Seats,
    pub(crate) payments: &'a Payments,
    pub(crate) coupons: &'a Coupons,
    pub(crate) products: &'a Products,
    pub(crate) orders: &'a Orders,
    pub(crate) balances: &'a Balances,
}

/// What payments and orders say each user has spent.
type Spent = HashMap<UserId, u64>;

/// Walks the store while every seat and every product is locked, so that what it counts is of one moment.
///
/// Safe from deadlock, as no request locks both a seat and a product.
pub(crate) fn audit(stores: Stores<'_>, now: Timestamp) -> Audit {
    let (seats, stock) = (stores.seats.freeze(), stores.products.freeze());
    let (mut found, mut spent) = (Audit::default(), Spent::new());
    count_seats(stores.seats, &seats, now, &mut found);
    count_payments(stores.payments, &mut found, &mut spent);
    count_coupons(stores.coupons, &mut found);
    count_orders(stores, &stock, &mut found, &mut spent);
    count_money(stores.balances, spent, &mut found);
    found
}

fn count_seats(seats: &Seats, frozen: &[MutexGuard<'_, Seat>], now: Timestamp, found: &mut Audit) {
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
}

fn count_payments(payments: &Payments, found: &mut Audit, spent: &mut Spent) {
    let mut paid_for: HashMap<u64, u64> = HashMap::new();
    for payment in payments.all().iter().filter(|payment| !payment.is_cancelled()) {
        found.payments += 1;
        *paid_for.entry(payment.reservation.id).or_default() += 1;
        *spent.entry(payment.reservation.user.clone()).or_default() += payment.amount;
    }
    found.double_paid = paid_for.values().map(|times| times - 1).sum();
}

fn count_coupons(coupons: &Coupons, found: &mut Audit) {
    for issued in coupons.issued() {
        found.coupons_issued += issued;
        found.coupons_over += issued.saturating_sub(coupons.limit());
    }
}

fn count_orders(stores: Stores<'_>, stock: &[MutexGuard<'_, Stock>], found: &mut Audit, spent: &mut Spent) {
    let closed = stores.orders.closed();
    let mut taken = closed.pieces;
    for (user, amount) in closed.spent {
        *spent.entry(user).or_default() += amount;
    }
    for order in stores.orders.all() {
        if matches!(order.status(), OrderStatus::Failed(_)) {
            continue;
        }
        *spent.entry(order.user.clone()).or_default() += order.amount;
        for line in order.basket.lines() {
            *taken.entry(line.product).or_default() += line.quantity;
        }
    }
    let opening = i128::from(stores.products.opening());
    for (product, stock) in (1..).zip(stock) {
        let (left, taken) = (i128::from(stock.left), i128::from(taken.remove(&product).unwrap_or(0)));
        found.stock_below_zero += u64::from(left < 0 || taken > opening);
        found.orphan_holds += u64::try_from((opening - left).abs_diff(taken)).unwrap_or(u64::MAX);
    }
    // What orders have of products that do not exist.
    found.orphan_holds += taken.values().sum::<u64>();
}

fn count_money(balances: &Balances, mut spent: Spent, found: &mut Audit) {
    for books in balances.books() {
        let spent = spent.remove(&books.user).unwrap_or(0);
        let due = i128::from(balances.opening()) + books.charged - i128::from(spent);
        let drift = due.abs_diff(i128::from(books.balance));
        found.balance_drift = found.balance_drift.saturating_add(u64::try_from(drift).unwrap_or(u64::MAX));
    }
    // Whoever paid has an account; money spent from none was never taken.
    found.balance_drift = spent.values().fold(found.balance_drift, |sum, amount| sum.saturating_add(*amount));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::domain::orders::{Order, Shop};
    use crate::domain::products::{Basket, Line};
    use crate::domain::seats::{Place, Reservation};
    use crate::domain::size::WorldSize;

    const HOLD: Duration = Duration::from_mins(5);
    const SEAT: Place = Place { schedule: 1, seat: 1 };

    struct Store {
        seats: Seats,
        payments: Payments,
        coupons: Coupons,
        products: Products,
        orders: Orders,
        balances: Balances,
        clock: Clock,
    }

    impl Store {
        fn new() -> Self {
            let size = WorldSize { products: 2, stock: 3, coupon_limit: 1, ..WorldSize::default() };
            Self {
                seats: Seats::new(&size),
                payments: Payments::default(),
                coupons: Coupons::new(&size),
                products: Products::new(&size),
                orders: Orders::default(),
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

        fn shop(&self) -> Shop<'_> {
            Shop { products: &self.products, coupons: &self.coupons, balances: &self.balances }
        }

        fn order(&self, product: u64, quantity: u64) -> Arc<Order> {
            let basket = Basket::new(vec![Line { product, quantity }]).unwrap();
            self.orders.place(self.shop(), 1.into(), &basket, None, self.clock.now()).unwrap()
        }

        fn audit(&self) -> Audit {
            let Self { seats, payments, coupons, products, orders, balances, clock } = self;
            audit(Stores { seats, payments, coupons, products, orders, balances }, clock.now())
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

    #[test]
    fn orders_are_sound_before_and_after_they_are_settled() {
        let store = Store::new();
        let order = store.order(1, 3);
        assert_eq!(store.audit(), Audit::default());
        order.settle(store.shop(), store.clock.now());
        assert_eq!(store.audit(), Audit::default());
    }

    #[test]
    fn a_stock_that_does_not_agree_with_the_orders_is_found() {
        let store = Store::new();
        store.order(1, 2);
        store.products.force(1, 3);
        store.order(1, 3);
        let found = store.audit();
        assert_eq!((found.stock_below_zero, found.orphan_holds), (1, 2));
        store.products.force(1, -2);
        store.products.force(2, -1);
        let found = store.audit();
        assert_eq!((found.stock_below_zero, found.orphan_holds), (2, 4));
    }

    #[test]
    fn coupons_over_their_limit_are_found() {
        let store = Store::new();
        store.coupons.publish(1, 1.into(), store.clock.now()).unwrap();
        assert_eq!(store.audit(), Audit { coupons_issued: 1, ..Audit::default() });
        store.coupons.force(1, 2.into(), store.clock.now());
        assert_eq!(store.audit(), Audit { coupons_issued: 2, coupons_over: 1, ..Audit::default() });
    }
}
