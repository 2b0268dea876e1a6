//! Everything the service knows between two resets, and everything a client can do to it.
//!
//! This is the seam between the routes and a store: the methods here are the whole of it.

use std::sync::Arc;

use super::audit::{self, Audit, Stores};
use super::balance::{Balances, History};
use super::catalog::{Catalog, Concert, Night};
use super::coupons::{Coupons, Issued};
use super::orders::{Order, Orders, Shop};
use super::payments::{Payments, Receipt};
use super::products::{Basket, Products, Ranked};
use super::queue::{Pass, Queue, Standing, Token};
use super::refusal::Refusal;
use super::seats::{Place, Reservation, ReservationStatus, SeatStatus, Seats};
use super::size::WorldSize;
use super::user::UserId;
use crate::clock::Clock;

/// How much there is of what comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) waiting: u64,
    pub(crate) active: u64,
    /// Seats that are held and not paid.
    pub(crate) held: u64,
}

/// One world: made whole by a reset, and dropped whole by the next.
#[derive(Debug)]
pub(crate) struct World {
    size: WorldSize,
    clock: Clock,
    queue: Queue,
    catalog: Catalog,
    seats: Seats,
    payments: Payments,
    coupons: Coupons,
    products: Products,
    orders: Orders,
    balances: Balances,
}

impl World {
    pub(crate) fn new(size: WorldSize, clock: Clock) -> Result<Self, Refusal> {
        size.check()?;
        Ok(Self {
            queue: Queue::new(&size),
            catalog: Catalog::new(&size),
            seats: Seats::new(&size),
            payments: Payments::default(),
            coupons: Coupons::new(&size),
            products: Products::new(&size),
            orders: Orders::default(),
            balances: Balances::new(size.balance),
            clock,
            size,
        })
    }

    pub(crate) fn size(&self) -> &WorldSize {
        &self.size
    }

    pub(crate) fn enter_queue(&self, user: UserId) -> Pass {
        self.queue.enter(user, self.clock.now())
    }

    pub(crate) fn standing(&self, token: Token) -> Result<Standing, Refusal> {
        self.queue.standing(token, self.clock.now()).map(|(_, standing)| standing)
    }

    pub(crate) fn standing_of_user(&self, user: &UserId) -> Result<Pass, Refusal> {
        self.queue.of_user(user, self.clock.now())
    }

    pub(crate) fn leave_queue(&self, token: Token) -> Result<(), Refusal> {
        self.queue.leave(token, self.clock.now())
    }

    pub(crate) fn concerts(&self) -> Vec<Concert> {
        self.catalog.concerts()
    }

    pub(crate) fn nights(&self, concert: u64) -> Result<Vec<Night>, Refusal> {
        self.catalog.nights(concert)
    }

    /// The seats of a schedule as they are now, seat 1 first.
    pub(crate) fn seats(&self, schedule: u64) -> Result<Vec<SeatStatus>, Refusal> {
        self.seats.of_schedule(schedule, self.clock.now())
    }

    /// Holds a seat for the holder of an active token.
    pub(crate) fn reserve(&self, token: Token, place: Place) -> Result<Arc<Reservation>, Refusal> {
        let now = self.clock.now();
        let user = self.queue.admit(token, now)?;
        self.seats.reserve(place, user, token.0, now, now.plus(self.size.hold))
    }

    pub(crate) fn reservation(&self, id: u64) -> Result<(Arc<Reservation>, ReservationStatus), Refusal> {
        let reservation = self.seats.reservation(id)?;
        let status = reservation.status(self.clock.now());
        Ok((reservation, status))
    }

    /// Pays for a held seat; under a key, at most once for all requests that bring it.
    pub(crate) fn pay(&self, reservation: u64, key: Option<&str>) -> Result<Receipt, Refusal> {
        let pay = || {
            let now = self.clock.now();
            let reservation = self.seats.reservation(reservation)?;
            let receipt = self.payments.pay(&self.seats, &self.balances, &reservation, now)?;
            // Whoever has paid makes room in the queue. The token may have ended by itself before that.
            let _ = self.queue.leave(Token(reservation.token), now);
            Ok(receipt)
        };
        match key {
            Some(key) => self.payments.once(key, pay),
            None => pay(),
        }
    }

    pub(crate) fn cancel_payment(&self, id: u64) -> Result<Receipt, Refusal> {
        self.payments.cancel(&self.seats, &self.balances, id, self.clock.now())
    }

    pub(crate) fn balance(&self, user: &UserId) -> u64 {
        self.balances.balance(user)
    }

