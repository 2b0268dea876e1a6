//! The service in HTTP: which path does what, and in which words.
//!
//! Each file holds the routes of one subject, as handlers which read a request, call the
//! [`World`] and put its answer into the envelope. `front` is what every request and every answer passes.

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
mod pages;
mod payments;
mod products;
mod queues;
mod reservations;
mod routes;

use std::sync::{Arc, PoisonError, RwLock};

pub(crate) use self::front::{Front, Reset};
use self::pages::Pages;
use self::routes::Routes;
use crate::clock::Clock;
use crate::domain::refusal::Refusal;
use crate::domain::size::WorldSize;
use crate::domain::world::World;
use crate::faults::Faults;
use crate::metrics::{Metrics, State};
use crate::settling::{Settlements, Worker, settlements};

/// A world with the pages that were rendered from it; a reset replaces both at once.
#[derive(Debug)]
struct Live {
    world: Arc<World>,
    pages: Pages,
}

impl Live {
    fn new(size: WorldSize, clock: Clock) -> Result<Self, Refusal> {
        // The world first: a size that is refused must not be built.
        let world = Arc::new(World::new(size, clock)?);
        Ok(Self { pages: Pages::new(world.size()), world })
    }
}

/// What all requests share.
#[derive(Debug)]
struct App {
    /// Read for as long as it takes to copy a pointer, and written by a reset alone: readers share an
    /// `RwLock`, so nobody waits, and it asks for no further dependency. Requests that began before a reset
    /// end in the world they began in.
    live: RwLock<Arc<Live>>,
    /// Where placed orders wait; one for all worlds, as an order brings its own.
    settlements: Settlements,
    metrics: Arc<Metrics>,
    faults: Faults,
    clock: Clock,
}

impl App {
    fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the world by a fresh one. It is built before, and the old one taken down after, the lock.
    fn reset(&self, size: WorldSize) -> Result<Arc<Live>, Refusal> {
        let fresh = Arc::new(Live::new(size, self.clock.clone())?);
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *live, Arc::clone(&fresh));
        drop(live);
        drop(old);
        Ok(fresh)
    }

    /// What there is to tell of this moment. It walks the world, so it does not belong where requests wait.
    fn state(&self) -> State {
        let load = self.live().world.load();
        let pending = self.settlements.waiting();
        State { waiting: load.waiting, active: load.active, held: load.held, pending }
    }
}

/// The service in front of a fresh world, and who settles the orders that it takes. The administrator's routes
/// are there only if asked for, so that otherwise nothing is there to reach.
pub(crate) fn service(clock: Clock, admin: bool) -> Result<(Front, Worker), Refusal> {
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
    let (settlements, worker) = settlements();
    let app = Arc::new(App {
        live: RwLock::new(Arc::new(Live::new(WorldSize::default(), clock.clone())?)),
        settlements,
        metrics: Arc::new(Metrics::new(routes.templates())),
        faults: Faults::default(),
        clock,
    });
    Ok((Front::new(&app, routes.router(&app)), worker))
}
