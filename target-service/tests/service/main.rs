//! The service from outside, over real HTTP: its contract, endpoint by endpoint, and its promises under
//! contention.

mod admin;
mod balance;
mod concerts;
mod contention;
mod coupons;
mod faults;
mod metrics;
mod orders;
mod payments;
mod products;
mod protocol;
mod queues;
mod random_bodies;
mod reservations;
mod scripts;
mod support;
