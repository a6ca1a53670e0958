//! The code that makes the first admin: offer, take, withdraw.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::digest::Sha256;

/// Offers a code, unless one is good still; `false` then. Of several processes that start at once, one offers.
pub async fn offer(
    connection: &mut Connection,
    hash: Sha256,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO setup_code AS known (hash, expires_at) VALUES ($1, $2)
         ON CONFLICT (only_row) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at
         WHERE known.expires_at <= $3",
        hash.as_bytes(),
        expires_at,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Uses the code up; `false` when this is not it, or it is over.
pub async fn take(connection: &mut Connection, hash: Sha256, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let done =
        sqlx::query!("DELETE FROM setup_code WHERE hash = $1 AND expires_at > $2", hash.as_bytes(), now)
            .execute(connection)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Withdraws the code.
pub async fn withdraw(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM setup_code").execute(connection).await?;
    Ok(())
}
