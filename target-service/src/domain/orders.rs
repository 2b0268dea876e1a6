//! Orders: stock and money are taken when one is placed, and kept or given back when it is settled.
//!
//! Both happen under the locks of the order's products, whole or not at all. Who settles, and when, is not
//! known here: an order may wait in between for as long as it likes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::balance::Balances;
use super::coupons::{Coupons, discounted};
use super::products::{Basket, Products};
use super::refusal::Refusal;
use super::sharded::{ById, lock};
use super::user::UserId;
use crate::clock::Timestamp;

/// Orders that can still be asked after: some seconds of them at the highest rate, minutes at any usual one. Older
/// ones are summed up, or a long run would fill the memory, and look as if it leaked.
const KEPT: u64 = 250_000;

/// One user's order.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) user: UserId,
    pub(crate) basket: Basket,
    pub(crate) coupon: Option<u64>,
    /// What was paid for it.
    pub(crate) amount: u64,
    /// Changes only under the locks of its products.
    status: Mutex<OrderStatus>,
}

impl Order {
    pub(crate) fn status(&self) -> OrderStatus {
        lock(&self.status).clone()
    }

    /// Decides a pending order: the coupon is used up and the goods are sold, or everything is given back.
    /// Settling twice changes nothing.
    pub(crate) fn settle(&self, shop: Shop<'_>, now: Timestamp) {
        // The products were there when it was placed, and do not go.
        let Ok(mut shelves) = shop.products.open(&self.basket) else { return };
        let mut status = lock(&self.status);
        if *status != OrderStatus::Pending {
            return;
        }
        // Another order with the same coupon may have come first since this one was placed.
        match self.coupon.map_or(Ok(()), |coupon| shop.coupons.redeem(coupon, &self.user)) {
            Ok(()) => {
                shelves.sell();
                *status = OrderStatus::Completed;
            }
            Err(refusal) => {
                shelves.give_back();
                shop.balances.refund(&self.user, self.amount, now);
                *status = OrderStatus::Failed(refusal);
            }
        }
    }
}

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OrderStatus {
    Pending,
    Completed,
    /// Stock and money were given back.
    Failed(Refusal),
}

/// What orders touch besides themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shop<'a> {
    pub(crate) products: &'a Products,
    pub(crate) coupons: &'a Coupons,
    pub(crate) balances: &'a Balances,
}

/// The sums of completed orders that are no longer kept one by one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Closed {
    pub(crate) spent: HashMap<UserId, u64>,
    /// Pieces by product.
    pub(crate) pieces: HashMap<u64, u64>,
}

/// All orders of a world: the newest one by one, the older ones as sums.
#[derive(Debug)]
pub(crate) struct Orders {
    kept: u64,
    all: ById<Arc<Order>>,
    last: AtomicU64,
    /// Changes only while a product is locked, so that an audit, which locks all of them, sees it stand still.
    closed: Mutex<Closed>,
}

impl Default for Orders {
    fn default() -> Self {
        Self { kept: KEPT, all: ById::default(), last: AtomicU64::new(0), closed: Mutex::default() }
    }
}

impl Orders {
    /// Takes the stock and the money for an order that is to be settled, or neither.
    pub(crate) fn place(
        &self,
        shop: Shop<'_>,
        user: UserId,
        basket: &Basket,
        coupon: Option<u64>,
        now: Timestamp,
    ) -> Result<Arc<Order>, Refusal> {
        let mut shelves = shop.products.open(basket)?;
        shelves.check()?;
        let mut amount = basket.price();
        if let Some(coupon) = coupon {
            shop.coupons.check(coupon, &user)?;
            amount = discounted(amount);
        }
        shop.balances.pay(&user, amount, now)?;
        shelves.take();
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let status = Mutex::new(OrderStatus::Pending);
        let order = Arc::new(Order { id, user, basket: basket.clone(), coupon, amount, status });
        self.all.insert(id, Arc::clone(&order));
        if let Some(old) = id.checked_sub(self.kept) {
            self.close(old);
        }
        drop(shelves);
        Ok(order)
    }

    pub(crate) fn order(&self, id: u64) -> Result<Arc<Order>, Refusal> {
        self.all.get(&id).ok_or(Refusal::NoSuchOrder(id))
    }

    /// The orders that are kept one by one.
    pub(crate) fn all(&self) -> Vec<Arc<Order>> {
        let mut all = Vec::new();
        self.all.each(|_, order| all.push(Arc::clone(order)));
        all
    }

    pub(crate) fn closed(&self) -> Closed {
        lock(&self.closed).clone()
    }

