//! Who tried to sign in how often lately? Counted per subject, an account or an address, shared by all replicas.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Connection, StoreError};

/// How attempts are held back.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Attempts before the first wait.
    pub free: i32,
    /// The longest wait.
    pub longest: TimeDelta,
}

impl Limit {
    /// How long after its last attempt a subject starts afresh: well beyond the longest wait, or waiting would pay.
    fn memory(self) -> TimeDelta {
        (self.longest * 2).max(TimeDelta::minutes(10))
    }
}

/// Counts an attempt. `Some` is when the subject may try again; the attempt was then not counted and must not be made.
/// One statement counts and blocks, so of many at the same moment only the first ones get through.
pub async fn count(
    connection: &mut Connection,
    subject: &str,
    limit: Limit,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let longest = limit.longest.as_seconds_f64();
    let counted = sqlx::query_scalar!(
        r#"INSERT INTO sign_in_attempts AS known (subject, attempts, last_at, blocked_until)
           VALUES ($1, 1, $2, $2)
           ON CONFLICT (subject) DO UPDATE SET
               attempts = CASE WHEN known.last_at < $3 THEN 1 ELSE known.attempts + 1 END,
               last_at = $2,
               blocked_until = CASE
                   WHEN known.last_at < $3 OR known.attempts < $4 THEN $2
                   ELSE $2 + make_interval(secs => least($5, power(2, least(known.attempts - $4 + 1, 30))))
               END
           WHERE known.blocked_until <= $2
           RETURNING attempts"#,
        subject,
        now,
        now - limit.memory(),
        limit.free,
        longest
    )
    .fetch_optional(&mut *connection)
    .await?;
    if counted.is_some() {
        return Ok(None);
    }
    let until = sqlx::query_scalar!("SELECT blocked_until FROM sign_in_attempts WHERE subject = $1", subject)
        .fetch_optional(connection)
        .await?;
    Ok(Some(until.unwrap_or(now)))
}

/// Forgets a subject's attempts.
pub async fn forget(connection: &mut Connection, subject: &str) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM sign_in_attempts WHERE subject = $1", subject).execute(connection).await?;
    Ok(())
}

/// Takes back one attempt, which turned out to be good, and the wait that it caused.
pub async fn take_back(
    connection: &mut Connection,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE sign_in_attempts SET attempts = greatest(attempts - 1, 0), blocked_until = $2 WHERE subject = $1",
        subject,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets everybody who tried last before `before`.
pub async fn forget_old(connection: &mut Connection, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let done =
        sqlx::query!("DELETE FROM sign_in_attempts WHERE last_at < $1", before).execute(connection).await?;
    Ok(done.rows_affected())
}
