//! What is done with a database before it is used: its tables, its name, and its first world.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{MySqlPool, SqlSafeStr};

use super::failure::Failure;
use super::worlds::{self, World};
use crate::domain::size::WorldSize;

/// How long another service may take to prepare the same database, in seconds.
const PREPARED_WITHIN: u32 = 30;

/// The database's name in the cache, and its current world. Of several services that start at once, one after the
/// other does it.
pub(super) async fn prepare(pool: &MySqlPool) -> Result<(u64, World), Failure> {
    let mut conn = pool.acquire().await?;
    let locked: Option<i64> = sqlx::query_scalar("SELECT GET_LOCK(CONCAT('ticketing:', DATABASE()), ?)")
        .bind(PREPARED_WITHIN)
        .fetch_one(&mut *conn)
        .await?;
    if locked != Some(1) {
        return Err(Failure::TooLate);
    }
    let prepared = prepare_alone(pool).await;
    sqlx::query("DO RELEASE_LOCK(CONCAT('ticketing:', DATABASE()))").execute(&mut *conn).await?;
    prepared
}

async fn prepare_alone(pool: &MySqlPool) -> Result<(u64, World), Failure> {
    migrate(pool).await.map_err(sqlx::Error::from)?;
    sqlx::query("INSERT IGNORE INTO identity (one, number) VALUES (1, ?)")
        .bind(worlds::random())
        .execute(pool)
        .await?;
    let identity = sqlx::query_scalar("SELECT number FROM identity").fetch_one(pool).await?;
    let world = match worlds::newest(pool).await? {
        Some(world) => worlds::read(pool, world).await?,
        None => worlds::build(pool, &WorldSize::default()).await?,
    };
    Ok((identity, world))
}

async fn migrate(pool: &MySqlPool) -> Result<(), MigrateError> {
    let migration = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let all = vec![migration(1, "worlds", include_str!("../../../migrations/0001_worlds.sql"))];
    let mut migrator = Migrator::with_migrations(all);
    // Its own lock waits for ever, which MariaDB takes for not at all; we hold ours.
    migrator.set_locking(false);
    match migrator.run(pool).await {
        // A service was killed midway. Each statement leaves alone what is there already.
        Err(MigrateError::Dirty(version)) => {
            sqlx::query("DELETE FROM _sqlx_migrations WHERE version = ? AND NOT success")
                .bind(version)
                .execute(pool)
                .await?;
            migrator.run(pool).await
        }
        outcome => outcome,
    }
}
