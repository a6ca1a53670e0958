//! Is the schema up to date? The one static list of migrations, for the program and the tests alike.

use std::sync::LazyLock;

use sqlx::{Connection as _, migrate::Migrator, postgres::PgConnectOptions};

use super::{Connection, StoreError};

/// All migrations, embedded in the program. What a newer one has applied is left alone: migrations keep the program before
/// them working, so that its replicas can start again during an upgrade.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.set_ignore_missing(true);
    migrator
});

/// Applies what is missing, each file in a transaction of its own, on a connection of its own (the pool's time limits
/// are no limits for a migration). Several processes that start at once wait for the first. Killed at any statement,
/// the next start goes on where it stopped.
pub async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = Connection::connect_with(options).await?;
    MIGRATOR.run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Migrations that this program has and the database has not, by their numbers. More than the program has is no fault:
/// another version of it was faster, and migrations keep the one before them working.
pub async fn missing_migrations(connection: &mut Connection) -> Result<Vec<i64>, StoreError> {
    // Not checked when compiling: the table is made by the first migration, not by one of ours.
    let applied: Vec<i64> = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
        .fetch_all(connection)
        .await?;
    let wanted = MIGRATOR.iter().map(|migration| migration.version);
    Ok(wanted.filter(|version| !applied.contains(version)).collect())
}
