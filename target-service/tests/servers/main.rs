//! The contract and the promises of `tests/service`, asked of a world that a database and a cache keep, and
//! what becomes of it when one of them is lost.

#[path = "../service/admin.rs"]
mod admin;
mod audits;
#[path = "../service/balance.rs"]
mod balance;
mod calls;
#[path = "../service/concerts.rs"]
mod concerts;
#[path = "../service/contention.rs"]
mod contention;
#[path = "../service/coupons.rs"]
mod coupons;
#[path = "../service/faults.rs"]
mod faults;
mod losses;
#[path = "../service/metrics.rs"]
mod metrics;
#[path = "../service/orders.rs"]
mod orders;
mod page;
#[path = "../service/payments.rs"]
mod payments;
#[path = "../service/products.rs"]
mod products;
#[path = "../service/protocol.rs"]
mod protocol;
#[path = "../service/queues.rs"]
mod queues;
#[path = "../service/random_bodies.rs"]
mod random_bodies;
mod relay;
#[path = "../service/reservations.rs"]
mod reservations;
#[path = "../service/scripts.rs"]
mod scripts;
#[path = "../service/servers.rs"]
mod servers;
#[path = "../service/support.rs"]
mod support;
mod unfinished;

const STORE: support::StoreKind = support::StoreKind::Servers;
