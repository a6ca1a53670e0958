//! May bytes be deleted now? While somebody copies the bytes of the Hub, nobody deletes any: the one holds a lock of the
//! database alone, the others take it together for each deletion, and put that off when they do not get it. The lock dies
//! with the connection that holds it.

use super::{Connection, StoreError};

/// Any number that nobody else uses.
const LOCK: i64 = 0x6875_625f_6279_7465;

/// Waits until no deletion is under way and keeps new ones off until the connection is closed; `false` when another copy is
/// made just now. Before the first statement of the transaction that says what is needed.
pub async fn keep_bytes(connection: &mut Connection) -> Result<bool, StoreError> {
    // Deletions take half a minute at most; another copy takes long.
    sqlx::query!("SELECT set_config('lock_timeout', '60s', false)").fetch_one(&mut *connection).await?;
    match sqlx::query!("SELECT pg_advisory_lock($1)", LOCK).fetch_one(connection).await {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55P03") => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether bytes may be deleted until this transaction ends.
pub async fn may_delete(connection: &mut Connection) -> Result<bool, StoreError> {
    let may = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock_shared($1) AS "may!""#, LOCK)
        .fetch_one(connection)
        .await?;
    Ok(may)
}

/// Whether the connection, and with it the lock, is still there.
pub async fn is_kept(connection: &mut Connection) -> Result<bool, StoreError> {
    let held = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
               AND mode = 'ExclusiveLock' AND (classid::bigint << 32) | objid::bigint = $1) AS "held!""#,
        LOCK
    )
    .fetch_one(connection)
    .await?;
    Ok(held)
}
