//! The events of placed orders: a stream in the cache, read by a group of consumers.
//!
//! Each event is handled at least once, as it is taken off the stream only after its order is settled; that
//! settling twice changes nothing makes it once. An event that was lost with the cache, or never written as the
//! service ended in between, is made up for by looking for orders that wait too long.

use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamAutoClaimReply, StreamId, StreamReadReply};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::failure::Failure;
use super::worlds::random;
use super::{ANSWER_WITHIN, Shared};

const GROUP: &str = "settling";
/// Events that a consumer takes at once.
const AT_ONCE: usize = 50;
/// How long a consumer waits for events in one call, in milliseconds.
const WAIT: u64 = 1000;
/// How long an event may be in a consumer's hands before another takes it over, in milliseconds.
const ABANDONED_AFTER: u64 = 10_000;
/// How often abandoned events are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long to wait when a server is away.
const PAUSE: Duration = Duration::from_millis(500);
/// Where it went well for so long, the next failure is a new one.
const OUTAGE_APART: Duration = Duration::from_secs(10);

impl Shared {
    /// Tells the consumers of a placed order. It is placed already, so a cache that is away does not undo it.
    pub(super) async fn announce(&self, number: u64) {
        let mut add = redis::cmd("XADD");
        add.arg(&self.stream).arg("*").arg("order").arg(number);
        if let Err(error) = add.exec_async(&mut self.cache()).await {
            warn!("order {number} is settled later, as its event could not be written: {error}");
        }
    }

    /// Settles what comes in, for as long as it is polled.
    pub(super) async fn settle_forever(&self) {
        let name = format!("{:016x}", random());
        let mut failing = String::new();
        loop {
            let started = Instant::now();
            // What is not settled stays in the stream, and is taken up again.
            if let Err(failure) = self.consume(&name).await {
                // An outage is told once, and not at every try.
                let why = failure.to_string();
                if why != failing || started.elapsed() > OUTAGE_APART {
                    warn!("cannot settle orders: {why}");
                    failing = why;
                }
            }
            sleep(PAUSE).await;
        }
    }

    async fn consume(&self, name: &str) -> Result<(), Failure> {
        // A connection of its own, as it waits in it.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN + Duration::from_millis(WAIT)));
        let mut cache = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut group = redis::cmd("XGROUP");
        group.arg("CREATE").arg(&self.stream).arg(GROUP).arg("0").arg("MKSTREAM");
        match group.exec_async(&mut cache).await {
            Err(error) if error.code() != Some("BUSYGROUP") => return Err(error.into()),
            _ => {}
        }
        let mut looked: Option<Instant> = None;
        loop {
            if looked.is_none_or(|looked| looked.elapsed() > LOOK_EVERY) {
                let mut claim = redis::cmd("XAUTOCLAIM");
                claim.arg(&self.stream).arg(GROUP).arg(name).arg(ABANDONED_AFTER);
                let abandoned: StreamAutoClaimReply =
                    claim.arg("0-0").arg("COUNT").arg(AT_ONCE).query_async(&mut cache).await?;
                self.handle(&mut cache, abandoned.claimed).await?;
                looked = Some(Instant::now());
            }
            let mut read = redis::cmd("XREADGROUP");
            read.arg("GROUP").arg(GROUP).arg(name).arg("COUNT").arg(AT_ONCE).arg("BLOCK").arg(WAIT);
            let come: Option<StreamReadReply> =
                read.arg("STREAMS").arg(&self.stream).arg(">").query_async(&mut cache).await?;
            for key in come.unwrap_or_default().keys {
                self.handle(&mut cache, key.ids).await?;
            }
        }
    }

    async fn handle(&self, cache: &mut MultiplexedConnection, events: Vec<StreamId>) -> Result<(), Failure> {
        if events.is_empty() {
            return Ok(());
        }
        let numbers: Vec<u64> = events.iter().filter_map(|event| event.get("order")).collect();
        self.settle_all(&numbers).await?;
        let ids: Vec<&str> = events.iter().map(|event| &*event.id).collect();
        let mut done = redis::pipe();
        done.atomic().cmd("XACK").arg(&self.stream).arg(GROUP).arg(&ids).ignore();
        done.cmd("XDEL").arg(&self.stream).arg(&ids).ignore();
        Ok(done.exec_async(cache).await?)
    }

    /// Settles orders, most of them in one transaction: so settling keeps up with placing.
    async fn settle_all(&self, numbers: &[u64]) -> Result<(), Failure> {
        if numbers.is_empty() {
            return Ok(());
        }
        let settled = self.try_often(|| self.settle_plain(numbers)).await?;
        for &number in numbers.iter().filter(|number| !settled.contains(number)) {
            self.try_often(|| self.settle(number)).await?;
        }
        Ok(())
    }

    /// Settles orders that have waited for so long that nobody will tell of them any more.
    pub(super) async fn settle_forgotten(&self) -> Result<(), Failure> {
        let forgotten: Vec<u64> = sqlx::query_scalar(
            "SELECT id FROM orders WHERE state = 0 AND placed < CURRENT_TIMESTAMP(3) - INTERVAL 5 SECOND \
             ORDER BY placed LIMIT 200",
        )
        .fetch_all(&self.pool)
        .await?;
        self.settle_all(&forgotten).await
    }
}
