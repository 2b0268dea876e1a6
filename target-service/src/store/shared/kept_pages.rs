//! Pages that are kept in the cache: for all services that share it, and as long as they are true.

use axum::body::Bytes;
use redis::AsyncCommands;

use super::Shared;
use super::failure::Failure;
use crate::domain::catalog::{Concert, Night};
use crate::domain::products::Ranked;
use crate::domain::refusal::Refusal;
use crate::store::Page;
use crate::store::pages::FRESH_FOR;

/// How long a page stays that nobody clears away, in milliseconds.
const LASTS: u64 = 3_600_000;
/// How long one service has to renew a page before another may, in milliseconds.
const RENEWED_WITHIN: u64 = 2000;

impl Shared {
    pub(crate) async fn concerts(
        &self,
        render: impl FnOnce(Vec<Concert>) -> Vec<u8>,
    ) -> Result<Page, Failure> {
        let world = self.current();
        let key = format!("{}:page:concerts", world.prefix);
        if let Some(bytes) = self.kept(&key).await? {
            return Ok(Page { bytes: bytes.into(), hit: true });
        }
        let rows: Vec<(u64, String)> =
            sqlx::query_as("SELECT concert, title FROM concerts WHERE world = ? ORDER BY concert")
                .bind(world.id)
                .fetch_all(&self.pool)
                .await?;
        let bytes = render(rows.into_iter().map(|(id, title)| Concert { id, title }).collect());
        self.keep(&key, bytes).await
    }

    pub(crate) async fn nights(
        &self,
        concert: u64,
        render: impl FnOnce(Vec<Night>) -> Vec<u8>,
    ) -> Result<Page, Failure> {
        let world = self.current();
        if concert == 0 || concert > world.size.concerts {
            return Err(Refusal::NoSuchConcert(concert).into());
        }
        let key = format!("{}:page:nights:{concert}", world.prefix);
        if let Some(bytes) = self.kept(&key).await? {
            return Ok(Page { bytes: bytes.into(), hit: true });
        }
        let rows: Vec<(u64, String)> = sqlx::query_as(
            "SELECT schedule, date FROM nights WHERE world = ? AND concert = ? ORDER BY schedule",
        )
        .bind(world.id)
        .bind(concert)
        .fetch_all(&self.pool)
        .await?;
        let bytes = render(rows.into_iter().map(|(schedule, date)| Night { schedule, date }).collect());
        self.keep(&key, bytes).await
    }

    /// Whoever first finds it too old renews it; all others still get the old one until that is done.
    pub(crate) async fn ranks(
        &self,
        most: usize,
        render: impl FnOnce(Vec<Ranked>) -> Vec<u8>,
    ) -> Result<Page, Failure> {
        let world = self.current();
        let (key, claim) =
            (format!("{}:page:ranks", world.prefix), format!("{}:page:renewing", world.prefix));
        let mut cache = self.cache();
        let now = self.now();
        // The first eight bytes tell until when it is fresh.
        let kept = self.kept(&key).await?.unwrap_or_default();
        if let Some((until, page)) = kept.split_first_chunk() {
            let mut fresh = now.millis() < u64::from_be_bytes(*until);
            if !fresh {
                let options = redis::SetOptions::default()
                    .conditional_set(redis::ExistenceCheck::NX)
                    .with_expiration(redis::SetExpiry::PX(RENEWED_WITHIN));
                let claimed: Option<String> = cache.set_options(&claim, 1, options).await?;
                fresh = claimed.is_none();
            }
            if fresh {
                return Ok(Page { bytes: Bytes::copy_from_slice(page), hit: true });
            }
        }
        let rows: Vec<(u64, u64)> = sqlx::query_as(
            "SELECT product, sold FROM products WHERE world = ? ORDER BY sold DESC, product LIMIT ?",
        )
        .bind(world.id)
        .bind(most as u64)
        .fetch_all(&self.pool)
        .await?;
        let bytes = render(rows.into_iter().map(|(product, sold)| Ranked { product, sold }).collect());
        let until = now.plus(FRESH_FOR).millis().to_be_bytes();
        let _: () = cache.pset_ex(&key, [&until[..], &bytes].concat(), LASTS).await?;
        let _: i64 = cache.del(&claim).await?;
        Ok(Page { bytes: bytes.into(), hit: false })
    }

    async fn kept(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.cache().get(key).await?)
    }

    async fn keep(&self, key: &str, bytes: Vec<u8>) -> Result<Page, Failure> {
        let _: () = self.cache().pset_ex(key, &bytes, LASTS).await?;
        Ok(Page { bytes: bytes.into(), hit: false })
    }
}
