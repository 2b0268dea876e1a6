//! First answers, kept under the key they were asked with, so that the same key is answered alike.
//!
//! The newest are kept: each shard has two generations, and drops the older one when the younger is full.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::{Arc, Mutex};

use super::sharded::{Shards, lock};

/// Answers in one generation of a shard: over all shards, at least the newest hundred thousand or so are kept.
const GENERATION: usize = 2048;

/// A place for the first answer; empty while the first request is still being answered.
type Slot<T> = Arc<Mutex<Option<T>>>;

/// First answers by key.
#[derive(Debug)]
pub(super) struct FirstAnswers<T> {
    shards: Shards<Generations<T>>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Generations<T> {
    young: HashMap<Box<str>, Slot<T>>,
    old: HashMap<Box<str>, Slot<T>>,
}

impl<T> Default for Generations<T> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<T> Default for FirstAnswers<T> {
    fn default() -> Self {
        Self { shards: Shards::default(), hasher: RandomState::new() }
    }
}

impl<T: Clone> FirstAnswers<T> {
    /// Answers as the first request with this key was answered; `answer` runs at most once for each key kept.
    ///
    /// Others with the same key wait until the first is done. That wait blocks the thread, so `answer` must be
    /// short, and must not ask for a key itself.
    pub(super) fn once(&self, key: &str, answer: impl FnOnce() -> T) -> T {
        let slot = self.shards.lock(self.hasher.hash_one(key)).slot(key);
        lock(&slot).get_or_insert_with(answer).clone()
    }
}

impl<T> Generations<T> {
    fn slot(&mut self, key: &str) -> Slot<T> {
        if let Some(slot) = self.young.get(key) {
            return Arc::clone(slot);
        }
        // One that is asked for again is young again.
        let slot = self.old.remove(key).unwrap_or_default();
        if self.young.len() >= GENERATION {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key.into(), Arc::clone(&slot));
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_is_given_again() {
        let answers = FirstAnswers::default();
        assert_eq!(answers.once("a", || 1), 1);
        assert_eq!(answers.once("a", || 2), 1);
        assert_eq!(answers.once("b", || 3), 3);
    }

    #[test]
    fn only_the_newest_are_kept_and_those_that_are_asked_for() {
        let answers = FirstAnswers::default();
        for n in 0..300_000 {
            answers.once(&n.to_string(), || n);
            if n % 1000 == 0 {
                assert_eq!(answers.once("asked for", || n), 0);
            }
        }
        let kept: usize = answers.shards.each().map(|shard| shard.young.len() + shard.old.len()).sum();
        assert!((100_000..=64 * 2 * GENERATION).contains(&kept), "{kept}");
        for n in 250_000..300_000 {
            assert_eq!(answers.once(&n.to_string(), || -1), n);
        }
        assert_eq!(answers.once("0", || -1), -1);
    }
}
