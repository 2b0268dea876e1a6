//! What the service does, without a word of HTTP: queue, seats, payments, balances, coupons,
//! products, orders and their audit.
//!
//! [`World`](world::World) is the seam. Routes call its methods and nothing below it, and those take and
//! give plain values; a store in a database can stand behind the same methods.

mod answers;
pub(crate) mod audit;
pub(crate) mod balance;
pub(crate) mod catalog;
pub(crate) mod coupons;
mod horizon;
pub(crate) mod orders;
pub(crate) mod payments;
pub(crate) mod products;
pub(crate) mod queue;
pub(crate) mod refusal;
pub(crate) mod seats;
pub(crate) mod sharded;
pub(crate) mod size;
pub(crate) mod user;
pub(crate) mod world;
