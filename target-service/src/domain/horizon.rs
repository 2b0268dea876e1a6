//! How far back records are kept: behind the horizon only those that still matter are left.

use std::sync::atomic::{AtomicU64, Ordering};

/// Records of one kind that are kept whatever became of them.
const KEPT: u64 = 250_000;

/// The first id, counted from 1, that was not looked at yet.
#[derive(Debug)]
pub(super) struct Horizon {
    kept: u64,
    next: AtomicU64,
}

impl Default for Horizon {
    fn default() -> Self {
        Self::keeping(KEPT)
    }
}

impl Horizon {
    pub(super) fn keeping(kept: u64) -> Self {
        Self { kept, next: AtomicU64::new(1) }
    }

    /// Whether a record is so old that it is to go once it no longer matters.
    pub(super) fn is_behind(&self, id: u64) -> bool {
        id < self.next.load(Ordering::Relaxed)
    }

    /// Moves on over the records that are old by now, as long as `pass` can tell what is to become of each.
    pub(super) fn advance(&self, last: u64, mut pass: impl FnMut(u64) -> bool) {
        let mut next = self.next.load(Ordering::Relaxed);
        while next + self.kept <= last && pass(next) {
            next += 1;
        }
        self.next.store(next, Ordering::Relaxed);
    }
}
