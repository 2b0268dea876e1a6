//! The service in HTTP: which path does what, and in which words.
//!
//! Each file holds the routes of one subject, as handlers which read a request, call the
//! [`World`] and put its answer into the envelope.

mod admin;
mod balance;
mod concerts;
mod coupons;
mod envelope;
mod extract;
mod health;
mod orders;
mod pages;
mod payments;
mod products;
mod queues;
mod reservations;

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::response::Response;

use self::envelope::ApiError;
use self::pages::Pages;
use crate::clock::Clock;
use crate::domain::refusal::Refusal;
use crate::domain::size::WorldSize;
use crate::domain::world::World;
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
pub(crate) struct App {
    /// Read for as long as it takes to copy a pointer, and written by a reset alone: readers share an
    /// `RwLock`, so nobody waits, and it asks for no further dependency. Requests that began before a reset
    /// end in the world they began in.
    live: RwLock<Arc<Live>>,
    /// Where placed orders wait; one for all worlds, as an order brings its own.
    settlements: Settlements,
    clock: Clock,
}

impl App {
    /// With it comes who settles the orders that it takes.
    pub(crate) fn new(clock: Clock) -> Result<(Self, Worker), Refusal> {
        let live = RwLock::new(Arc::new(Live::new(WorldSize::default(), clock.clone())?));
        let (settlements, worker) = settlements();
        Ok((Self { live, settlements, clock }, worker))
    }

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

    pub(crate) fn sweep(&self) {
        self.live().world.sweep();
    }
}

/// All routes; those of the administrator only if asked for, so that otherwise nothing is there to reach.
pub(crate) fn router(app: Arc<App>, admin: bool) -> Router {
    let mut router = Router::new()
        .merge(queues::routes())
        .merge(concerts::routes())
        .merge(reservations::routes())
        .merge(payments::routes())
        .merge(balance::routes())
        .merge(coupons::routes())
        .merge(products::routes())
        .merge(orders::routes())
        .merge(health::routes());
    if admin {
        router = router.merge(admin::routes());
    }
    router
        .method_not_allowed_fallback(async || -> Response { ApiError::METHOD_NOT_ALLOWED.into() })
        .fallback(async || -> Response { ApiError::NOT_FOUND.into() })
        .with_state(app)
}
