//! Where placed orders wait, and the worker that settles them one after the other.
//!
//! The wait has an end: an order for which there is no room is refused before it takes anything.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::domain::orders::Order;
use crate::domain::refusal::Refusal;
use crate::domain::world::World;

/// The most orders that may wait.
const MOST_WAITING: usize = 10_000;

/// An order with the world it was placed in, which may have been replaced since.
type Job = (Arc<World>, Arc<Order>);

/// The way in.
#[derive(Debug, Clone)]
pub(crate) struct Settlements(mpsc::Sender<Job>);

/// Settles what comes in.
#[derive(Debug)]
pub(crate) struct Worker(mpsc::Receiver<Job>);

/// A queue, and who works on it.
pub(crate) fn settlements() -> (Settlements, Worker) {
    let (sender, receiver) = mpsc::channel(MOST_WAITING);
    (Settlements(sender), Worker(receiver))
}

impl Settlements {
    /// Places an order if there is room for it to wait; otherwise nothing was tried, and the answer is none.
    pub(crate) fn place(
        &self,
        world: &Arc<World>,
        place: impl FnOnce(&World) -> Result<Arc<Order>, Refusal>,
    ) -> Option<Result<Arc<Order>, Refusal>> {
        let room = self.0.try_reserve().ok()?;
        let placed = place(world);
        if let Ok(order) = &placed {
            room.send((Arc::clone(world), Arc::clone(order)));
        }
        Some(placed)
    }

    /// How many orders wait.
    pub(crate) fn waiting(&self) -> u64 {
        (self.0.max_capacity() - self.0.capacity()) as u64
    }
}

impl Worker {
    /// Settles for as long as `service` runs, and what still waits after its end.
    pub(crate) async fn beside<T>(mut self, service: impl Future<Output = T>) -> T {
        let mut service = pin!(service);
        let outcome = loop {
            tokio::select! {
                outcome = &mut service => break outcome,
                Some((world, order)) = self.0.recv() => world.settle_order(&order),
            }
        };
        while let Ok((world, order)) = self.0.try_recv() {
            world.settle_order(&order);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::audit::Audit;
    use crate::domain::orders::OrderStatus;
    use crate::domain::products::{Basket, Line};
    use crate::domain::size::WorldSize;

    #[tokio::test]
    async fn orders_wait_only_where_there_is_room_and_all_that_waited_are_settled() {
        let size = WorldSize { stock: 20_000, balance: 1_000_000_000, ..WorldSize::default() };
        let world = Arc::new(World::new(size, Clock::manual()).unwrap());
        let (settlements, worker) = settlements();
        let place = || {
            let basket = Basket::new(vec![Line { product: 1, quantity: 1 }]).unwrap();
            settlements.place(&world, |world| world.place_order(1.into(), &basket, None))
        };
        let orders: Vec<_> = (0..MOST_WAITING).map(|_| place().unwrap().unwrap()).collect();
        assert!(place().is_none());
        assert!(orders.iter().all(|order| order.status() == OrderStatus::Pending));
        worker.beside(async {}).await;
        assert!(orders.iter().all(|order| order.status() == OrderStatus::Completed));
        assert_eq!(world.ranks(1)[0].sold, MOST_WAITING as u64);
        assert_eq!(world.audit(), Audit::default());
    }
}
