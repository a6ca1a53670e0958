//! Do the records agree with each other where no constraint can say so? Each rule is one statement that finds the rows that
//! break it; what is made from other tables can be made again.

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream::BoxStream};

use super::{Connection, StoreError};

/// A rule, and how rows that break it are found.
#[derive(Debug, Clone, Copy)]
pub struct RecordRule {
    /// A stable name.
    pub code: &'static str,
    /// What is wrong with a row that is found.
    pub says: &'static str,
    /// Whether [`rewrite_search_entries`] or [`recount_artifacts`] makes it right.
    pub repair: Option<Repair>,
    /// Gives one text for each row: which it is.
    sql: &'static str,
}

/// What makes a broken rule right again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Search entries are made from Executors.
    SearchEntries,
    /// What people store is counted again.
    ArtifactUsage,
}

/// All of them. A deleted Executor's tags are left alone: they come back with it.
pub const RULES: &[RecordRule] = &[
    RecordRule {
        code: "tag_without_usable_commit",
        says: "points at a commit that cannot be pulled",
        repair: None,
        sql: "SELECT t.executor_id || ':' || t.name FROM tags t JOIN commits c ON c.id = t.commit_id
              WHERE c.usable_at IS NULL OR c.deleted_at IS NOT NULL",
    },
    RecordRule {
        code: "tag_history_disagrees",
        says: "points elsewhere than its history says",
        repair: None,
        sql: "SELECT t.executor_id || ':' || t.name FROM tags t LEFT JOIN LATERAL (
                  SELECT to_commit FROM tag_history h WHERE h.executor_id = t.executor_id AND h.name = t.name
                  ORDER BY number DESC LIMIT 1) last ON true
              WHERE last.to_commit IS DISTINCT FROM t.commit_id",
    },
    RecordRule {
        code: "protected_tag_moved",
        says: "was protected and moved after that",
        repair: None,
        sql: "SELECT DISTINCT executor_id || ':' || name FROM (
                  SELECT executor_id, name, change,
                         lag(protected) OVER (PARTITION BY executor_id, name ORDER BY number) AS was_protected
                  FROM tag_history) steps
              WHERE was_protected AND change IN ('moved', 'deleted')",
    },
    RecordRule {
        code: "search_entry_missing",
        says: "is in no list and no search",
        repair: Some(Repair::SearchEntries),
        sql: "SELECT id FROM executors e WHERE last_pushed_at IS NOT NULL AND discarded_at IS NULL
              AND NOT EXISTS (SELECT FROM search_entries s WHERE s.executor_id = e.id)",
    },
    RecordRule {
        code: "search_entry_wrong",
        says: "is listed otherwise than it is",
        repair: Some(Repair::SearchEntries),
        sql: "SELECT e.id FROM executors e JOIN search_entries s ON s.executor_id = e.id
              WHERE e.last_pushed_at IS NULL OR e.discarded_at IS NOT NULL OR s.owner_id IS DISTINCT FROM e.owner_id
                 OR s.is_public <> (e.visibility = 'public') OR s.name_key <> coalesce(e.name_key, e.id)
                 OR s.pushed_at <> e.last_pushed_at",
    },
    RecordRule {
        code: "artifact_usage_wrong",
        says: "has another number or amount of artifacts than is counted",
        repair: Some(Repair::ArtifactUsage),
        sql: "SELECT u.login FROM users u LEFT JOIN artifact_usage counted ON counted.owner_id = u.id
              LEFT JOIN (SELECT owner_id, count(*) AS artifacts, sum(size) AS bytes FROM artifacts GROUP BY owner_id) is_so
                  ON is_so.owner_id = u.id
              WHERE coalesce(counted.artifacts, 0) <> coalesce(is_so.artifacts, 0)
                 OR coalesce(counted.bytes, 0) <> coalesce(is_so.bytes, 0)",
    },
    RecordRule {
        code: "artifact_size_wrong",
        says: "says another size than its bytes have",
        repair: None,
        sql: "SELECT a.id::text FROM artifacts a JOIN artifact_bytes b USING (sha256) WHERE a.size <> b.size",
    },
    RecordRule {
        code: "events_have_a_gap",
        says: "has a story with events missing",
        repair: None,
        sql: "SELECT t.id::text FROM tasks t
              LEFT JOIN (SELECT task_id, count(*) AS events, max(number) AS last FROM task_events GROUP BY task_id) e
                  ON e.task_id = t.id
              WHERE t.sealed_at IS NULL AND (coalesce(e.events, 0) <> t.last_event OR coalesce(e.last, 0) <> t.last_event)",
    },
    RecordRule {
        code: "story_lost",
        says: "was sealed and has no sealed story",
        repair: None,
        sql: "SELECT t.id::text FROM tasks t WHERE t.sealed_at IS NOT NULL
              AND NOT EXISTS (SELECT FROM task_logs l WHERE l.task_id = t.id)",
    },
    RecordRule {
        code: "commit_never_ends",
        says: "cannot be pulled, and no task will change that",
        repair: None,
        sql: "SELECT c.id::text FROM commits c WHERE c.usable_at IS NULL AND c.deleted_at IS NULL
              AND NOT EXISTS (SELECT FROM tasks t WHERE t.commit_id = c.id)",
    },
];

/// The rows that break a rule, as they are found.
pub fn broken<'c>(
    connection: &'c mut Connection,
    rule: &RecordRule,
) -> BoxStream<'c, Result<String, StoreError>> {
    sqlx::query_scalar::<_, String>(rule.sql)
        .fetch(connection)
        .map(|row| row.map_err(StoreError::from))
        .boxed()
}

/// Makes the entries of the next Executors after `after` again, at most `limit`, with what was pulled of them lately; gives
/// the last one, or `None` when there are no more.
pub async fn rewrite_search_entries(
    connection: &mut Connection,
    after: &str,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    let ids =
        sqlx::query_scalar!("SELECT id FROM executors WHERE id > $1 ORDER BY id LIMIT $2", after, limit)
            .fetch_all(&mut *connection)
            .await?;
    sqlx::query!(
        "DELETE FROM search_entries s USING executors e WHERE e.id = s.executor_id AND e.id = ANY($1)
           AND (e.last_pushed_at IS NULL OR e.discarded_at IS NOT NULL)",
        &ids
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("SELECT search_entries_write($1)", &ids).fetch_one(&mut *connection).await?;
    super::executor_pulls::refresh(connection, &ids, now.date_naive()).await?;
    Ok(ids.into_iter().next_back())
}

/// Counts again what each person stores.
pub async fn recount_artifacts(connection: &mut Connection) -> Result<(), StoreError> {
    // Nobody's artifacts change meanwhile, so that no change is counted twice or never.
    sqlx::query!("LOCK TABLE artifacts IN SHARE MODE").execute(&mut *connection).await?;
    sqlx::query!(
        "INSERT INTO artifact_usage AS u (owner_id, artifacts, bytes)
         SELECT users.id, count(a.id), coalesce(sum(a.size), 0)
         FROM users LEFT JOIN artifacts a ON a.owner_id = users.id GROUP BY users.id
         ON CONFLICT (owner_id) DO UPDATE SET artifacts = EXCLUDED.artifacts, bytes = EXCLUDED.bytes
         WHERE (u.artifacts, u.bytes) IS DISTINCT FROM (EXCLUDED.artifacts, EXCLUDED.bytes)"
    )
    .execute(connection)
    .await?;
    Ok(())
}
