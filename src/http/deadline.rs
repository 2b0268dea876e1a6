//! When an exchange has had its time: one alarm for each user, shared by all its exchanges and hardly ever touched.
//!
//! Arming an alarm for each request costs more than reading its answer. So it stays armed for the deadline of an
//! earlier exchange: when that passes, it is set to the true one. A user with a timeout of ten seconds arms an
//! alarm once in ten seconds, however many requests it sends.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::coop::unconstrained;

/// What stands for "no timeout" where a sum would overflow.
const FAR: Duration = Duration::from_hours(365 * 24);

/// What wakes a task on time. Whoever has one of its own, as the workers of a load do, need not pay for that of the
/// runtime as well, which is looked at whenever the runtime waits.
pub trait Clock: Clone + Debug {
    /// Ready at its time, also for a task that has used up its budget: an answer that arrives without end uses all of
    /// that up before it yields, and its deadline would never be looked at.
    type Sleep: Future<Output = ()> + Unpin + Debug;

    fn sleep_until(&self, at: Instant) -> Self::Sleep;
}

/// The runtime's.
#[derive(Debug, Clone, Default)]
pub struct TokioClock;

#[derive(Debug)]
pub struct TokioSleep(Pin<Box<tokio::time::Sleep>>);

impl Clock for TokioClock {
    type Sleep = TokioSleep;

    fn sleep_until(&self, at: Instant) -> TokioSleep {
        TokioSleep(Box::pin(tokio::time::sleep_until(at.into())))
    }
}

impl Future for TokioSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut unconstrained(self.0.as_mut())).poll(cx)
    }
}

/// The deadlines of one user's exchanges.
#[derive(Debug)]
pub(crate) struct Deadline<C: Clock> {
    clock: C,
    /// Made when a user waits for the first time. Boxed: it is not looked at where answers come at once.
    armed: Option<Box<Armed<C::Sleep>>>,
}

#[derive(Debug)]
struct Armed<S> {
    at: Instant,
    sleep: S,
}

/// When an exchange that began at `began` has had its time.
pub(crate) fn deadline(began: Instant, timeout: Duration) -> Instant {
    began.checked_add(timeout).unwrap_or(began + FAR)
}

impl<C: Clock + Default> Default for Deadline<C> {
    fn default() -> Self {
        Deadline::new(C::default())
    }
}

impl<C: Clock> Deadline<C> {
    pub(crate) fn new(clock: C) -> Deadline<C> {
        Deadline { clock, armed: None }
    }

    pub(crate) fn clock(&self) -> &C {
        &self.clock
    }

    /// Another one by the same clock.
    pub(crate) fn fresh(&self) -> Deadline<C> {
        Deadline::new(self.clock.clone())
    }

    /// Ready when `at` has passed; else the task is woken then, or earlier for nothing.
    /// Call it only where input and output are pending.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        loop {
            let armed = match &mut self.armed {
                Some(armed) if armed.at <= at => armed,
                other => other.insert(Box::new(Armed { at, sleep: self.clock.sleep_until(at) })),
            };
            match Pin::new(&mut armed.sleep).poll(cx) {
                Poll::Ready(()) if armed.at < at => self.armed = None,
                polled => return polled,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test]
    async fn keeps_true_deadlines_with_a_lazy_alarm() {
        let mut deadlines = Deadline::<TokioClock>::default();
        let start = Instant::now();
        // Later, the same, earlier and past deadlines, each after the one before.
        for millis in [20, 40, 60, 60, 50, 0] {
            let due = start + Duration::from_millis(millis);
            poll_fn(|cx| deadlines.poll(cx, due)).await;
            assert!(Instant::now() >= due);
        }
    }

    #[tokio::test]
    async fn an_earlier_deadline_pulls_the_alarm_forward() {
        let mut deadlines = Deadline::<TokioClock>::default();
        let far = deadline(Instant::now(), Duration::MAX);
        let first = poll_fn(|cx| Poll::Ready(deadlines.poll(cx, far))).await;
        assert!(first.is_pending());
        let near = Instant::now() + Duration::from_millis(10);
        poll_fn(|cx| deadlines.poll(cx, near)).await;
    }

    #[tokio::test]
    async fn a_task_that_has_used_up_its_budget_still_runs_out_of_time() {
        let mut deadlines = Deadline::<TokioClock>::default();
        let due = Instant::now() + Duration::from_millis(5);
        let first = poll_fn(|cx| Poll::Ready(deadlines.poll(cx, due))).await;
        assert!(first.is_pending());
        tokio::time::sleep(Duration::from_millis(20)).await;
        let late = poll_fn(|cx| {
            while tokio::task::coop::has_budget_remaining() {
                let _ = std::pin::pin!(tokio::task::coop::consume_budget()).poll(cx);
            }
            Poll::Ready(deadlines.poll(cx, due))
        });
        assert!(late.await.is_ready());
    }
}