    pub(crate) fn charge(&self, user: &UserId, amount: u64) -> Result<u64, Refusal> {
        self.balances.charge(user, amount, self.clock.now())
    }

    pub(crate) fn history(&self, user: &UserId) -> History {
        self.balances.history(user)
    }

    /// Gives the user a copy of a coupon.
    pub(crate) fn publish_coupon(&self, coupon: u64, user: UserId) -> Result<Issued, Refusal> {
        self.coupons.publish(coupon, user, self.clock.now())
    }

    /// The best sold products, the most first.
    pub(crate) fn ranks(&self, most: usize) -> Vec<Ranked> {
        self.products.ranks(most)
    }

    /// Takes stock and money for an order, which is pending until it is settled.
    pub(crate) fn place_order(
        &self,
        user: UserId,
        basket: &Basket,
        coupon: Option<u64>,
    ) -> Result<Arc<Order>, Refusal> {
        self.orders.place(self.shop(), user, basket, coupon, self.clock.now())
    }

    /// Decides a pending order of this world.
    pub(crate) fn settle_order(&self, order: &Order) {
        order.settle(self.shop(), self.clock.now());
    }

    pub(crate) fn order(&self, id: u64) -> Result<Arc<Order>, Refusal> {
        self.orders.order(id)
    }

    pub(crate) fn audit(&self) -> Audit {
        let Self { seats, payments, coupons, products, orders, balances, .. } = self;
        audit::audit(Stores { seats, payments, coupons, products, orders, balances }, self.clock.now())
    }

    /// How many tokens and holds there are, found by a walk over all seats.
    pub(crate) fn load(&self) -> Load {
        let now = self.clock.now();
        let (active, waiting) = self.queue.census(now);
        Load { waiting, active, held: self.seats.held(now) }
    }

    /// Frees the memory of what has expired; called now and then.
    pub(crate) fn sweep(&self) {
        let now = self.clock.now();
        self.queue.sweep(now);
        self.seats.sweep(now);
        self.payments.sweep();
    }

    fn shop(&self) -> Shop<'_> {
        Shop { products: &self.products, coupons: &self.coupons, balances: &self.balances }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEAT: Place = Place { schedule: 1, seat: 1 };

    fn world(size: WorldSize) -> World {
        World::new(size, Clock::manual()).unwrap()
    }

    #[test]
    fn who_has_paid_gives_the_place_in_the_queue_back() {
        let world = world(WorldSize { active_limit: Some(1), ..WorldSize::default() });
        let (first, second) = (world.enter_queue(1.into()), world.enter_queue(2.into()));
        let reservation = world.reserve(first.token, SEAT).unwrap();
        assert!(matches!(world.reserve(second.token, SEAT), Err(Refusal::TokenWaiting { .. })));
        world.pay(reservation.id, None).unwrap();
        assert!(matches!(world.standing(second.token), Ok(Standing::Active { .. })));
        assert_eq!(world.standing(first.token), Err(Refusal::TokenExpired));
    }

    #[test]
    fn a_key_answers_as_the_first_time_even_a_refusal() {
        let world = world(WorldSize { balance: 999, ..WorldSize::default() });
        let token = world.enter_queue(1.into()).token;
        let id = world.reserve(token, SEAT).unwrap().id;
        let refusal = Refusal::InsufficientBalance { balance: 999, price: 1000 };
        assert_eq!(world.pay(id, Some("key")), Err(refusal.clone()));
        world.charge(&1.into(), 1).unwrap();
        assert_eq!(world.pay(id, Some("key")), Err(refusal));
        let receipt = world.pay(id, Some("other")).unwrap();
        assert_eq!(world.pay(id, Some("other")), Ok(receipt));
        assert_eq!(world.pay(id, None), Err(Refusal::AlreadyPaid(id)));
        assert_eq!(world.audit(), Audit { reserved: 1, confirmed: 1, payments: 1, ..Audit::default() });
    }

    #[test]
    fn a_cancelled_payment_is_given_back_once() {
        let world = world(WorldSize::default());
        let token = world.enter_queue(1.into()).token;
        let id = world.reserve(token, SEAT).unwrap().id;
        let payment = world.pay(id, None).unwrap().payment;
        assert_eq!(world.cancel_payment(payment).unwrap().balance, 1_000_000);
        assert_eq!(world.cancel_payment(payment), Err(Refusal::PaymentCancelled(payment)));
        assert_eq!(world.pay(id, None), Err(Refusal::ReservationCancelled(id)));
        assert_eq!(world.cancel_payment(2), Err(Refusal::NoSuchPayment(2)));
        assert_eq!(world.audit(), Audit::default());
    }
}
