//! Faults that are injected on purpose, so that whoever tests the service finds something.
//!
//! While none is set a request pays for one look at a flag. All time here is the machine's own: a fault is felt
//! by a client, whatever the time in the world it talks to.

mod pattern;
mod share;

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

pub(crate) use self::pattern::Pattern;
use self::share::Dice;
pub(crate) use self::share::Share;
use crate::domain::sharded::lock;

/// The most a service leaks, over all its faults: it is to be found, not to end the machine.
const LARGEST_LEAK: u64 = 1 << 30;

/// What befalls a share of the requests to some paths. What is zero or none does not happen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) pattern: Pattern,
    pub(crate) share: Share,
    /// How long a request waits before it is handled.
    pub(crate) delay: Duration,
    /// The most it waits beyond that, each time another part of it.
    pub(crate) jitter: Duration,
    /// Answered instead of handling the request.
    pub(crate) status: Option<u16>,
    /// The connection is reset instead of an answer.
    pub(crate) reset: bool,
    /// How long no request to these paths is answered from then on, hit or not.
    pub(crate) stall: Duration,
    /// Bytes that are never given back while the fault is set.
    pub(crate) leak: u64,
}

/// What a request is to meet after it was held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Handle,
    Answer(u16),
    Reset,
}

/// The faults that are set.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    any: AtomicBool,
    set: RwLock<Arc<Set>>,
    leaked: Arc<AtomicU64>,
}

/// Faults that were set together.
#[derive(Debug, Default)]
struct Set {
    faults: Box<[Armed]>,
    replaced: watch::Sender<bool>,
}

/// A fault with what it has done so far.
#[derive(Debug)]
struct Armed {
    fault: Fault,
    dice: Dice,
    stalled_until: Mutex<Option<Instant>>,
    hoard: Mutex<Vec<Box<[u8]>>>,
    /// Bytes in the hoards of all faults.
    leaked: Arc<AtomicU64>,
}

impl Faults {
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Replaces all faults; an empty list ends them. Requests that the old ones hold up are let go, and what they
    /// leaked is given back.
    pub(crate) fn set(&self, faults: Vec<Fault>) {
        let armed = |fault| Armed {
            fault,
            dice: Dice::default(),
            stalled_until: Mutex::default(),
            hoard: Mutex::default(),
            leaked: Arc::clone(&self.leaked),
        };
        let any = !faults.is_empty();
        let fresh = faults.into_iter().map(armed).collect();
        let fresh = Arc::new(Set { faults: fresh, replaced: watch::Sender::default() });
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        let old = mem::replace(&mut *set, fresh);
        self.any.store(any, Ordering::Relaxed);
        drop(set);
        old.replaced.send_replace(true);
    }

    /// The faults as they were set.
    pub(crate) fn list(&self) -> Vec<Fault> {
        self.current().faults.iter().map(|armed| armed.fault.clone()).collect()
    }

    /// Holds a request up for as long as the faults on its path say, and tells what comes then.
    pub(crate) async fn meet(&self, path: &str) -> Fate {
        let set = self.current();
        let (mut stalled_until, mut delay, mut fate) = (None, Duration::ZERO, Fate::Handle);
        for armed in set.faults.iter().filter(|armed| armed.fault.pattern.matches(path)) {
            let Fault { reset, status, .. } = armed.fault;
            if let Some(chance) = armed.dice.roll(armed.fault.share) {
                armed.leak();
                armed.stall();
                delay += armed.fault.delay + armed.fault.jitter.mul_f64(chance);
                fate = match (fate, status) {
                    (_, _) if reset => Fate::Reset,
                    (Fate::Handle, Some(status)) => Fate::Answer(status),
                    (before, _) => before,
                };
            }
            stalled_until = stalled_until.max(*lock(&armed.stalled_until));
        }
        let hold_up = async {
            if let Some(until) = stalled_until {
                sleep_until(until).await;
            }
            if !delay.is_zero() {
                sleep(delay).await;
            }
        };
        let mut replaced = set.replaced.subscribe();
        tokio::select! {
            biased;
            () = hold_up => fate,
            _ = replaced.wait_for(|&replaced| replaced) => Fate::Handle,
        }
    }

    fn current(&self) -> Arc<Set> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Armed {
    fn leak(&self) {
        let bytes = self.fault.leak;
        if bytes == 0 {
            return;
        }
        if self.leaked.fetch_add(bytes, Ordering::Relaxed) + bytes > LARGEST_LEAK {
            self.leaked.fetch_sub(bytes, Ordering::Relaxed);
            return;
        }
        // Written to, as memory that nobody has touched is not there yet.
        lock(&self.hoard).push(vec![0xA5; bytes as usize].into());
    }

    /// Begins a stall, unless one is under way: those who come meanwhile do not prolong it.
    fn stall(&self) {
        if self.fault.stall.is_zero() {
            return;
        }
        let (now, mut until) = (Instant::now(), lock(&self.stalled_until));
        if until.is_none_or(|until| until <= now) {
            *until = Some(now + self.fault.stall);
        }
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        let bytes = lock(&self.hoard).iter().map(|block| block.len() as u64).sum();
        self.leaked.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
