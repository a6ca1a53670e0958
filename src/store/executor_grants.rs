//! Whom owners let in: grant, revoke, list, and how far somebody is let in right now.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::{
    AccessLevel, ExecutorId, TeamId, UserId,
    access::{Grant, Grantee},
};

/// Whom a row speaks of.
#[derive(Debug, Clone, Copy)]
pub enum To {
    /// A person.
    User(UserId),
    /// A team.
    Team(TeamId),
}

impl To {
    fn columns(self) -> (Option<UserId>, Option<TeamId>) {
        match self {
            Self::User(id) => (Some(id), None),
            Self::Team(id) => (None, Some(id)),
        }
    }
}

/// How far a person is let into an Executor, by themselves or through their teams, as it is at this moment. Takes the
/// same work whether there is such an Executor or not.
pub async fn level_of(
    connection: &mut Connection,
    executor: Option<&ExecutorId>,
    user: UserId,
) -> Result<Option<AccessLevel>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT level AS "level!: AccessLevel" FROM executor_access WHERE executor_id = $1 AND user_id = $2
           ORDER BY array_position(ARRAY['admin', 'write', 'read'], level) LIMIT 1"#,
        executor.map_or("", ExecutorId::as_str),
        user as UserId
    )
    .fetch_optional(connection)
    .await?)
}

/// Lets somebody in, or further in or out than before.
pub async fn put(
    connection: &mut Connection,
    executor: &ExecutorId,
    to: To,
    level: AccessLevel,
    by: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (user, team) = to.columns();
    revoke(connection, executor, to).await?;
    sqlx::query!(
        "INSERT INTO executor_grants (executor_id, user_id, team_id, level, granted_at, granted_by)
         VALUES ($1, $2, $3, $4, $5, $6)",
        executor as &ExecutorId,
        user as Option<UserId>,
        team as Option<TeamId>,
        level as AccessLevel,
        now,
        by as Option<UserId>
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Shuts somebody out; `false` when they were not let in.
pub async fn revoke(connection: &mut Connection, executor: &ExecutorId, to: To) -> Result<bool, StoreError> {
    let (user, team) = to.columns();
    let done = sqlx::query!(
        "DELETE FROM executor_grants WHERE executor_id = $1 AND (user_id = $2 OR team_id = $3)",
        executor as &ExecutorId,
        user as Option<UserId>,
        team as Option<TeamId>
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Everybody who was let in, teams first; at most 1000.
pub async fn list(connection: &mut Connection, executor: &ExecutorId) -> Result<Vec<Grant>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT g.level AS "level: AccessLevel", g.granted_at, u.login AS "login?", t.name AS "team?",
                  b.login AS "granted_by?"
           FROM executor_grants g
           LEFT JOIN users u ON u.id = g.user_id
           LEFT JOIN teams t ON t.id = g.team_id
           LEFT JOIN users b ON b.id = g.granted_by
           WHERE g.executor_id = $1 ORDER BY t.name_key NULLS LAST, u.login_key LIMIT 1000"#,
        executor as &ExecutorId
    )
    .fetch_all(connection)
    .await?;
    let corrupt = |column| StoreError::Corrupt { table: "executor_grants", column, id: executor.to_string() };
    let grants = rows.into_iter().map(|row| {
        let to = match (row.login, row.team) {
            (Some(login), None) => login.parse().map(Grantee::Person).map_err(|_| corrupt("user_id"))?,
            (None, Some(name)) => name.parse().map(Grantee::Team).map_err(|_| corrupt("team_id"))?,
            _ => return Err(corrupt("user_id")),
        };
        let granted_by = row.granted_by.map(|login| login.parse()).transpose();
        let granted_by = granted_by.map_err(|_| corrupt("granted_by"))?;
        Ok(Grant { to, level: row.level, granted_at: row.granted_at, granted_by })
    });
    grants.collect()
}
