//! A map cut into shards with a small lock each, so that no request waits for the whole store.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Enough that two of a machine's cores rarely meet in one.
const SHARDS: usize = 64;

/// A lock that is alone on its cache line: neighbours must not slow each other down.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard<T>(Mutex<T>);

/// The shards alone; what each holds is its owner's choice.
#[derive(Debug)]
pub(crate) struct Shards<T>(Box<[Shard<T>]>);

impl<T: Default> Default for Shards<T> {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Shard::default()).collect())
    }
}

impl<T> Shards<T> {
    /// Locks the shard for this hash. Bits of its middle choose, as the maps within use both its ends.
    pub(crate) fn lock(&self, hash: u64) -> MutexGuard<'_, T> {
        lock(&self.0[(hash >> 40) as usize % SHARDS].0)
    }

    /// Locks one shard after the other, never two at once.
    pub(crate) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.0.iter().map(|shard| lock(&shard.0))
    }
}

/// Takes a lock even if a thread panicked while holding it: every change under our locks is either one
/// assignment or ordered so that the state is sound after each, and one broken request must not end the service.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A sharded hash map. `S` is the hasher of both the choice of the shard and the map within.
#[derive(Debug)]
pub(crate) struct ShardedMap<K, V, S = RandomState> {
    shards: Shards<HashMap<K, V, S>>,
    hasher: S,
}

impl<K, V, S: Default> Default for ShardedMap<K, V, S> {
    fn default() -> Self {
        Self { shards: Shards::default(), hasher: S::default() }
    }
}

impl<K: Hash + Eq, V, S: BuildHasher + Default> ShardedMap<K, V, S> {
    /// Locks the part of the map where this key lives.
    pub(crate) fn shard(&self, key: &K) -> MutexGuard<'_, HashMap<K, V, S>> {
        self.shards.lock(self.hasher.hash_one(key))
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.shard(&key).insert(key, value);
    }

    pub(crate) fn get(&self, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.shard(key).get(key).cloned()
    }

    /// Shows every entry, a shard at a time.
    pub(crate) fn each(&self, mut see: impl FnMut(&K, &V)) {
        for shard in self.shards.each() {
            shard.iter().for_each(|(key, value)| see(key, value));
        }
    }

    /// Gives every shard in turn to whoever changes it as a whole.
    pub(crate) fn each_shard(&self, mut change: impl FnMut(&mut HashMap<K, V, S>)) {
        for mut shard in self.shards.each() {
            change(&mut shard);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.each().map(|shard| shard.len()).sum()
    }
}

/// Hashes the numbers that we count ourselves: one multiplication, as no client chooses them.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct OwnNumber(u64);

impl Hasher for OwnNumber {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // Fibonacci hashing, folded so that both the lower and the upper bits depend on every bit.
        let product = u128::from(self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

/// The [`ShardedMap`] for records under ids that count from 1.
pub(crate) type ById<V> = ShardedMap<u64, V, std::hash::BuildHasherDefault<OwnNumber>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_ids_spread_over_the_shards() {
        let map: ById<u64> = ShardedMap::default();
        for id in 1..=6400 {
            map.insert(id, id);
        }
        assert_eq!(map.len(), 6400);
        for shard in map.shards.each() {
            assert!((40..=200).contains(&shard.len()), "a shard holds {}", shard.len());
        }
    }

    #[test]
    fn a_lock_is_taken_after_a_panic_under_it() {
        let mutex = Mutex::new(1);
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = mutex.lock();
            panic!("on purpose");
        }));
        assert_eq!(*lock(&mutex), 1);
    }
}
