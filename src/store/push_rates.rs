//! How often somebody lately pushed, counted for all replicas together: one row a subject, moved by one statement.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Connection, StoreError};

/// Counts a push of `subject`, of which `most` may come in any `period`, all at once if they like. `Some` is when it may
/// come again: the push was then not counted and must not be made. Of many at the same moment the first ones get through.
pub async fn count(
    connection: &mut Connection,
    subject: &str,
    most: u32,
    period: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let step = period / i32::try_from(most.max(1)).unwrap_or(i32::MAX);
    let seconds = step.as_seconds_f64();
    let counted = sqlx::query_scalar!(
        r#"INSERT INTO push_rates AS known (subject, due_at) VALUES ($1, $2::timestamptz + make_interval(secs => $3))
           ON CONFLICT (subject) DO UPDATE SET due_at = greatest(known.due_at, $2) + make_interval(secs => $3)
           WHERE greatest(known.due_at, $2) + make_interval(secs => $3) <= $4
           RETURNING due_at"#,
        subject,
        now,
        seconds,
        now + period
    )
    .fetch_optional(&mut *connection)
    .await?;
    if counted.is_some() {
        return Ok(None);
    }
    let due = sqlx::query_scalar!("SELECT due_at FROM push_rates WHERE subject = $1", subject)
        .fetch_optional(connection)
        .await?;
    Ok(Some(due.map_or(now, |due| due + step - period)))
}

/// Forgets everybody whose pushes are all paid for.
pub async fn forget_old(connection: &mut Connection, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM push_rates WHERE due_at < $1", now).execute(connection).await?;
    Ok(())
}
