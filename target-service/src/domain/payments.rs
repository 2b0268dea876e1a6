//! Payments for reservations: taken once, given back once, and answered alike under the same key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::answers::FirstAnswers;
use super::balance::Balances;
use super::horizon::Horizon;
use super::refusal::Refusal;
use super::seats::{Reservation, Seats};
use super::sharded::ById;
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

/// All payments, and the answers given under each `Idempotency-Key`.
#[derive(Debug, Default)]
pub(crate) struct Payments {
    taken: ById<Arc<Payment>>,
    last: AtomicU64,
    horizon: Horizon,
    answers: FirstAnswers<Result<Receipt, Refusal>>,
}

impl Payments {
    /// Answers as the first request with this key was answered, refusals too. Should a key be forgotten after very
    /// many others, the seat still knows that it is paid.
    pub(crate) fn once(
        &self,
        key: &str,
        pay: impl FnOnce() -> Result<Receipt, Refusal>,
    ) -> Result<Receipt, Refusal> {
        self.answers.once(key, pay)
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
        let receipt = seats.take_back(reservation, || {
            if payment.cancelled.swap(true, Ordering::Relaxed) {
                return Err(Refusal::PaymentCancelled(id));
            }
            let balance = balances.refund(&reservation.user, payment.amount, now);
            Ok(Receipt { payment: id, reservation: reservation.id, amount: payment.amount, balance })
        })?;
        if self.horizon.is_behind(id) {
            self.taken.shard(&id).remove(&id);
        }
        Ok(receipt)
    }

    /// Forgets old payments that were given back.
    pub(crate) fn sweep(&self) {
        self.horizon.advance(self.last.load(Ordering::Relaxed), |id| {
            let mut shard = self.taken.shard(&id);
            if shard.get(&id).is_some_and(|payment| payment.is_cancelled()) {
                shard.remove(&id);
            }
            true
        });
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
