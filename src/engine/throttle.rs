//! A cap on the requests of a scenario: who comes too early waits for its turn.
//!
//! All workers ask one limiter; the users of a worker stand in one line before it, so that turns are taken in
//! the order in which they were asked for, and at most one user of each worker wakes for the same turn.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::clock::MonotonicClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Mutex;

use super::timer::Timer;
use crate::units::Rate;

/// What the workers of a run share.
#[derive(Debug, Clone)]
pub(super) struct Limit(Arc<Limiter>);

type Limiter = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<Instant>>;

impl Limit {
    /// A cap of `rate`, over any time of a second or more exact to 1 % and one request: what a late wake-up
    /// loses may be made up for within 10 ms, or the cap would never quite be reached.
    pub(super) fn new(rate: Rate) -> Limit {
        let rate = rate.as_per_second();
        let between = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        // Counted in nanoseconds of 64 bits: 100 years are enough.
        let between = between.clamp(Duration::from_nanos(1), Duration::from_hours(24 * 36_525));
        let at_once = NonZeroU32::MIN.saturating_add((rate / 100.0) as u32);
        let quota = Quota::with_period(between).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        Limit(Arc::new(RateLimiter::direct_with_clock(quota.allow_burst(at_once), MonotonicClock)))
    }
}

/// One worker's line before a limit.
#[derive(Debug)]
pub(super) struct Throttle {
    limit: Limit,
    line: Mutex<()>,
}

/// A turn that had to be waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) asked: Instant,
    /// When it came; who waited may have woken a little later.
    pub(super) came: Instant,
}

impl Throttle {
    pub(super) fn new(limit: Limit) -> Throttle {
        Throttle { limit, line: Mutex::new(()) }
    }

    /// Takes a turn at once, where nobody waits and it is not too early.
    pub(super) fn is_open(&self) -> bool {
        self.line.try_lock().is_ok_and(|_first| self.limit.0.check().is_ok())
    }

    /// Waits for a turn. One who is dropped meanwhile takes none.
    pub(super) async fn turn(&self, timer: &Timer) -> Turn {
        let asked = Instant::now();
        let _first = self.line.lock().await;
        let mut came = None;
        loop {
            match self.limit.0.check() {
                Ok(()) => break Turn { asked, came: came.unwrap_or_else(Instant::now) },
                Err(early) => {
                    let at = early.earliest_possible();
                    came = Some(at);
                    timer.sleep_until(at).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_in(limit: &Limit, most: u32) -> u32 {
        (0..most).take_while(|_| limit.0.check().is_ok()).count() as u32
    }

    #[test]
    fn few_turns_come_one_by_one_and_many_a_hundredth_of_a_second_at_once() {
        for (rate, at_once) in [(0.001, 1), (1.0, 1), (99.0, 1), (200.0, 3)] {
            assert_eq!(taken_in(&Limit::new(Rate::per_second(rate)), 100), at_once, "{rate}");
        }
    }

    #[test]
    fn rates_beyond_reason_are_no_panic() {
        for rate in [f64::MIN_POSITIVE, 1e-12, 1e12, f64::MAX] {
            assert!(Limit::new(Rate::per_second(rate)).0.check().is_ok(), "{rate}");
        }
    }

    #[test]
    fn turns_are_taken_in_the_order_in_which_they_are_asked_for() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let timer = Timer::new().unwrap();
            let driver = timer.clone();
            tokio::task::spawn_local(async move { driver.drive().await });
            let throttle = std::rc::Rc::new(Throttle::new(Limit::new(Rate::per_second(50.0))));
            assert!(throttle.is_open(), "the first comes at once");
            let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
            let users = (0..4).map(|user| {
                let (throttle, timer, order) = (throttle.clone(), timer.clone(), order.clone());
                tokio::task::spawn_local(async move {
                    let turn = throttle.turn(&timer).await;
                    order.borrow_mut().push((user, turn.came));
                })
            });
            for user in users.collect::<Vec<_>>() {
                user.await.unwrap();
            }
            let order = order.borrow();
            assert_eq!(order.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [0, 1, 2, 3]);
            assert!(order.is_sorted_by_key(|(_, came)| *came), "{order:?}");
        });
    }
}
