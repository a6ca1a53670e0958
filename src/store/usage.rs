//! Where the space is: what Executors and people come to, each digest counted once per Executor or person.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, executors};
use crate::domain::{ExecutorId, ExecutorName, UserId, executor::Owner};

/// What one Executor comes to.
#[derive(Debug, Clone)]
pub struct ExecutorUsage {
    /// Its handle.
    pub id: ExecutorId,
    /// Its name.
    pub name: Option<ExecutorName>,
    /// Its owner.
    pub owner: Option<Owner>,
    /// How many commits it has, deleted ones included until they are purged.
    pub commits: u64,
    /// Bytes of its packages.
    pub package_bytes: u64,
    /// Bytes of what its repository has, each digest counted once, and of images that lie in an engine only. Repositories
    /// share bytes.
    pub image_bytes: u64,
    /// When it was deleted; its bytes count until it is purged.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// What one person comes to.
#[derive(Debug, Clone)]
pub struct OwnerUsage {
    /// Their login; without one, everything that belongs to nobody.
    pub login: Option<String>,
    /// How many Executors.
    pub executors: u64,
    /// Bytes of their packages.
    pub package_bytes: u64,
    /// Bytes of their artifacts.
    pub artifact_bytes: u64,
}

/// The largest Executors, of one person or of all, the largest first.
pub async fn executors(
    connection: &mut Connection,
    owner: Option<UserId>,
    limit: i64,
) -> Result<Vec<ExecutorUsage>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH packages AS (
               SELECT c.executor_id, c.package_sha256, max(c.package_size) AS size, count(*) AS commits
               FROM commits c JOIN executors e ON e.id = c.executor_id
               WHERE $1::uuid IS NULL OR e.owner_id = $1
               GROUP BY c.executor_id, c.package_sha256
           ), space AS (
               SELECT executor_id, sum(commits)::bigint AS commits, sum(size)::bigint AS bytes
               FROM packages GROUP BY executor_id
           ), pictures AS (
               SELECT executor_id, sum(bytes)::bigint AS bytes FROM (
                   SELECT b.executor_id, b.size AS bytes FROM image_blobs b
                   UNION ALL
                   SELECT m.executor_id, octet_length(m.content) FROM image_manifests m
                   UNION ALL
                   -- Those that never came here from their engine.
                   SELECT c.executor_id, i.size FROM images i JOIN commits c ON c.id = i.commit_id
                   WHERE i.manifest IS NULL
               ) parts GROUP BY executor_id
           )
           SELECT e.id AS "id: ExecutorId", e.name, e.owner_id AS "owner_id: UserId", u.login AS "login?",
                  s.commits AS "commits!", s.bytes AS "bytes!", COALESCE(p.bytes, 0) AS "image_bytes!", e.deleted_at
           FROM space s JOIN executors e ON e.id = s.executor_id
           LEFT JOIN pictures p ON p.executor_id = e.id LEFT JOIN users u ON u.id = e.owner_id
           ORDER BY s.bytes DESC, e.id LIMIT $2"#,
        owner as Option<UserId>,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ExecutorUsage {
                owner: executors::owner(&row.id, row.owner_id, row.login)?,
                name: executors::name(&row.id, row.name)?,
                id: row.id,
                commits: unsigned(row.commits),
                package_bytes: unsigned(row.bytes),
                image_bytes: unsigned(row.image_bytes),
                deleted_at: row.deleted_at,
            })
        })
        .collect()
}

/// What everybody comes to, the largest first; what belongs to nobody is one of them.
pub async fn owners(connection: &mut Connection, limit: i64) -> Result<Vec<OwnerUsage>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH packages AS (
               SELECT e.owner_id, c.package_sha256, max(c.package_size) AS size
               FROM commits c JOIN executors e ON e.id = c.executor_id GROUP BY e.owner_id, c.package_sha256
           ), space AS (
               SELECT owner_id, sum(size)::bigint AS bytes FROM packages GROUP BY owner_id
           ), things AS (
               SELECT owner_id, count(*) AS executors FROM executors GROUP BY owner_id
           ), everybody AS (
               SELECT id AS owner_id, login FROM users UNION ALL SELECT NULL, NULL
           )
           SELECT b.login, COALESCE(t.executors, 0) AS "executors!", COALESCE(s.bytes, 0) AS "bytes!",
                  COALESCE(a.bytes, 0) AS "artifact_bytes!"
           FROM everybody b
           LEFT JOIN space s ON s.owner_id IS NOT DISTINCT FROM b.owner_id
           LEFT JOIN things t ON t.owner_id IS NOT DISTINCT FROM b.owner_id
           LEFT JOIN artifact_usage a ON a.owner_id = b.owner_id
           WHERE t.executors IS NOT NULL OR a.bytes > 0
           ORDER BY COALESCE(s.bytes, 0) + COALESCE(a.bytes, 0) DESC, b.login LIMIT $1"#,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| OwnerUsage {
            login: row.login,
            executors: unsigned(row.executors),
            package_bytes: unsigned(row.bytes),
            artifact_bytes: unsigned(row.artifact_bytes),
        })
        .collect())
}

/// What one person's Executors come to: how many there are, and bytes of their packages.
pub async fn of_owner(connection: &mut Connection, owner: UserId) -> Result<(u64, u64), StoreError> {
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM executors WHERE owner_id = $1
                   AND (discarded_at IS NULL OR deleted_at IS NOT NULL)) AS "executors!",
                  (SELECT COALESCE(sum(size), 0)::bigint FROM (
                       SELECT max(c.package_size) AS size FROM executors e JOIN commits c ON c.executor_id = e.id
                       WHERE e.owner_id = $1 GROUP BY c.package_sha256) packages) AS "bytes!""#,
        owner as UserId
    )
    .fetch_one(connection)
    .await?;
    Ok((unsigned(row.executors), unsigned(row.bytes)))
}

/// Holds a person's place until the transaction ends: of two pushes that fit only one by one, one waits for the other.
pub async fn hold_owner(connection: &mut Connection, owner: UserId) -> Result<(), StoreError> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", owner.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
