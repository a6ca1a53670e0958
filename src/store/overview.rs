//! What people who look after many Executors see at once: failures of late, and what things are called.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::{ExecutorId, TaskId, UserId, task::Failure};

/// A build that failed.
#[derive(Debug, Clone)]
pub struct FailedRow {
    /// The build.
    pub task: TaskId,
    /// What its Executor is called.
    pub title: String,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
}

/// Builds that failed since `since`, the last first, of Executors that are a person's own or that they were let into. `only`
/// leaves out all others.
pub async fn failed(
    connection: &mut Connection,
    person: UserId,
    only: Option<&[ExecutorId]>,
    since: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<FailedRow>, StoreError> {
    let only: Option<Vec<String>> = only.map(|ids| ids.iter().map(ToString::to_string).collect());
    let rows = sqlx::query!(
        r#"SELECT t.id AS "id: TaskId", t.failure AS "failure: sqlx::types::Json<Failure>",
                  t.finished_at AS "finished_at!", e.id AS "executor: ExecutorId", e.name, u.login AS "login?"
           FROM tasks t JOIN executors e ON e.id = t.executor_id LEFT JOIN users u ON u.id = e.owner_id
           WHERE t.state = 'failed' AND t.finished_at >= $2 AND e.deleted_at IS NULL
             AND ($3::text[] IS NULL OR e.id = ANY($3))
             AND (e.owner_id = $1
                  OR EXISTS (SELECT 1 FROM executor_access a WHERE a.executor_id = e.id AND a.user_id = $1))
           ORDER BY t.finished_at DESC, t.id DESC LIMIT $4"#,
        person as UserId,
        since,
        only.as_deref(),
        limit
    )
    .fetch_all(connection)
    .await?;
    let failed = rows.into_iter().map(|row| FailedRow {
        task: row.id,
        title: title(&row.executor, row.name, row.login),
        failure: row.failure.map(|failure| failure.0),
        finished_at: row.finished_at,
    });
    Ok(failed.collect())
}

/// What Executors are called, whoever may see them.
pub async fn titles(
    connection: &mut Connection,
    ids: &[ExecutorId],
) -> Result<Vec<(ExecutorId, String)>, StoreError> {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let rows = sqlx::query!(
        r#"SELECT e.id AS "id!: ExecutorId", e.name, u.login AS "login?"
           FROM executors e LEFT JOIN users u ON u.id = e.owner_id WHERE e.id = ANY($1)"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), title(&row.id, row.name, row.login))).collect())
}

fn title(id: &ExecutorId, name: Option<String>, login: Option<String>) -> String {
    match (login, name) {
        (Some(login), Some(name)) => format!("{login}/{name}"),
        (None, Some(name)) => name,
        (_, None) => id.to_string(),
    }
}
