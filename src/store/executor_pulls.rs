//! How often was what pulled? Counts by day, written in batches, and what Trending reads of them.

use chrono::{DateTime, Days, Utc};

use super::{Connection, StoreError};
use crate::domain::ExecutorId;

/// Trending looks at so many days, today included.
const DAYS: u64 = 7;
/// Counts are kept so long.
const KEPT_DAYS: u64 = 400;

/// Adds pulls to today's counts, and brings what Trending reads of these Executors up to date. Executors that are gone are
/// left out. Rows are taken in the order of their handles, so that processes that write at the same time wait for each other.
pub async fn add(
    connection: &mut Connection,
    pulls: &[(ExecutorId, i64)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut pulls: Vec<_> = pulls.to_vec();
    pulls.sort_unstable();
    let (ids, counts): (Vec<String>, Vec<i64>) = pulls.into_iter().map(|(id, n)| (id.into(), n)).unzip();
    let today = now.date_naive();
    sqlx::query!(
        "INSERT INTO executor_pulls (executor_id, day, pulls)
         SELECT e.id, $3, p.pulls FROM unnest($1::text[], $2::bigint[]) AS p (id, pulls)
         JOIN executors e ON e.id = p.id ORDER BY e.id
         ON CONFLICT (executor_id, day) DO UPDATE SET pulls = executor_pulls.pulls + excluded.pulls",
        &ids,
        &counts,
        today
    )
    .execute(&mut *connection)
    .await?;
    refresh(connection, &ids, today).await
}

/// Takes days that are over out of what Trending reads, and forgets counts that nobody reads any more. Cheap when there is
/// nothing to do.
pub async fn age(connection: &mut Connection, now: DateTime<Utc>) -> Result<(), StoreError> {
    let today = now.date_naive();
    // Whatever was pulled on a day that has left the window lately, however long no process was there to look.
    let left = today - Days::new(DAYS);
    let ids = sqlx::query_scalar!(
        "SELECT DISTINCT p.executor_id FROM executor_pulls p
         JOIN search_entries s ON s.executor_id = p.executor_id AND s.pulled > 0
         WHERE p.day BETWEEN $1::date - 60 AND $1 ORDER BY p.executor_id",
        left
    )
    .fetch_all(&mut *connection)
    .await?;
    for ids in ids.chunks(10_000) {
        refresh(connection, ids, today).await?;
    }
    sqlx::query!("DELETE FROM executor_pulls WHERE day < $1", today - Days::new(KEPT_DAYS))
        .execute(connection)
        .await?;
    Ok(())
}

/// Counts again what was pulled of these lately.
pub(super) async fn refresh(
    connection: &mut Connection,
    ids: &[String],
    today: chrono::NaiveDate,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE search_entries s SET pulled = n.pulled
         FROM (SELECT id, LEAST(COALESCE((SELECT sum(p.pulls) FROM executor_pulls p
                                          WHERE p.executor_id = id AND p.day > $2::date - $3::int), 0),
                                2000000000)::int AS pulled
               FROM unnest($1::text[]) AS id) n
         WHERE s.executor_id = n.id AND s.pulled <> n.pulled",
        ids,
        today,
        i32::try_from(DAYS).unwrap_or(7)
    )
    .execute(connection)
    .await?;
    Ok(())
}
