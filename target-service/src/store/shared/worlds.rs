//! Which world is the current one, how a fresh one is built beside it, and how those before it are cleared away.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use redis::aio::ConnectionManager;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, MySqlPool, Row};

use super::failure::Failure;
use crate::domain::catalog::Catalog;
use crate::domain::size::WorldSize;

/// Rows of one statement that fills a table.
const ROWS_AT_ONCE: usize = 5000;
/// Rows of one statement that clears a table: few enough that requests beside it do not feel it.
const CLEARED_AT_ONCE: &str = "2000";
/// How long clearing goes on before it rests until the next upkeep.
const CLEARS_FOR: Duration = Duration::from_millis(200);
/// How long a world stays after it was replaced; requests that began in it are over by then.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// All tables with rows of worlds.
const TABLES: [&str; 13] = [
    "seats",
    "reservations",
    "payments",
    "answers",
    "accounts",
    "ledger",
    "concerts",
    "nights",
    "coupons",
    "copies",
    "products",
    "order_lines",
    "orders",
];

/// A world as its rows in the database are found by.
#[derive(Debug)]
pub(super) struct World {
    pub(super) id: u64,
    pub(super) size: WorldSize,
    /// What its tokens are made of.
    pub(super) secret: u64,
    /// What all its keys in the cache begin with. The braces keep them together in a cluster.
    pub(super) prefix: String,
    pub(super) reservations_before: u64,
    pub(super) payments_before: u64,
    pub(super) orders_before: u64,
    pub(super) found: Instant,
}

fn prefix(secret: u64) -> String {
    format!("{{ticketing:{secret:016x}}}")
}

/// A number that nobody can guess.
pub(super) fn random() -> u64 {
    // The standard library's own source of random keys.
    RandomState::new().hash_one("ticketing")
}

/// The number of the current world, if there is one.
pub(super) async fn newest(pool: &MySqlPool) -> Result<Option<u64>, Failure> {
    Ok(sqlx::query_scalar("SELECT id FROM worlds WHERE ready ORDER BY id DESC LIMIT 1")
        .fetch_optional(pool)
        .await?)
}

pub(super) async fn read(pool: &MySqlPool, id: u64) -> Result<World, Failure> {
    let row = sqlx::query(
        "SELECT size, secret, reservations_before, payments_before, orders_before FROM worlds WHERE id = ?",
    )
    .bind(id)
    .fetch_one(pool)
    .await?;
    let secret = row.try_get("secret")?;
    Ok(World {
        id,
        size: serde_json::from_str(row.try_get("size")?)?,
        secret,
        prefix: prefix(secret),
        reservations_before: row.try_get("reservations_before")?,
        payments_before: row.try_get("payments_before")?,
        orders_before: row.try_get("orders_before")?,
        found: Instant::now(),
    })
}

/// Builds a world and makes it the current one.
pub(super) async fn build(pool: &MySqlPool, size: &WorldSize) -> Result<World, Failure> {
    let mut conn = pool.acquire().await?;
    let made = sqlx::query("INSERT INTO worlds (size, secret) VALUES (?, ?)")
        .bind(serde_json::to_string(size)?)
        .bind(random())
        .execute(&mut *conn)
        .await?;
    let world = made.last_insert_id();
    fill_all(&mut conn, world, size).await?;
    // The number of a row that is given up is used up, so the next one is the first of this world.
    let reservations = burn(
        &mut conn,
        "INSERT INTO reservations (world, schedule, seat, user, token, until) VALUES (0, 0, 0, '', 0, 0)",
    );
    let reservations = reservations.await?;
    let payments =
        burn(&mut conn, "INSERT INTO payments (world, reservation, user, amount) VALUES (0, 0, '', 0)")
            .await?;
    let orders =
        burn(&mut conn, "INSERT INTO orders (world, user, amount, state) VALUES (0, '', 0, 2)").await?;
    sqlx::query(
        "UPDATE worlds SET reservations_before = ?, payments_before = ?, orders_before = ?, ready = TRUE WHERE id = ?",
    )
    .bind(reservations)
    .bind(payments)
    .bind(orders)
    .bind(world)
    .execute(&mut *conn)
    .await?;
    drop(conn);
    read(pool, world).await
}