    /// Puts an old order among the sums. One that still waits stays as it is.
    fn close(&self, id: u64) {
        let mut shard = self.all.shard(&id);
        let status = shard.get(&id).map(|order| order.status());
        if !matches!(status, Some(OrderStatus::Completed | OrderStatus::Failed(_))) {
            return;
        }
        if let Some(order) = shard.remove(&id)
            && status == Some(OrderStatus::Completed)
        {
            let mut closed = lock(&self.closed);
            *closed.spent.entry(order.user.clone()).or_default() += order.amount;
            for line in order.basket.lines() {
                *closed.pieces.entry(line.product).or_default() += line.quantity;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::products::Line;
    use crate::domain::size::WorldSize;

    struct Store {
        products: Products,
        coupons: Coupons,
        balances: Balances,
        orders: Orders,
        now: Timestamp,
    }

    impl Store {
        fn new(stock: u64, balance: u64) -> Self {
            let size = WorldSize { products: 2, stock, balance, ..WorldSize::default() };
            Self {
                products: Products::new(&size),
                coupons: Coupons::new(&size),
                balances: Balances::new(balance),
                orders: Orders { kept: 3, ..Orders::default() },
                now: Clock::manual().now(),
            }
        }

        fn shop(&self) -> Shop<'_> {
            Shop { products: &self.products, coupons: &self.coupons, balances: &self.balances }
        }

        fn place(&self, lines: &[(u64, u64)], coupon: Option<u64>) -> Result<Arc<Order>, Refusal> {
            let lines = lines.iter().map(|&(product, quantity)| Line { product, quantity }).collect();
            self.orders.place(self.shop(), 1.into(), &Basket::new(lines)?, coupon, self.now)
        }

        fn settle(&self, order: &Order) -> OrderStatus {
            order.settle(self.shop(), self.now);
            order.status()
        }

        /// What is left of both products, and of the money.
        fn left(&self) -> (i64, i64, u64) {
            let stock = self.products.freeze();
            (stock[0].left, stock[1].left, self.balances.balance(&1.into()))
        }
    }

    #[test]
    fn an_order_takes_all_or_nothing() {
        let store = Store::new(5, 7000);
        assert_eq!(
            store.place(&[(1, 2), (2, 6)], None).unwrap_err(),
            Refusal::OutOfStock { product: 2, left: 5 }
        );
        assert_eq!(store.place(&[(1, 2), (3, 1)], None).unwrap_err(), Refusal::NoSuchProduct(3));
        let broke = Refusal::InsufficientBalance { balance: 7000, price: 8000 };
        assert_eq!(store.place(&[(1, 4), (2, 4)], None).unwrap_err(), broke);
        assert_eq!(store.left(), (5, 5, 7000));
        let order = store.place(&[(1, 4), (2, 3)], None).unwrap();
        assert_eq!((order.id, order.status()), (1, OrderStatus::Pending));
        assert_eq!(store.left(), (1, 2, 0));
    }

    #[test]
    fn settling_sells_once() {
        let store = Store::new(5, 7000);
        let order = store.place(&[(2, 3)], None).unwrap();
        assert_eq!(store.products.ranks(1)[0].sold, 0);
        assert_eq!(store.settle(&order), OrderStatus::Completed);
        assert_eq!(store.settle(&order), OrderStatus::Completed);
        assert_eq!(store.products.ranks(1)[0].sold, 3);
        assert_eq!(store.left(), (5, 2, 4000));
    }

    #[test]
    fn of_two_orders_with_one_coupon_the_later_fails_and_gets_everything_back() {
        let store = Store::new(5, 7000);
        let unissued = store.place(&[(1, 1)], Some(1)).unwrap_err();
        assert_eq!(unissued, Refusal::CouponNotIssued(1));
        store.coupons.publish(1, 1.into(), store.now).unwrap();
        let (first, second) =
            (store.place(&[(1, 1)], Some(1)).unwrap(), store.place(&[(1, 2), (2, 1)], Some(1)).unwrap());
        assert_eq!(store.left(), (2, 4, 7000 - 900 - 2700));
        assert_eq!(store.settle(&second), OrderStatus::Completed);
        for _ in 0..2 {
            assert_eq!(store.settle(&first), OrderStatus::Failed(Refusal::CouponUsed(1)));
            assert_eq!(store.left(), (3, 4, 7000 - 2700));
        }
        assert_eq!(store.place(&[(1, 1)], Some(1)).unwrap_err(), Refusal::CouponUsed(1));
    }

    #[test]
    fn old_orders_are_summed_up_and_those_that_wait_are_not() {
        let store = Store::new(100, 1_000_000);
        let waiting = store.place(&[(1, 1)], None).unwrap();
        for _ in 0..10 {
            let order = store.place(&[(1, 1), (2, 2)], None).unwrap();
            store.settle(&order);
        }
        assert_eq!(store.orders.all().len(), 4);
        assert!(store.orders.order(waiting.id).is_ok());
        assert_eq!(store.orders.order(2).unwrap_err(), Refusal::NoSuchOrder(2));
        let closed = store.orders.closed();
        assert_eq!((closed.spent[&1.into()], closed.pieces[&1], closed.pieces[&2]), (7 * 3000, 7, 14));
    }
}
