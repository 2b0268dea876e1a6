//! The store of which several services may share one: rows in a database
//! (`MySQL` or `MariaDB`), and Redis for what is short-lived.
//!
//! The database decides: who has a seat, what is paid, what is left. The cache holds tokens and their line, locks
//! that keep the crowd away from a seat, kept pages, and the events of placed orders; were it lost, tokens would
//! have to be asked for anew, and nothing else would be wrong. Whatever does not answer in time is refused.

mod accounts;
mod audit;
mod coupons;
mod failure;
mod kept_pages;
mod line;
mod orders;
mod payments;
mod preparing;
mod seat_lock;
mod seats;
mod settling;
mod worlds;

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{ConnectOptions, Executor, MySqlPool};
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use self::failure::Failure;
use self::line::Numbers;
use self::worlds::World;
use super::{Census, PoolUse};
use crate::clock::{Clock, Timestamp};
use crate::domain::refusal::Refusal;
use crate::domain::size::WorldSize;
use crate::domain::world::Load;

/// Connections to the database; more would only wait for each other there.
const MOST_CONNECTIONS: u32 = 32;
/// How long a request waits for a connection to the database, or for an answer of the cache.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// How long a request may take in all.
const DONE_WITHIN: Duration = Duration::from_secs(5);
/// How long a reset or an audit may take.
const LONG_WORK_WITHIN: Duration = Duration::from_mins(2);
/// How often one request is tried when its transaction collides with others.
const MOST_TRIES: u32 = 50;
/// How long the servers may take to come up when the service starts.
const UP_WITHIN: Duration = Duration::from_secs(15);
/// How often the current world is looked up, and what is over is cleared away.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);

/// Where the servers are.
#[derive(Debug, Clone)]
pub struct Servers {
    /// As in `mysql://user:password@host:3306/database`.
    pub database: String,
    /// As in `redis://host:6379`.
    pub cache: String,
}

