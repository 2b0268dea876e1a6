//! A lock on a seat, in the cache: of a crowd that wants one seat, one at a time goes to the database.
//!
//! It only keeps the crowd away. Who has the seat is decided there, so a lock that is lost, or that nobody
//! released, does no harm.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Script, SetExpiry, SetOptions};
use tokio::time::{Instant, sleep};

use super::Shared;
use super::failure::Failure;
use super::worlds::{World, random};
use crate::domain::seats::Place;

/// How long a lock lasts that nobody releases.
const LASTS: u64 = 2000;
/// How long one waits for it before going on without.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(3);

/// Only who holds it may release it: by then it may be another's.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0",
    )
});

impl Shared {
    /// Does something with a seat while nobody else does.
    pub(super) async fn with_seat<T>(
        &self,
        world: &World,
        place: Place,
        act: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let key = format!("{}:seat:{}:{}", world.prefix, place.schedule, place.seat);
        let holder = random();
        let options = SetOptions::default()
            .conditional_set(redis::ExistenceCheck::NX)
            .with_expiration(SetExpiry::PX(LASTS));
        let mut cache = self.cache();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let taken: Option<String> =
                redis::AsyncCommands::set_options(&mut cache, &key, holder, options.clone()).await?;
            if taken.is_some() || Instant::now() > deadline {
                break;
            }
            sleep(LOOK_AGAIN).await;
        }
        let outcome = act.await;
        // It ends by itself should the cache be gone.
        let _ = RELEASE.key(&key).arg(holder).invoke_async::<i64>(&mut cache).await;
        outcome
    }
}
