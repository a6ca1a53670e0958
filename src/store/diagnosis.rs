//! How is this Postgres set up? What an operator should know of it, asked without changing anything.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};

/// What the database says of itself.
#[derive(Debug, Clone)]
pub struct DatabaseFacts {
    /// Such as 150004.
    pub version: i32,
    /// Whether the Hub's role may do everything.
    pub is_superuser: bool,
    /// Whether the database may keep and make tables.
    pub is_read_only: bool,
    /// Settings without which a crash loses what was promised, and that are off.
    pub unsafe_settings: Vec<String>,
    /// Connections that roles like the Hub's may have together.
    pub connections: i64,
    /// What time it is there.
    pub now: DateTime<Utc>,
}

/// Asks for all of it.
pub async fn facts(connection: &mut Connection) -> Result<DatabaseFacts, StoreError> {
    let row = sqlx::query!(
        r#"SELECT current_setting('server_version_num')::int AS "version!",
                  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS "is_superuser!",
                  (pg_is_in_recovery() OR current_setting('transaction_read_only')::bool) AS "is_read_only!",
                  ARRAY(SELECT name FROM pg_settings
                        WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'
                        ORDER BY name) AS "unsafe_settings!: Vec<String>",
                  (current_setting('max_connections')::bigint
                   - current_setting('superuser_reserved_connections')::bigint) AS "connections!",
                  clock_timestamp() AS "now!""#
    )
    .fetch_one(connection)
    .await?;
    Ok(DatabaseFacts {
        version: row.version,
        is_superuser: row.is_superuser,
        is_read_only: row.is_read_only,
        unsafe_settings: row.unsafe_settings,
        connections: row.connections,
        now: row.now,
    })
}

/// When the newest backup was taken that is proven by restoring it; `None` without one, or where no backups are noted.
pub async fn last_proven_backup(connection: &mut Connection) -> Result<Option<DateTime<Utc>>, StoreError> {
    let has_table: bool = sqlx::query_scalar!(r#"SELECT to_regclass('backups') IS NOT NULL AS "has_table!""#)
        .fetch_one(&mut *connection)
        .await?;
    if !has_table {
        return Ok(None);
    }
    // Not checked when compiling: an older schema has no such table.
    let newest: Option<DateTime<Utc>> =
        sqlx::query_scalar("SELECT max(taken_at) FROM backups WHERE proven_at IS NOT NULL")
            .fetch_one(connection)
            .await?;
    Ok(newest)
}
