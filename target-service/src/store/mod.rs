//! Where a world is kept: the seam between the routes and what stands behind them.
//!
//! The methods of [`Store`] are the whole of it. A world in memory answers at once; one in a database and a
//! cache is waited for, in a future of its own on the heap, so that the paths of the former stay as small as
//! if there were no other.

mod memory;
mod pages;
mod settling;
mod shared;

use std::pin::pin;
use std::sync::Arc;

use self::memory::Memory;
pub(crate) use self::pages::Page;
use self::settling::Worker as Settler;
pub use self::shared::Servers;
use self::shared::Shared;
use crate::clock::{Clock, Timestamp};
use crate::domain::audit::Audit;
use crate::domain::balance::History;
use crate::domain::catalog::{Concert, Night};
use crate::domain::orders::{Order, OrderStatus};
use crate::domain::payments::Receipt;
use crate::domain::products::{Basket, Ranked};
use crate::domain::queue::{Pass, Standing, Token};
use crate::domain::refusal::Refusal;
use crate::domain::seats::{Place, Reservation, ReservationStatus, SeatStatus};
use crate::domain::size::WorldSize;
use crate::domain::user::UserId;
use crate::domain::world::Load;

/// A reservation as its holder is told of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Booking {
    pub(crate) reservation: u64,
    pub(crate) place: Place,
    pub(crate) status: ReservationStatus,
    pub(crate) expires_at: Timestamp,
}

impl Booking {
    fn of(reservation: &Reservation, status: ReservationStatus) -> Self {
        let &Reservation { id, place, expires_at, .. } = reservation;
        Self { reservation: id, place, status, expires_at }
    }
}

/// An order as its owner is told of it.
#[derive(Debug, Clone)]
pub(crate) struct Slip {
    pub(crate) order: u64,
    pub(crate) user: UserId,
    pub(crate) amount: u64,
    pub(crate) status: OrderStatus,
}

impl Slip {
    fn of(order: &Order) -> Self {
        Self { order: order.id, user: order.user.clone(), amount: order.amount, status: order.status() }
    }
}

/// How much there is of what comes and goes; nothing of what does not answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Census {
    pub(crate) load: Option<Load>,
    /// Orders that wait to be settled.
    pub(crate) pending: Option<u64>,
    pub(crate) pool: Option<PoolUse>,
}

/// Connections to a database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolUse {
    pub(crate) used: u64,
    pub(crate) most: u64,
}

/// What keeps the world.
#[derive(Debug)]
pub(crate) enum Store {
    Memory(Memory),
    Shared(Arc<Shared>),
}

/// What works beside the requests: above all, it settles the orders that they place.
#[derive(Debug)]
pub(crate) enum Worker {
    Memory(Settler),
    Shared(Arc<Shared>),
}

impl Worker {
    /// Works for as long as `service` runs.
    pub(crate) async fn beside<T>(self, service: impl Future<Output = T>) -> T {
        match self {
            Self::Memory(settler) => settler.beside(service).await,
            Self::Shared(shared) => {
                let (mut service, mut work) = (pin!(service), Box::pin(shared.keep_up()));
                tokio::select! {
                    outcome = &mut service => outcome,
                    // It never ends; what is unsettled then stays with the servers.
                    () = &mut work => service.await,
                }
            }
        }
    }
}

impl Store {
    /// A fresh world in memory, and who settles the orders that it takes.
    pub(crate) fn in_memory(clock: Clock) -> Result<(Self, Worker), Refusal> {
        let (memory, settler) = Memory::new(clock)?;
        Ok((Self::Memory(memory), Worker::Memory(settler)))
    }

    /// The world that servers keep, or the first one there.
    pub(crate) async fn on(servers: &Servers, clock: Clock) -> Result<(Self, Worker), String> {
        let shared = Arc::new(Box::pin(Shared::connect(servers, clock)).await?);
        Ok((Self::Shared(Arc::clone(&shared)), Worker::Shared(shared)))
    }

    /// Whether requests may be handled by several runtimes. Connections to servers belong to the one they were
    /// made on.
    pub(crate) fn is_free_of_runtimes(&self) -> bool {
        matches!(self, Self::Memory(_))
    }

    /// Replaces the world by a fresh one.
    pub(crate) async fn reset(&self, size: WorldSize) -> Result<WorldSize, Refusal> {
        match self {
            Self::Memory(memory) => memory.reset(size),
            Self::Shared(shared) => Box::pin(shared.work(shared.reset(&size))).await,
        }
    }

