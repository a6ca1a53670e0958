//! Which packages may lie in the object store, and what still needs them: a row for each digest from before its bytes come
//! until after they are gone. A push refers to that row first; whoever deletes the bytes holds its lock.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, commits::bytes};
use crate::domain::{CommitId, digest::Sha256};

/// A number of objects, and what they come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub objects: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Amount {
    /// Adds one object.
    pub fn add(&mut self, size: u64) {
        self.objects += 1;
        self.bytes += size;
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { objects: self.objects + other.objects, bytes: self.bytes + other.bytes }
    }

    pub(super) fn of_columns(objects: i64, bytes: i64) -> Self {
        Self { objects: u64::try_from(objects).unwrap_or(0), bytes: u64::try_from(bytes).unwrap_or(0) }
    }
}

/// Notes that a push is about to store these bytes: nobody collects them until [`release`]. Waits for whoever is deleting
/// them just now, so that the bytes are stored after that.
pub async fn hold(
    connection: &mut Connection,
    push: CommitId,
    sha256: Sha256,
    size: u64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // An update, and not DO NOTHING: only that waits for the row's lock.
    sqlx::query!(
        "INSERT INTO package_bytes (sha256, size) VALUES ($1, $2)
         ON CONFLICT (sha256) DO UPDATE SET size = EXCLUDED.size, unneeded_since = NULL",
        sha256.as_bytes(),
        bytes(size)
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO package_uploads (id, sha256, started_at) VALUES ($1, $2, $3)",
        push as CommitId,
        sha256.as_bytes(),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a push is over; from here on only commits keep its bytes.
pub async fn release(connection: &mut Connection, push: CommitId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM package_uploads WHERE id = $1", push as CommitId).execute(connection).await?;
    Ok(())
}

/// Releases pushes that began before `before`: a crash ended them.
pub async fn release_abandoned(connection: &mut Connection, before: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM package_uploads WHERE started_at < $1", before).execute(connection).await?;
    Ok(())
}

/// Notes which bytes nothing needs (any more), and which something needs again.
pub async fn look(connection: &mut Connection, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE package_bytes b SET unneeded_since = $1
         WHERE unneeded_since IS NULL
           AND NOT EXISTS (SELECT 1 FROM commits c WHERE c.package_sha256 = b.sha256)
           AND NOT EXISTS (SELECT 1 FROM package_uploads u WHERE u.sha256 = b.sha256)",
        now
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE package_bytes b SET unneeded_since = NULL
         WHERE unneeded_since IS NOT NULL
           AND (EXISTS (SELECT 1 FROM commits c WHERE c.package_sha256 = b.sha256)
                OR EXISTS (SELECT 1 FROM package_uploads u WHERE u.sha256 = b.sha256))"
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Bytes that nothing needs since `before` or longer, after `after` in the order of digests; at most `limit`.
pub async fn unneeded(
    connection: &mut Connection,
    before: DateTime<Utc>,
    after: &[u8],
    limit: i64,
) -> Result<Vec<Sha256>, StoreError> {
    let rows = sqlx::query_scalar!(
        "SELECT sha256 FROM package_bytes WHERE unneeded_since <= $1 AND sha256 > $2 ORDER BY sha256 LIMIT $3",
        before,
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|bytes| digest(bytes)).collect()
}

/// Takes the lock of these bytes until the transaction ends, if nothing needs them; gives their size, or `None` when
/// something does, or when they are gone.
pub async fn lock_unneeded(
    connection: &mut Connection,
    sha256: Sha256,
    before: DateTime<Utc>,
) -> Result<Option<u64>, StoreError> {
    let size = sqlx::query_scalar!(
        "SELECT size FROM package_bytes WHERE sha256 = $1 AND unneeded_since <= $2 FOR UPDATE",
        sha256.as_bytes(),
        before
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(size) = size else { return Ok(None) };
    // A statement of its own: it sees what was committed while the lock was awaited.
    let needed = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM commits WHERE package_sha256 = $1)
               OR EXISTS (SELECT 1 FROM package_uploads WHERE sha256 = $1) AS "needed!""#,
        sha256.as_bytes()
    )
    .fetch_one(connection)
    .await?;
    Ok((!needed).then_some(u64::try_from(size).unwrap_or(0)))
}

/// Forgets bytes that are gone; only under the lock.
pub async fn forget(connection: &mut Connection, sha256: Sha256) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM package_bytes WHERE sha256 = $1", sha256.as_bytes())
        .execute(connection)
        .await?;
    Ok(())
}

/// What nothing needs: what may go now, and what has to wait until it was not needed since `before`. Changes nothing.
pub async fn preview(
    connection: &mut Connection,
    before: DateTime<Utc>,
) -> Result<(Amount, Amount), StoreError> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE unneeded_since <= $1) AS "due!",
                  COALESCE(sum(size) FILTER (WHERE unneeded_since <= $1), 0)::bigint AS "due_bytes!",
                  count(*) AS "all!", COALESCE(sum(size), 0)::bigint AS "all_bytes!"
           FROM package_bytes b
           WHERE NOT EXISTS (SELECT 1 FROM commits c WHERE c.package_sha256 = b.sha256)
             AND NOT EXISTS (SELECT 1 FROM package_uploads u WHERE u.sha256 = b.sha256)"#,
        before
    )
    .fetch_one(connection)
    .await?;
    let due = Amount::of_columns(row.due, row.due_bytes);
    Ok((due, Amount::of_columns(row.all - row.due, row.all_bytes - row.due_bytes)))
}

/// Those of these digests that have no row.
pub async fn unknown(connection: &mut Connection, digests: &[Sha256]) -> Result<Vec<Sha256>, StoreError> {
    let digests: Vec<Vec<u8>> = digests.iter().map(|digest| digest.as_bytes().to_vec()).collect();
    let rows = sqlx::query_scalar!(
        r#"SELECT found.sha256 AS "sha256!" FROM unnest($1::bytea[]) AS found (sha256)
           WHERE NOT EXISTS (SELECT 1 FROM package_bytes b WHERE b.sha256 = found.sha256)"#,
        &digests
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|bytes| digest(bytes)).collect()
}

/// Gives an object whose row was lost a row again: it is then collected like any other, under its lock.
pub async fn adopt(
    connection: &mut Connection,
    sha256: Sha256,
    size: u64,
    since: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO package_bytes (sha256, size, unneeded_since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        sha256.as_bytes(),
        bytes(size),
        since
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether it is time to collect again: of many that ask after `before`, one is told so.
pub async fn begin_collection(
    connection: &mut Connection,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let begun = sqlx::query_scalar!(
        "INSERT INTO collections AS last (started_at) VALUES ($2)
         ON CONFLICT (only_row) DO UPDATE SET started_at = $2 WHERE last.started_at <= $1
         RETURNING started_at",
        before,
        now
    )
    .fetch_optional(connection)
    .await?;
    Ok(begun.is_some())
}

fn digest(bytes: &[u8]) -> Result<Sha256, StoreError> {
    Sha256::from_slice(bytes).ok_or_else(|| StoreError::Corrupt {
        table: "package_bytes",
        column: "sha256",
        id: String::new(),
    })
}
