//! Waking users on time: one alarm per worker, finer than tokio's millisecond.
//!
//! Who waits is kept in order of time; the alarm is set to the earliest. On Linux it is a timerfd, which the
//! kernel fires to the microsecond; elsewhere tokio's timer.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::http::Clock;

/// A worker's clock. Clones are the same clock.
#[derive(Debug, Clone)]
pub(super) struct Timer(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    waiting: RefCell<Waiting>,
    alarm: alarm::Alarm,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By time, and by a number that tells those of the same time apart.
    sleepers: BTreeMap<(Instant, u64), Rc<Sleeper>>,
    next: u64,
}

/// Somebody who waits. Shared with its [`Sleep`], which so learns of its time without asking the clock: a user
/// under load polls the end of its stay at every wake, and that was 2 % of the cost of a request.
#[derive(Debug)]
struct Sleeper {
    waker: RefCell<Waker>,
    is_due: Cell<bool>,
}

impl Timer {
    /// Within a tokio runtime.
    pub(super) fn new() -> io::Result<Timer> {
        Ok(Timer(Rc::new(Inner { waiting: RefCell::default(), alarm: alarm::Alarm::new()? })))
    }

    /// Ready at `at`; at once where that has passed.
    pub(super) fn sleep_until(&self, at: Instant) -> Sleep {
        Sleep { timer: self.clone(), at, waiting: None }
    }

    /// Wakes sleepers; runs as long as the worker does.
    pub(super) async fn drive(&self) {
        loop {
            self.0.alarm.rung().await;
            let now = Instant::now();
            let mut waiting = self.0.waiting.borrow_mut();
            // Those due by the time the last of them is woken would only ring again.
            while let Some(first) = waiting.sleepers.first_entry() {
                if first.key().0 > now {
                    break;
                }
                let sleeper = first.remove();
                sleeper.is_due.set(true);
                sleeper.waker.borrow().wake_by_ref();
            }
            self.0.alarm.set(waiting.sleepers.first_key_value().map(|((at, _), _)| *at));
        }
    }
}

/// By it, deadlines of exchanges cost the runtime nothing: one that has timers asks for the time, and the system for an
/// alarm, whenever it waits.
impl Clock for Timer {
    type Sleep = Sleep;

    fn sleep_until(&self, at: Instant) -> Sleep {
        Timer::sleep_until(self, at)
    }
}

/// A future that is ready at its time.
#[derive(Debug)]
pub(super) struct Sleep {
    timer: Timer,
    at: Instant,
    waiting: Option<(u64, Rc<Sleeper>)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some((_, sleeper)) = &self.waiting {
            if sleeper.is_due.get() {
                return Poll::Ready(());
            }
            let mut waker = sleeper.waker.borrow_mut();
            if !waker.will_wake(cx.waker()) {
                waker.clone_from(cx.waker());
            }
            return Poll::Pending;
        }
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        let at = self.at;
        let sleeper = Rc::new(Sleeper { waker: RefCell::new(cx.waker().clone()), is_due: Cell::new(false) });
        let number = {
            let mut waiting = self.timer.0.waiting.borrow_mut();
            waiting.next += 1;
            let key = (at, waiting.next);
            waiting.sleepers.insert(key, Rc::clone(&sleeper));
            if waiting.sleepers.first_key_value().is_some_and(|(first, _)| *first == key) {
                self.timer.0.alarm.set(Some(at));
            }
            key.1
        };
        self.waiting = Some((number, sleeper));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((number, _)) = self.waiting.take() {
            // The alarm may ring once for nobody; that is cheaper than setting it anew each time.
            self.timer.0.waiting.borrow_mut().sleepers.remove(&(self.at, number));
        }
    }
}

#[cfg(target_os = "linux")]
mod alarm {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::{Duration, Instant};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    #[derive(Debug)]
    pub(super) struct Alarm(AsyncFd<OwnedFd>);

    impl Alarm {
        pub(super) fn new() -> io::Result<Alarm> {
            let fd =
                timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            // What the deprecation warns of is a type that lies about its descriptor. An `OwnedFd` does not, and
            // the function that takes its place is unsafe.
            #[expect(deprecated)]
            let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
            Ok(Alarm(fd))
        }

        /// Rings at `at`, at once where that has passed, never for none.
        pub(super) fn set(&self, at: Option<Instant>) {
            let wait = at.map_or(Duration::ZERO, |at| {
                // Zero would mean never.
                at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1))
            });
            let value = Timespec {
                tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(wait.subsec_nanos()),
            };
            let spec = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            // It fails for a descriptor that is no timer, or values out of range; neither can be here.
            let _ = timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &spec);
        }

        pub(super) async fn rung(&self) {
            // Setting the timer anew forgets that it has rung, so nothing needs to be read from it.
            if let Ok(mut ready) = self.0.readable().await {
                ready.clear_ready();
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod alarm {
    use std::cell::Cell;
    use std::io;
    use std::time::Instant;

    use tokio::sync::Notify;

    #[derive(Debug)]
    pub(super) struct Alarm {
        at: Cell<Option<Instant>>,
        changed: Notify,
    }

    impl Alarm {
        pub(super) fn new() -> io::Result<Alarm> {
            Ok(Alarm { at: Cell::new(None), changed: Notify::new() })
        }

        pub(super) fn set(&self, at: Option<Instant>) {
            self.at.set(at);
            self.changed.notify_one();
        }

        pub(super) async fn rung(&self) {
            loop {
                let Some(at) = self.at.get() else {
                    self.changed.notified().await;
                    continue;
                };
                tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => return,
                    () = self.changed.notified() => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn on_a_worker(test: impl AsyncFnOnce(Timer)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let timer = Timer::new().unwrap();
            let driver = timer.clone();
            tokio::task::spawn_local(async move { driver.drive().await });
            test(timer).await;
        });
    }

    #[test]
    fn sleepers_wake_in_their_order_and_never_early() {
        on_a_worker(async |timer| {
            let order = Rc::new(RefCell::new(Vec::new()));
            let began = Instant::now();
            let sleeper = |millis: u64| {
                let (timer, order) = (timer.clone(), Rc::clone(&order));
                tokio::task::spawn_local(async move {
                    timer.sleep_until(began + Duration::from_millis(millis)).await;
                    order.borrow_mut().push((millis, began.elapsed() >= Duration::from_millis(millis)));
                })
            };
            for task in [30, 10, 20, 0, 10].map(sleeper) {
                task.await.unwrap();
            }
            assert_eq!(*order.borrow(), [(0, true), (10, true), (10, true), (20, true), (30, true)]);
        });
    }

    #[test]
    fn a_dropped_sleep_is_forgotten_and_others_still_wake() {
        on_a_worker(async |timer| {
            let began = Instant::now();
            let first = timer.sleep_until(began + Duration::from_millis(5));
            let second = timer.sleep_until(began + Duration::from_millis(15));
            tokio::select! { biased; () = first => {}, () = second => unreachable!() }
            assert!(timer.0.waiting.borrow().sleepers.is_empty());
            timer.sleep_until(began + Duration::from_millis(15)).await;
        });
    }
}
