//! The service in HTTP: which path does what, and in which words.
//!
//! Each file holds the routes of one subject, as handlers which read a request, call the
//! [`Store`] and put its answer into the envelope. `front` is what every request and every answer passes.

mod admin;
mod balance;
mod concerts;
mod coupons;
mod envelope;
mod extract;
mod faults;
mod front;
mod health;
mod metrics;
mod orders;
mod payments;
mod products;
mod queues;
mod reservations;
mod routes;

use std::sync::Arc;

pub(crate) use self::front::{Front, Reset};
use self::routes::Routes;
use crate::faults::Faults;
use crate::metrics::Metrics;
use crate::store::Store;

/// What all requests share.
#[derive(Debug)]
struct App {
    store: Store,
    metrics: Arc<Metrics>,
    faults: Faults,
}

/// The service in front of a store. The administrator's routes are there only if asked for, so that otherwise
/// nothing is there to reach.
pub(crate) fn service(store: Store, admin: bool) -> Front {
    let mut routes = Routes::new()
        .merge(queues::routes())
        .merge(concerts::routes())
        .merge(reservations::routes())
        .merge(payments::routes())
        .merge(balance::routes())
        .merge(coupons::routes())
        .merge(products::routes())
        .merge(orders::routes())
        .merge(health::routes())
        .merge(metrics::routes());
    if admin {
        routes = routes.merge(admin::routes()).merge(faults::routes());
    }
    let metrics = Arc::new(Metrics::new(routes.templates()));
    let app = Arc::new(App { store, metrics, faults: Faults::default() });
    Front::new(&app, routes.router(&app))
}