async fn burn(conn: &mut MySqlConnection, insert: &'static str) -> Result<u64, Failure> {
    let mut transaction = conn.begin().await?;
    let number = sqlx::query(insert).execute(&mut *transaction).await?.last_insert_id();
    transaction.rollback().await?;
    Ok(number)
}

async fn fill_all(conn: &mut MySqlConnection, world: u64, size: &WorldSize) -> Result<(), Failure> {
    let catalog = Catalog::new(size);
    let concerts = catalog.concerts();
    let rows = concerts.iter().map(|concert| format!("({world},{},'{}')", concert.id, concert.title));
    fill(conn, "concerts (world, concert, title)", rows).await?;
    for concert in &concerts {
        let nights = catalog.nights(concert.id)?;
        let rows = nights.iter().map(|n| format!("({world},{},{},'{}')", concert.id, n.schedule, n.date));
        fill(conn, "nights (world, concert, schedule, date)", rows).await?;
    }
    let schedules = 1..=size.concerts * size.schedules;
    let seats = schedules.flat_map(|schedule| (1..=size.seats).map(move |seat| (schedule, seat)));
    let rows = seats.map(|(schedule, seat)| format!("({world},{schedule},{seat})"));
    fill(conn, "seats (world, schedule, seat)", rows).await?;
    let rows = (1..=size.coupons).map(|coupon| format!("({world},{coupon})"));
    fill(conn, "coupons (world, coupon)", rows).await?;
    let rows = (1..=size.products).map(|product| format!("({world},{product},{})", size.stock));
    fill(conn, "products (world, product, stock)", rows).await
}

/// Adds many rows with few statements. Only numbers and our own titles come here, so nothing needs quoting.
async fn fill(
    conn: &mut MySqlConnection,
    table: &str,
    mut rows: impl Iterator<Item = String> + Send,
) -> Result<(), Failure> {
    loop {
        let part: Vec<String> = rows.by_ref().take(ROWS_AT_ONCE).collect();
        if part.is_empty() {
            return Ok(());
        }
        let statement = format!("INSERT INTO {table} VALUES {}", part.join(","));
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *conn).await?;
    }
}

/// Clears away a part of what the worlds before the current one left behind.
pub(super) async fn clear(
    pool: &MySqlPool,
    cache: &mut ConnectionManager,
    current: &World,
) -> Result<(), Failure> {
    if current.found.elapsed() < KEPT_FOR {
        return Ok(());
    }
    let old: Option<(u64, u64)> =
        sqlx::query_as("SELECT id, secret FROM worlds WHERE id < ? ORDER BY id LIMIT 1")
            .bind(current.id)
            .fetch_optional(pool)
            .await?;
    let Some((world, secret)) = old else { return Ok(()) };
    let started = Instant::now();
    for table in TABLES {
        let statement = format!("DELETE FROM {table} WHERE world = ? LIMIT {CLEARED_AT_ONCE}");
        loop {
            let clear = sqlx::query(AssertSqlSafe(statement.clone())).bind(world);
            if clear.execute(pool).await?.rows_affected() == 0 {
                break;
            }
            if started.elapsed() > CLEARS_FOR {
                return Ok(());
            }
        }
    }
    clear_cache(cache, &prefix(secret)).await?;
    sqlx::query("DELETE FROM worlds WHERE id = ?").bind(world).execute(pool).await?;
    Ok(())
}

async fn clear_cache(cache: &mut ConnectionManager, prefix: &str) -> Result<(), Failure> {
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{prefix}*")).arg("COUNT").arg(1000);
        let (next, keys): (u64, Vec<Vec<u8>>) = scan.query_async(cache).await?;
        if !keys.is_empty() {
            redis::cmd("UNLINK").arg(keys).exec_async(cache).await?;
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}
