//! Which bytes of images may lie in the object store, and what still needs them: a row for each digest from before its
//! bytes come until after they are gone. Whoever links bytes holds that row first; whoever deletes them holds its lock.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, commits::bytes, package_bytes::Amount};
use crate::domain::{ImageUploadId, digest::Sha256};

/// Notes that these bytes are about to be stored: nobody collects them until [`release`]. Waits for whoever is deleting
/// them just now, so that the bytes are stored after that.
pub async fn hold(
    connection: &mut Connection,
    arrival: ImageUploadId,
    sha256: Sha256,
    size: u64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // An update, and not DO NOTHING: only that waits for the row's lock.
    sqlx::query!(
        "INSERT INTO image_bytes (sha256, size) VALUES ($1, $2)
         ON CONFLICT (sha256) DO UPDATE SET size = EXCLUDED.size, unneeded_since = NULL",
        sha256.as_bytes(),
        bytes(size)
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO image_arrivals (id, sha256, started_at) VALUES ($1, $2, $3)",
        arrival as ImageUploadId,
        sha256.as_bytes(),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that an arrival is over; from here on only links keep its bytes.
pub async fn release(connection: &mut Connection, arrival: ImageUploadId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM image_arrivals WHERE id = $1", arrival as ImageUploadId)
        .execute(connection)
        .await?;
    Ok(())
}

/// Releases arrivals that began before `before`: a crash ended them.
pub async fn release_abandoned(connection: &mut Connection, before: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM image_arrivals WHERE started_at < $1", before).execute(connection).await?;
    Ok(())
}

/// What an unpacked layer became when it was compressed, if that is still kept. Under the row's lock until the transaction
/// ends, so that whoever links the bytes now still finds them.
pub async fn of_layer(
    connection: &mut Connection,
    diff_id: Sha256,
) -> Result<Option<(Sha256, u64)>, StoreError> {
    let row = sqlx::query!(
        "SELECT b.sha256, b.size FROM image_layers l JOIN image_bytes b ON b.sha256 = l.sha256
         WHERE l.diff_id = $1 FOR KEY SHARE OF b",
        diff_id.as_bytes()
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok((digest(&row.sha256)?, u64::try_from(row.size).unwrap_or(0)))).transpose()
}

/// Notes what an unpacked layer became. What is known already stays as it is.
pub async fn remember_layer(
    connection: &mut Connection,
    diff_id: Sha256,
    sha256: Sha256,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO image_layers (diff_id, sha256)
         SELECT $1, sha256 FROM image_bytes WHERE sha256 = $2 ON CONFLICT (diff_id) DO NOTHING",
        diff_id.as_bytes(),
        sha256.as_bytes()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes which bytes nothing needs (any more), and which something needs again.
pub async fn look(connection: &mut Connection, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE image_bytes b SET unneeded_since = $1
         WHERE unneeded_since IS NULL
           AND NOT EXISTS (SELECT 1 FROM image_blobs l WHERE l.sha256 = b.sha256)
           AND NOT EXISTS (SELECT 1 FROM image_arrivals a WHERE a.sha256 = b.sha256)",
        now
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE image_bytes b SET unneeded_since = NULL
         WHERE unneeded_since IS NOT NULL
           AND (EXISTS (SELECT 1 FROM image_blobs l WHERE l.sha256 = b.sha256)
                OR EXISTS (SELECT 1 FROM image_arrivals a WHERE a.sha256 = b.sha256))"
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
        "SELECT sha256 FROM image_bytes WHERE unneeded_since <= $1 AND sha256 > $2 ORDER BY sha256 LIMIT $3",
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
        "SELECT size FROM image_bytes WHERE sha256 = $1 AND unneeded_since <= $2 FOR UPDATE",
        sha256.as_bytes(),
        before
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(size) = size else { return Ok(None) };
    // A statement of its own: it sees what was committed while the lock was awaited.
    let needed = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM image_blobs WHERE sha256 = $1)
               OR EXISTS (SELECT 1 FROM image_arrivals WHERE sha256 = $1) AS "needed!""#,
        sha256.as_bytes()
    )
    .fetch_one(connection)
    .await?;
    Ok((!needed).then_some(u64::try_from(size).unwrap_or(0)))
}

/// Forgets bytes that are gone; only under the lock.
pub async fn forget(connection: &mut Connection, sha256: Sha256) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM image_bytes WHERE sha256 = $1", sha256.as_bytes()).execute(connection).await?;
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
           FROM image_bytes b
           WHERE NOT EXISTS (SELECT 1 FROM image_blobs l WHERE l.sha256 = b.sha256)
             AND NOT EXISTS (SELECT 1 FROM image_arrivals a WHERE a.sha256 = b.sha256)"#,
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
           WHERE NOT EXISTS (SELECT 1 FROM image_bytes b WHERE b.sha256 = found.sha256)"#,
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
        "INSERT INTO image_bytes (sha256, size, unneeded_since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        sha256.as_bytes(),
        bytes(size),
        since
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) fn digest(bytes: &[u8]) -> Result<Sha256, StoreError> {
    Sha256::from_slice(bytes).ok_or_else(|| StoreError::Corrupt {
        table: "image_bytes",
        column: "sha256",
        id: String::new(),
    })
}
