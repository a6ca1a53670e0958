//! Teams and who belongs to them: create, rename, delete, add, remove, list.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::{
    TeamId, UserId,
    team::{Member, Team, TeamName, TeamRole},
};

fn team(id: TeamId, name: &str, created_at: DateTime<Utc>) -> Result<Team, StoreError> {
    let name = name.parse().map_err(|_| StoreError::Corrupt {
        table: "teams",
        column: "name",
        id: id.to_string(),
    })?;
    Ok(Team { id, name, created_at })
}

/// Adds a team; a name that is taken in any case is `StoreError::Conflict`.
pub async fn insert(connection: &mut Connection, team: &Team) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO teams (id, name, created_at) VALUES ($1, $2, $3)",
        team.id as TeamId,
        team.name.as_str(),
        team.created_at
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The team of this name, in whatever case.
pub async fn find(connection: &mut Connection, name: &TeamName) -> Result<Option<Team>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT id AS "id: TeamId", name, created_at FROM teams WHERE name_key = $1"#,
        name.key()
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| team(row.id, &row.name, row.created_at)).transpose()
}

/// The same, and its row is held until the transaction ends: changes of one team come one after the other.
pub async fn lock(connection: &mut Connection, name: &TeamName) -> Result<Option<Team>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT id AS "id: TeamId", name, created_at FROM teams WHERE name_key = $1 FOR UPDATE"#,
        name.key()
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| team(row.id, &row.name, row.created_at)).transpose()
}

/// Gives a team another name; `StoreError::Conflict` when it is taken.
pub async fn rename(connection: &mut Connection, id: TeamId, name: &TeamName) -> Result<(), StoreError> {
    sqlx::query!("UPDATE teams SET name = $2 WHERE id = $1", id as TeamId, name.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes a team, and with it what it was let into.
pub async fn delete(connection: &mut Connection, id: TeamId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM teams WHERE id = $1", id as TeamId).execute(connection).await?;
    Ok(())
}

/// What a person is in a team; `None` when they do not belong to it.
pub async fn role_of(
    connection: &mut Connection,
    id: TeamId,
    user: UserId,
) -> Result<Option<TeamRole>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT role AS "role: TeamRole" FROM team_members WHERE team_id = $1 AND user_id = $2"#,
        id as TeamId,
        user as UserId
    )
    .fetch_optional(connection)
    .await?)
}

/// Adds somebody, or gives them another role.
pub async fn put_member(
    connection: &mut Connection,
    id: TeamId,
    user: UserId,
    role: TeamRole,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO team_members (team_id, user_id, role, added_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (team_id, user_id) DO UPDATE SET role = excluded.role",
        id as TeamId,
        user as UserId,
        role as TeamRole,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes somebody; `false` when they did not belong to it.
pub async fn remove_member(
    connection: &mut Connection,
    id: TeamId,
    user: UserId,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM team_members WHERE team_id = $1 AND user_id = $2",
        id as TeamId,
        user as UserId
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// How many maintainers a team has.
pub async fn maintainers(connection: &mut Connection, id: TeamId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM team_members WHERE team_id = $1 AND role = 'maintainer'"#,
        id as TeamId
    )
    .fetch_one(connection)
    .await?)
}

/// Who belongs to a team, by login; at most 1000.
pub async fn members(connection: &mut Connection, id: TeamId) -> Result<Vec<Member>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT u.login, m.role AS "role: TeamRole", m.added_at
           FROM team_members m JOIN users u ON u.id = m.user_id
           WHERE m.team_id = $1 ORDER BY u.login_key LIMIT 1000"#,
        id as TeamId
    )
    .fetch_all(connection)
    .await?;
    let members = rows.into_iter().map(|row| {
        let login = row.login.parse().map_err(|_| StoreError::Corrupt {
            table: "users",
            column: "login",
            id: row.login.clone(),
        })?;
        Ok(Member { login, role: row.role, added_at: row.added_at })
    });
    members.collect()
}

/// The teams of a person, or all of them, whose name comes after `after`; by name.
pub async fn list(
    connection: &mut Connection,
    of: Option<UserId>,
    after: &str,
    limit: i64,
) -> Result<Vec<Team>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: TeamId", name, created_at FROM teams t
           WHERE name_key > lower($2) AND ($1::uuid IS NULL OR EXISTS (
               SELECT 1 FROM team_members m WHERE m.team_id = t.id AND m.user_id = $1))
           ORDER BY name_key LIMIT $3"#,
        of as Option<UserId>,
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| team(row.id, &row.name, row.created_at)).collect()
}
