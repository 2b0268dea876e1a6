//! One copy of something for each core, so that threads that count do not wait for each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

thread_local! {
    /// This thread's number, the same for all that is striped.
    static NUMBER: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

/// Alone on its cache lines.
#[derive(Debug)]
#[repr(align(128))]
struct Alone<T>(T);

/// The copies: a power of two of them, at least one for each core.
#[derive(Debug)]
pub(super) struct Striped<T>(Box<[Alone<T>]>);

impl<T> Striped<T> {
    pub(super) fn new(copy: impl Fn() -> T) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self((0..cores.next_power_of_two()).map(|_| Alone(copy())).collect())
    }

    /// The copy of this thread. Two threads may come to share one, which is slower and as right.
    pub(super) fn here(&self) -> &T {
        &self.0[NUMBER.with(|&number| number) & (self.0.len() - 1)].0
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|copy| &copy.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn what_threads_count_is_there_in_sum() {
        let striped = Striped::new(|| AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..9 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        striped.here().fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(striped.each().map(|n| n.load(Ordering::Relaxed)).sum::<u64>(), 9000);
    }
}
