//! The switch that keeps workers from taking tasks: set, clear, read, with its reason.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};

/// Why nothing is built at the moment.
#[derive(Debug, Clone)]
pub struct Pause {
    /// For people.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When workers try again by themselves; `None` waits for an operator.
    pub until: Option<DateTime<Utc>>,
}

/// Pauses the queue. One that an operator paused for good stays as it is.
pub async fn set(connection: &mut Connection, pause: &Pause) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO queue_pause (reason, since, until_time) VALUES ($1, $2, $3)
         ON CONFLICT (only_row) DO UPDATE SET reason = excluded.reason, until_time = excluded.until_time
         WHERE queue_pause.until_time IS NOT NULL",
        pause.reason,
        pause.since,
        pause.until
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets workers go on, if the pause was one that ends by itself.
pub async fn clear_automatic(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM queue_pause WHERE until_time IS NOT NULL").execute(connection).await?;
    Ok(())
}

/// The pause that holds at `now`.
pub async fn current(connection: &mut Connection, now: DateTime<Utc>) -> Result<Option<Pause>, StoreError> {
    Ok(sqlx::query_as!(
        Pause,
        "SELECT reason, since, until_time AS until FROM queue_pause WHERE until_time IS NULL OR until_time > $1",
        now
    )
    .fetch_optional(connection)
    .await?)
}

/// Pauses the queue until an operator ends the pause, whatever pause there was.
pub async fn set_by_operator(connection: &mut Connection, pause: &Pause) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO queue_pause (reason, since, until_time) VALUES ($1, $2, NULL)
         ON CONFLICT (only_row) DO UPDATE SET reason = excluded.reason, since = excluded.since, until_time = NULL",
        pause.reason,
        pause.since
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends whatever pause there is.
pub async fn clear(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM queue_pause").execute(connection).await?;
    Ok(())
}
