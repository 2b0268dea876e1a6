//! The store that is always there: a world in memory, with its pages and the orders that wait.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::task::spawn_blocking;

use super::pages::{Page, Pages};
use super::settling::{Settlements, Worker, settlements};
use super::{Census, Slip};
use crate::clock::Clock;
use crate::domain::audit::Audit;
use crate::domain::catalog::{Concert, Night};
use crate::domain::products::{Basket, Ranked};
use crate::domain::refusal::Refusal;
use crate::domain::size::WorldSize;
use crate::domain::user::UserId;
use crate::domain::world::World;

/// A world with the pages that were rendered from it; a reset replaces both at once.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) world: Arc<World>,
    pages: Pages,
}

impl Live {
    fn new(size: WorldSize, clock: Clock) -> Result<Self, Refusal> {
        // The world first: a size that is refused must not be built.
        let world = Arc::new(World::new(size, clock)?);
        Ok(Self { pages: Pages::new(world.size()), world })
    }
}

#[derive(Debug)]
pub(crate) struct Memory {
    /// Read for as long as it takes to copy a pointer, and written by a reset alone: readers share an
    /// `RwLock`, so nobody waits, and it asks for no further dependency. Requests that began before a reset
    /// end in the world they began in.
    live: RwLock<Arc<Live>>,
    /// Where placed orders wait; one for all worlds, as an order brings its own.
    settlements: Settlements,
    clock: Clock,
}

impl Memory {
    /// A fresh world of the default size, and who settles the orders that it takes.
    pub(super) fn new(clock: Clock) -> Result<(Self, Worker), Refusal> {
        let (settlements, worker) = settlements();
        let live = RwLock::new(Arc::new(Live::new(WorldSize::default(), clock.clone())?));
        Ok((Self { live, settlements, clock }, worker))
    }

    pub(super) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the world by a fresh one. It is built before, and the old one taken down after, the lock.
    pub(super) fn reset(&self, size: WorldSize) -> Result<WorldSize, Refusal> {
        let fresh = Arc::new(Live::new(size, self.clock.clone())?);
        let size = fresh.world.size().clone();
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *live, fresh);
        drop(live);
        drop(old);
        Ok(size)
    }

    pub(super) fn concerts(&self, render: impl FnOnce(Vec<Concert>) -> Vec<u8>) -> Page {
        let live = self.live();
        live.pages.concerts.find_or_render(|| render(live.world.concerts()))
    }

    pub(super) fn nights(
        &self,
        concert: u64,
        render: impl FnOnce(Vec<Night>) -> Vec<u8>,
    ) -> Result<Page, Refusal> {
        let live = self.live();
        let kept = live.pages.nights(concert).ok_or(Refusal::NoSuchConcert(concert))?;
        // The page exists only for a concert that does.
        Ok(kept.find_or_render(|| render(live.world.nights(concert).unwrap_or_default())))
    }

    pub(super) fn ranks(&self, most: usize, render: impl FnOnce(Vec<Ranked>) -> Vec<u8>) -> Page {
        let live = self.live();
        live.pages.ranks.find_or_render(self.clock.now(), || render(live.world.ranks(most)))
    }

    pub(super) fn place_order(
        &self,
        user: UserId,
        basket: &Basket,
        coupon: Option<u64>,
    ) -> Result<Slip, Refusal> {
        let live = self.live();
        let placed = self.settlements.place(&live.world, |world| world.place_order(user, basket, coupon));
        placed.ok_or(Refusal::OrdersFull)?.map(|order| Slip::of(&order))
    }

    /// Its walk takes long where much has happened; requests of this thread that need none of it go on.
    pub(super) async fn audit(&self) -> Result<Audit, Refusal> {
        let live = self.live();
        spawn_blocking(move || live.world.audit())
            .await
            .map_err(|error| Refusal::Broken { cause: error.to_string() })
    }

    /// Walking the seats of a large world takes milliseconds, which the requests of this thread shall not feel.
    pub(super) async fn census(&self) -> Result<Census, Refusal> {
        let live = self.live();
        let load = spawn_blocking(move || live.world.load())
            .await
            .map_err(|error| Refusal::Broken { cause: error.to_string() })?;
        Ok(Census { load: Some(load), pending: Some(self.settlements.waiting()), pool: None })
    }
}