pub(crate) struct Shared {
    pool: MySqlPool,
    client: redis::Client,
    cache: ConnectionManager,
    clock: Clock,
    /// Read for as long as it takes to copy a pointer.
    current: RwLock<Arc<World>>,
    numbers: Mutex<Numbers>,
    /// Events of placed orders, of all worlds.
    stream: String,
    /// One reset after the other, so that the last to be answered is the one that counts.
    resetting: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Shared {
    /// Connects to both servers, brings the database's tables up to date, and finds the current world or makes
    /// the first. The error tells which server does not answer, without its password.
    pub(super) async fn connect(servers: &Servers, clock: Clock) -> Result<Self, String> {
        let pool = pool(&servers.database)?;
        let cache_fails = |error| format!("--cache: {error}; is it a redis:// address?");
        let client = redis::Client::open(&*servers.cache).map_err(cache_fails)?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(ANSWER_WITHIN))
            .set_connection_timeout(Some(ANSWER_WITHIN))
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(20));
        let cache = ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(cache_fails)?;
        let deadline = Instant::now() + UP_WITHIN;
        let database_fails = |failure| {
            let (host, port) =
                (pool.connect_options().get_host().to_owned(), pool.connect_options().get_port());
            format!("cannot use the database at {host}:{port}: {failure}")
        };
        while let Err(error) = sqlx::query("SELECT 1").execute(&pool).await {
            if Instant::now() > deadline {
                return Err(database_fails(error.into()));
            }
            sleep(Duration::from_millis(200)).await;
        }
        while let Err(error) = redis::cmd("PING").exec_async(&mut cache.clone()).await {
            if Instant::now() > deadline {
                let address = client.get_connection_info().addr();
                return Err(format!("cannot use the cache at {address}: {error}"));
            }
            sleep(Duration::from_millis(200)).await;
        }
        let (identity, world) = preparing::prepare(&pool).await.map_err(database_fails)?;
        Ok(Self {
            client,
            cache,
            clock,
            current: RwLock::new(Arc::new(world)),
            numbers: Mutex::default(),
            stream: format!("ticketing:orders:{identity:016x}"),
            resetting: tokio::sync::Mutex::default(),
            pool,
        })
    }

    /// Calls until there is an answer: again where transactions collided, and no longer than a client waits.
    pub(super) async fn attempt<T, F>(&self, call: impl Fn() -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.try_often(call).await.map_err(Failure::refusal)
    }

    /// As [`Shared::attempt`], and nobody is told.
    async fn try_often<T, F>(&self, call: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let tries = async {
            let mut tries = 1;
            loop {
                match call().await {
                    Err(failure) if failure.is_collision() && tries < MOST_TRIES => {
                        // Not all at the same time again.
                        sleep(Duration::from_millis(1 + worlds::random() % 8)).await;
                        tries += 1;
                    }
                    outcome => return outcome,
                }
            }
        };
        timeout(DONE_WITHIN, tries).await.unwrap_or(Err(Failure::TooLate))
    }

    /// As [`Shared::attempt`] for what takes its time, once.
    pub(super) async fn work<T>(&self, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Refusal> {
        timeout(LONG_WORK_WITHIN, call).await.unwrap_or(Err(Failure::TooLate)).map_err(Failure::refusal)
    }

    pub(super) async fn reset(&self, size: &WorldSize) -> Result<WorldSize, Failure> {
        size.check()?;
        let _alone = self.resetting.lock().await;
        let fresh = worlds::build(&self.pool, size).await?;
        self.make_current(fresh);
        Ok(size.clone())
    }

    /// Whether both servers answer.
    pub(super) async fn ready(&self) -> Result<(), Failure> {
        let mut cache = self.cache();
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(redis::cmd("PING").exec_async(&mut cache).await?)
    }

    /// What there is, as far as the servers answer.
    pub(super) async fn census(&self) -> Census {
        let idle = self.pool.num_idle() as u64;
        let size = u64::from(self.pool.size());
        let pool = PoolUse { used: size.saturating_sub(idle), most: MOST_CONNECTIONS.into() };
        let counted = timeout(ANSWER_WITHIN, self.count()).await.unwrap_or(Err(Failure::TooLate)).ok();
        let (load, pending) = counted.unzip();
        Census { load, pending, pool: Some(pool) }
    }

    async fn count(&self) -> Result<(Load, u64), Failure> {
        let (active, waiting) = self.line_census().await?;
        let held = self.held_seats().await?;
        Ok((Load { waiting, active, held }, self.pending_orders().await?))
    }

    /// Works beside the requests until the service ends.
    pub(super) async fn keep_up(&self) {
        let settle = || self.settle_forever();
        tokio::join!(self.upkeep(), settle(), settle(), settle(), settle());
    }

    async fn upkeep(&self) {
        loop {
            sleep(UPKEEP_EVERY).await;
            // Requests find out by themselves when a server is away, and tell.
            let _ = timeout(DONE_WITHIN, self.upkeep_once()).await;
        }
    }

    async fn upkeep_once(&self) -> Result<(), Failure> {
        if let Some(newest) = worlds::newest(&self.pool).await?
            && newest > self.current().id
        {
            // Another service that shares the servers has made it.
            self.make_current(worlds::read(&self.pool, newest).await?);
        }
        self.sweep_line().await?;
        self.settle_forgotten().await?;
        let cleared = worlds::clear(&self.pool, &mut self.cache(), &self.current()).await;
        cleared.inspect_err(|failure| warn!("cannot clear an old world away: {failure}"))
    }

    fn make_current(&self, world: World) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(world);
    }

    fn current(&self) -> Arc<World> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A handle of the one connection that all requests share.
    fn cache(&self) -> ConnectionManager {
        self.cache.clone()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn pool(address: &str) -> Result<MySqlPool, String> {
    if !address.starts_with("mysql://") && !address.starts_with("mariadb://") {
        return Err("--store: it must be as mysql://user:password@host:3306/database".into());
    }
    let options = MySqlConnectOptions::from_str(address).map_err(|error| {
        format!("--store: {error}; it must be as mysql://user:password@host:3306/database")
    })?;
    if options.get_database().is_none() {
        return Err("--store: name the database, as in mysql://user:password@host:3306/database".into());
    }
    let pool = MySqlPoolOptions::new()
        .max_connections(MOST_CONNECTIONS)
        .acquire_timeout(ANSWER_WITHIN)
        .after_connect(|connection, _| {
            Box::pin(async move {
                // Rows are locked one by one, not the gaps between them, and nobody waits for long.
                connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
                connection.execute("SET SESSION innodb_lock_wait_timeout = 3").await?;
                Ok(())
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                // A request that was given up while its transaction began has left one open that nobody knows of;
                // what came next on this connection would be lost with it.
                connection.execute("ROLLBACK").await?;
                Ok(true)
            })
        })
        .connect_lazy_with(options.disable_statement_logging());
    Ok(pool)
}
