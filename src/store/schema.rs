//! Which version is the schema of a database, and how does it become that of a backup? Always by the migrations that made
//! it; what is thrown away first is the Hub's own, and nothing goes where something else lies.

use std::collections::BTreeSet;

use sqlx::migrate::Migrator;

use super::{Connection, MIGRATOR, StoreError, copied_tables};

/// One migration that a schema has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub version: i64,
    /// The checksum of its text.
    pub checksum: Vec<u8>,
}

/// Migrations that a database has seen, in their order; `None` without a schema of the Hub.
pub async fn applied(connection: &mut Connection) -> Result<Option<Vec<Applied>>, StoreError> {
    if copied_tables::columns(connection, "_sqlx_migrations").await?.is_empty() {
        return Ok(None);
    }
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(connection)
            .await?;
    Ok(Some(rows.into_iter().map(|(version, checksum)| Applied { version, checksum }).collect()))
}

/// Migrations that this program knows.
pub fn known() -> Vec<Applied> {
    let of = |migration: &sqlx::migrate::Migration| Applied {
        version: migration.version,
        checksum: migration.checksum.to_vec(),
    };
    MIGRATOR.iter().filter(|migration| migration.migration_type.is_up_migration()).map(of).collect()
}

/// Numbers of the migrations that a database has not seen, all of them where there is no schema.
pub async fn missing(connection: &mut Connection) -> Result<Vec<i64>, StoreError> {
    let applied = applied(connection).await?.unwrap_or_default();
    Ok(known().into_iter().filter(|known| !applied.contains(known)).map(|known| known.version).collect())
}

/// Applies those of this program's migrations that `versions` names and the database has not seen.
pub async fn apply_only(connection: &mut Connection, versions: &BTreeSet<i64>) -> Result<(), StoreError> {
    let wanted = MIGRATOR.iter().filter(|migration| versions.contains(&migration.version)).cloned().collect();
    Migrator::with_migrations(wanted).run(connection).await?;
    Ok(())
}

/// Applies all that are missing, on a connection that may be in a transaction.
pub async fn complete(connection: &mut Connection) -> Result<(), StoreError> {
    MIGRATOR.run(connection).await?;
    Ok(())
}

/// Tables that are none of the Hub's.
pub async fn foreign_tables(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let tables = sqlx::query_scalar!(
        r#"SELECT relname::text AS "name!" FROM pg_class c
           WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
             AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e') ORDER BY relname"#
    )
    .fetch_all(connection)
    .await?;
    let is_ours = |name: &String| {
        copied_tables::find(name).is_some() || copied_tables::LEFT_OUT.iter().any(|(left, _)| left == name)
    };
    Ok(tables.into_iter().filter(|name| !is_ours(name)).collect())
}

/// Takes the Hub's tables, views and functions out of the database; what belongs to extensions stays.
pub async fn remove(connection: &mut Connection) -> Result<(), StoreError> {
    let statements = sqlx::query_scalar!(
        r#"SELECT statement AS "statement!" FROM (
               SELECT 1 AS step, format('DROP TABLE IF EXISTS %s CASCADE', c.oid::regclass) AS statement
               FROM pg_class c
               WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
                 AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')
               UNION ALL
               SELECT 2, format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure)
               FROM pg_proc p
               WHERE pronamespace = current_schema()::regnamespace
                 AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
           ) drops ORDER BY step"#
    )
    .fetch_all(&mut *connection)
    .await?;
    for statement in statements {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// How many other processes of the Hub are connected to this database.
pub async fn other_users(connection: &mut Connection) -> Result<i64, StoreError> {
    let others = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'executor-hub'"#
    )
    .fetch_one(connection)
    .await?;
    Ok(others)
}
