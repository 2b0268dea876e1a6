//! A user's one timer, shared by all its exchanges and hardly ever touched.
//!
//! Arming a timer for each request costs more than reading its answer. So the timer stays armed for the
//! deadline of an earlier exchange: when that passes, it is set to the true one. A user with a timeout of ten
//! seconds touches the runtime's timers once in ten seconds, however many requests it sends.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

/// What stands for "no timeout" where a sum would overflow.
const FAR: Duration = Duration::from_hours(365 * 24);

#[derive(Debug, Default)]
pub(crate) struct Timer {
    /// Made when a user waits for the first time.
    sleep: Option<Pin<Box<Sleep>>>,
}

/// When an exchange that began at `began` has had its time.
pub(crate) fn deadline(began: Instant, timeout: Duration) -> Instant {
    began.checked_add(timeout).unwrap_or(began + FAR)
}

impl Timer {
    /// Ready when `deadline` has passed; else the task is woken then, or earlier for nothing.
    /// Call it only where input and output are pending.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let deadline = tokio::time::Instant::from_std(deadline);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        // Outside the task's budget: an answer that arrives without end uses all of that up before it yields,
        // and its deadline would never be looked at.
        while Pin::new(&mut unconstrained(sleep.as_mut())).poll(cx).is_ready() {
            if sleep.deadline() == deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test]
    async fn keeps_true_deadlines_with_a_lazy_timer() {
        let mut timer = Timer::default();
        let start = Instant::now();
        // Later, the same, earlier and past deadlines, each after the one before.
        for millis in [20, 40, 60, 60, 50, 0] {
            let due = start + Duration::from_millis(millis);
            poll_fn(|cx| timer.poll(cx, due)).await;
            assert!(Instant::now() >= due);
        }
    }

    #[tokio::test]
    async fn an_earlier_deadline_pulls_the_timer_forward() {
        let mut timer = Timer::default();
        let far = deadline(Instant::now(), Duration::MAX);
        let first = poll_fn(|cx| Poll::Ready(timer.poll(cx, far))).await;
        assert!(first.is_pending());
        let near = Instant::now() + Duration::from_millis(10);
        poll_fn(|cx| timer.poll(cx, near)).await;
    }

    #[tokio::test]
    async fn a_task_that_has_used_up_its_budget_still_runs_out_of_time() {
        let mut timer = Timer::default();
        let due = Instant::now() + Duration::from_millis(5);
        let first = poll_fn(|cx| Poll::Ready(timer.poll(cx, due))).await;
        assert!(first.is_pending());
        tokio::time::sleep(Duration::from_millis(20)).await;
        let late = poll_fn(|cx| {
            while tokio::task::coop::has_budget_remaining() {
                let _ = std::pin::pin!(tokio::task::coop::consume_budget()).poll(cx);
            }
            Poll::Ready(timer.poll(cx, due))
        });
        assert!(late.await.is_ready());
    }
}