    pub(crate) async fn enter_queue(&self, user: UserId) -> Result<Pass, Refusal> {
        match self {
            Self::Memory(memory) => Ok(memory.live().world.enter_queue(user)),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.enter_queue(&user))).await,
        }
    }

    pub(crate) async fn standing(&self, token: Token) -> Result<Standing, Refusal> {
        match self {
            Self::Memory(memory) => memory.live().world.standing(token),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.standing(token))).await,
        }
    }

    pub(crate) async fn standing_of_user(&self, user: &UserId) -> Result<Pass, Refusal> {
        match self {
            Self::Memory(memory) => memory.live().world.standing_of_user(user),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.standing_of_user(user))).await,
        }
    }

    pub(crate) async fn leave_queue(&self, token: Token) -> Result<(), Refusal> {
        match self {
            Self::Memory(memory) => memory.live().world.leave_queue(token),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.leave_queue(token))).await,
        }
    }

    /// The page of all concerts.
    pub(crate) async fn concerts(
        &self,
        render: impl Fn(Vec<Concert>) -> Vec<u8> + Send + Sync,
    ) -> Result<Page, Refusal> {
        match self {
            Self::Memory(memory) => Ok(memory.concerts(render)),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.concerts(&render))).await,
        }
    }

    /// The page of the nights of a concert.
    pub(crate) async fn nights(
        &self,
        concert: u64,
        render: impl Fn(Vec<Night>) -> Vec<u8> + Send + Sync,
    ) -> Result<Page, Refusal> {
        match self {
            Self::Memory(memory) => memory.nights(concert, render),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.nights(concert, &render))).await,
        }
    }

    /// The page of the best sold products, which may be a second old.
    pub(crate) async fn ranks(
        &self,
        most: usize,
        render: impl Fn(Vec<Ranked>) -> Vec<u8> + Send + Sync,
    ) -> Result<Page, Refusal> {
        match self {
            Self::Memory(memory) => Ok(memory.ranks(most, render)),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.ranks(most, &render))).await,
        }
    }

    /// The seats of a schedule as they are now, seat 1 first.
    pub(crate) async fn seats(&self, schedule: u64) -> Result<Vec<SeatStatus>, Refusal> {
        match self {
            Self::Memory(memory) => memory.live().world.seats(schedule),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.seats(schedule))).await,
        }
    }

    /// Holds a seat for the holder of an active token.
    pub(crate) async fn reserve(&self, token: Token, place: Place) -> Result<Booking, Refusal> {
        match self {
            Self::Memory(memory) => {
                let reservation = memory.live().world.reserve(token, place)?;
                Ok(Booking::of(&reservation, ReservationStatus::Held))
            }
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.reserve(token, place))).await,
        }
    }

    pub(crate) async fn reservation(&self, id: u64) -> Result<Booking, Refusal> {
        match self {
            Self::Memory(memory) => {
                let (reservation, status) = memory.live().world.reservation(id)?;
                Ok(Booking::of(&reservation, status))
            }
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.reservation(id))).await,
        }
    }

    /// Pays for a held seat; under a key, at most once for all requests that bring it.
    pub(crate) async fn pay(&self, reservation: u64, key: Option<&str>) -> Result<Receipt, Refusal> {
        match self {
            Self::Memory(memory) => memory.live().world.pay(reservation, key),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.pay(reservation, key))).await,
        }
    }

    pub(crate) async fn cancel_payment(&self, id: u64) -> Result<Receipt, Refusal> {
        match self {
            Self::Memory(memory) => memory.live().world.cancel_payment(id),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.cancel_payment(id))).await,
        }
    }

    pub(crate) async fn balance(&self, user: &UserId) -> Result<u64, Refusal> {
        match self {
            Self::Memory(memory) => Ok(memory.live().world.balance(user)),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.balance(user))).await,
        }
    }

    pub(crate) async fn charge(&self, user: &UserId, amount: u64) -> Result<u64, Refusal> {
        match self {
            Self::Memory(memory) => memory.live().world.charge(user, amount),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.charge(user, amount))).await,
        }
    }

    pub(crate) async fn history(&self, user: &UserId) -> Result<History, Refusal> {
        match self {
            Self::Memory(memory) => Ok(memory.live().world.history(user)),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.history(user))).await,
        }
    }

    /// Gives the user a copy of a coupon, and tells when.
    pub(crate) async fn publish_coupon(&self, coupon: u64, user: &UserId) -> Result<Timestamp, Refusal> {
        match self {
            Self::Memory(memory) => {
                memory.live().world.publish_coupon(coupon, user.clone()).map(|issued| issued.at)
            }
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.publish_coupon(coupon, user))).await,
        }
    }

    /// Takes stock and money for an order, which is pending until it is settled.
    pub(crate) async fn place_order(
        &self,
        user: UserId,
        basket: &Basket,
        coupon: Option<u64>,
    ) -> Result<Slip, Refusal> {
        match self {
            Self::Memory(memory) => memory.place_order(user, basket, coupon),
            Self::Shared(shared) => {
                Box::pin(shared.attempt(|| shared.place_order(&user, basket, coupon))).await
            }
        }
    }

    pub(crate) async fn order(&self, id: u64) -> Result<Slip, Refusal> {
        match self {
            Self::Memory(memory) => memory.live().world.order(id).map(|order| Slip::of(&order)),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.order(id))).await,
        }
    }

    pub(crate) async fn audit(&self) -> Result<Audit, Refusal> {
        match self {
            Self::Memory(memory) => memory.audit().await,
            Self::Shared(shared) => Box::pin(shared.work(shared.audit())).await,
        }
    }

    pub(crate) async fn census(&self) -> Result<Census, Refusal> {
        match self {
            Self::Memory(memory) => memory.census().await,
            Self::Shared(shared) => Ok(Box::pin(shared.census()).await),
        }
    }

    /// Whether requests can be served now.
    pub(crate) async fn ready(&self) -> Result<(), Refusal> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Shared(shared) => Box::pin(shared.attempt(|| shared.ready())).await,
        }
    }

    /// Frees the memory of what has expired; called now and then.
    pub(crate) fn sweep(&self) {
        match self {
            Self::Memory(memory) => memory.live().world.sweep(),
            // Its worker does.
            Self::Shared(_) => {}
        }
    }
}
