//! Which waiting tasks are before this one, and how long will it be? Read from the order in which tasks are claimed.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Connection, StoreError};
use crate::domain::TaskId;

/// Builds that the usual length of a build is taken from.
const RECENT_BUILDS: i64 = 20;

/// When the next waiting task is due; `None` when none waits.
pub async fn next_due(connection: &mut Connection) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar!("SELECT run_after FROM tasks WHERE state = 'pending' ORDER BY run_after LIMIT 1")
        .fetch_optional(connection)
        .await?)
}

/// Where a waiting task stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Waiting tasks that are taken before it; counting ends at 1,000.
    pub ahead: i64,
    /// Tasks that are built now.
    pub running: i64,
    /// Builds at once of all workers that were seen lately and take tasks.
    pub slots: i64,
    /// When it is due: later than now when a fault made it wait.
    pub run_after: DateTime<Utc>,
    /// What a build took on average, of the last few that worked; `None` when there was none.
    pub usual: Option<TimeDelta>,
}

/// Where a task stands; `None` when it does not wait. Workers silent since `since` do not count.
pub async fn standing(
    connection: &mut Connection,
    id: TaskId,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Standing>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT mine.run_after,
                  (SELECT count(*) FROM (SELECT 1 FROM tasks other
                                         WHERE other.state = 'pending'
                                           AND (other.turn, other.created_at) < (mine.turn, mine.created_at)
                                         LIMIT 1000) AS before) AS "ahead!",
                  (SELECT count(*) FROM tasks WHERE state = 'running') AS "running!",
                  (SELECT COALESCE(sum(slots), 0) FROM workers
                   WHERE seen_at >= $2 AND engine IS NOT NULL AND NOT is_draining
                     AND (paused_until IS NULL OR paused_until <= $3)) AS "slots!",
                  (SELECT avg(extract(epoch FROM finished_at - started_at))::float8
                   FROM (SELECT finished_at, started_at FROM tasks WHERE state = 'succeeded' AND started_at IS NOT NULL
                         ORDER BY finished_at DESC LIMIT $4) AS recent) AS usual
           FROM tasks mine WHERE mine.id = $1 AND mine.state = 'pending'"#,
        id as TaskId,
        since,
        now,
        RECENT_BUILDS
    )
    .fetch_optional(connection)
    .await?;
    #[expect(clippy::cast_possible_truncation, reason = "a build takes less than 292 million years")]
    Ok(row.map(|row| Standing {
        ahead: row.ahead,
        running: row.running,
        slots: row.slots,
        run_after: row.run_after,
        usual: row.usual.map(|seconds| TimeDelta::milliseconds((seconds * 1000.0) as i64)),
    }))
}
