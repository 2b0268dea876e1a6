//! Why the service turns a call down: the errors of the domain, each with the words a client reads.
//!
//! Which HTTP status belongs to each is the business of `http/envelope.rs`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A call that was understood and is refused. `Clone`, as a payment's key must answer alike again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    BadRequest(String),
    #[error("this token was never issued here; get one with POST /api/v1/queues")]
    TokenUnknown,
    #[error("this token has expired or was given back; get a new one with POST /api/v1/queues")]
    TokenExpired,
    #[error("this token is still number {position} in the line; ask again in {} ms", .retry_after.as_millis())]
    TokenWaiting { position: u64, retry_after: Duration },
    #[error("this user has no living token")]
    NoSuchToken,
    #[error("there is no concert {0}")]
    NoSuchConcert(u64),
    #[error("there is no schedule {0}")]
    NoSuchSchedule(u64),
    #[error("there is no seat {seat} on schedule {schedule}")]
    NoSuchSeat { schedule: u64, seat: u64 },
    #[error("seat {0} is taken")]
    SeatTaken(u64),
    #[error("there is no reservation {0}")]
    NoSuchReservation(u64),
    #[error("reservation {0} is paid already")]
    AlreadyPaid(u64),
    #[error("the hold of reservation {0} has expired")]
    HoldExpired(u64),
    #[error("reservation {0} was cancelled")]
    ReservationCancelled(u64),
    #[error("there is no payment {0}")]
    NoSuchPayment(u64),
    #[error("payment {0} is cancelled already")]
    PaymentCancelled(u64),
    #[error("a balance of {balance} does not pay {price}")]
    InsufficientBalance { balance: u64, price: u64 },
    #[error("there is no coupon {0}")]
    NoSuchCoupon(u64),
    #[error("this user has coupon {0} already")]
    CouponIssued(u64),
    #[error("no copy of coupon {0} is left")]
    CouponsGone(u64),
    #[error("this user does not have coupon {0}; get it with POST /api/v1/users/{{id}}/coupons/publish")]
    CouponNotIssued(u64),
    #[error("this user has used coupon {0} already")]
    CouponUsed(u64),
    #[error("there is no product {0}")]
    NoSuchProduct(u64),
    #[error("of product {product} only {left} are left")]
    OutOfStock { product: u64, left: i64 },
    #[error("there is no order {0}")]
    NoSuchOrder(u64),
    #[error("too many orders wait to be settled; try again in a moment")]
    OrdersFull,
    #[error("the database or the cache does not answer; try again in a moment")]
    StoreUnavailable {
        /// For the log alone.
        cause: String,
    },
    #[error("the service failed; its log says more")]
    Broken {
        /// For the log alone.
        cause: String,
    },
}
