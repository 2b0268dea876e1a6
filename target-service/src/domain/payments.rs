//! Payments for reservations: taken once, given back once, and answered alike under the same key.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::balance::Balances;
use super::refusal::Refusal;
use super::seats::{Reservation, Seats};
use super::sharded::{ById, ShardedMap, lock};
use crate::clock::Timestamp;

/// What a seat costs.
pub(crate) const SEAT_PRICE: u64 = 1000;

/// Money taken for a reservation.
#[derive(Debug)]
pub(crate) struct Payment {
    pub(crate) reservation: Arc<Reservation>,
    pub(crate) amount: u64,
    /// Changes only under the lock of the reservation's seat.
    cancelled: AtomicBool,
}

impl Payment {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// What the payer reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) payment: u64,
    pub(crate) reservation: u64,
    pub(crate) amount: u64,
    /// The balance after it.
    pub(crate) balance: u64,
}

/// The first answer under a key; empty while the first request is still being answered.
type FirstAnswer = Arc<Mutex<Option<Result<Receipt, Refusal>>>>;

/// All payments, and the answers given under each `Idempotency-Key`.
#[derive(Debug, Default)]
pub(crate) struct Payments {
    taken: ById<Arc<Payment>>,
    last: AtomicU64,
    answers: ShardedMap<Arc<str>, FirstAnswer>,
}

impl Payments {
    /// Answers as the first request with this key was answered, refusals too; `pay` runs at most once per key.
    ///
    /// Others with the same key wait until the first is done. That wait blocks the thread, and is short:
    /// under the key's lock nothing is waited for but other short locks, and none of them waits for a key.
    pub(crate) fn once(
        &self,
        key: &str,
        pay: impl FnOnce() -> Result<Receipt, Refusal>,
    ) -> Result<Receipt, Refusal> {
        let key = Arc::from(key);
        let slot = Arc::clone(self.answers.shard(&key).entry(key).or_default());
        lock(&slot).get_or_insert_with(pay).clone()
    }

    /// Takes the price from the reservation's user and sells the seat, or does neither.
    pub(crate) fn pay(
        &self,
        seats: &Seats,
        balances: &Balances,
        reservation: &Arc<Reservation>,
        now: Timestamp,
    ) -> Result<Receipt, Refusal> {
        seats.sell(reservation, now, || {
            let balance = balances.pay(&reservation.user, SEAT_PRICE, now)?;
            let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
            self.record(id, reservation);
            Ok(Receipt { payment: id, reservation: reservation.id, amount: SEAT_PRICE, balance })
        })
    }

    /// Gives the money back and makes the seat free.
    pub(crate) fn cancel(
        &self,
        seats: &Seats,
        balances: &Balances,
        id: u64,
        now: Timestamp,
    ) -> Result<Receipt, Refusal> {
        let payment = self.taken.get(&id).ok_or(Refusal::NoSuchPayment(id))?;
        let reservation = &payment.reservation;
        seats.take_back(reservation, || {
            if payment.cancelled.swap(true, Ordering::Relaxed) {
                return Err(Refusal::PaymentCancelled(id));
            }
            let balance = balances.refund(&reservation.user, payment.amount, now);
            Ok(Receipt { payment: id, reservation: reservation.id, amount: payment.amount, balance })
        })
    }

    pub(crate) fn all(&self) -> Vec<Arc<Payment>> {
        let mut all = Vec::new();
        self.taken.each(|_, payment| all.push(Arc::clone(payment)));
        all
    }

    /// Writes a payment down. Only `pay` may, and tests that need a payment which must not be.
    pub(crate) fn record(&self, id: u64, reservation: &Arc<Reservation>) {
        let payment = Payment {
            reservation: Arc::clone(reservation),
            amount: SEAT_PRICE,
            cancelled: AtomicBool::new(false),
        };
        self.taken.insert(id, Arc::new(payment));
    }
}
