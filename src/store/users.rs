//! People: find, create, list, disable; and their passwords.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};
use crate::domain::{
    Login, UserId,
    user::{Role, User},
};

/// The person with this login, in whatever case; `None` when there is none or they are disabled.
pub async fn find_by_login(connection: &mut Connection, login: &Login) -> Result<Option<User>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT id AS "id: UserId", login, display_name, role AS "role: Role"
           FROM users WHERE login_key = $1 AND disabled_at IS NULL"#,
        login.key()
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| user(row.id, &row.login, row.display_name, row.role)).transpose()
}

/// Adds a person; a login that is taken in any case is `StoreError::Conflict`.
pub async fn insert(connection: &mut Connection, user: &User, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO users (id, login, display_name, role, created_at) VALUES ($1, $2, $3, $4, $5)",
        user.id as UserId,
        user.login.as_str(),
        user.display_name,
        user.role as Role,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds a person if they are the first; `false` when somebody is there.
pub async fn insert_first(
    connection: &mut Connection,
    user: &User,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO users (id, login, display_name, role, created_at)
         SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT FROM users)",
        user.id as UserId,
        user.login.as_str(),
        user.display_name,
        user.role as Role,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The login of a person, disabled or not.
pub async fn login_of(connection: &mut Connection, id: UserId) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar!("SELECT login FROM users WHERE id = $1", id as UserId)
        .fetch_optional(connection)
        .await?)
}

/// Whether there is anybody, disabled or not.
pub async fn exist(connection: &mut Connection) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users) AS "exist!""#).fetch_one(connection).await?)
}

/// The person with this login and the hash of their password, if they have one; `None` as for [`find_by_login`].
pub async fn find_with_password(
    connection: &mut Connection,
    login: &Login,
) -> Result<Option<(User, Option<String>)>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT id AS "id: UserId", login, display_name, role AS "role: Role", password_hash
           FROM users WHERE login_key = $1 AND disabled_at IS NULL"#,
        login.key()
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok((user(row.id, &row.login, row.display_name, row.role)?, row.password_hash))).transpose()
}

/// Gives a person another password.
pub async fn set_password(connection: &mut Connection, id: UserId, hash: &str) -> Result<(), StoreError> {
    sqlx::query!("UPDATE users SET password_hash = $2 WHERE id = $1", id as UserId, hash)
        .execute(connection)
        .await?;
    Ok(())
}

/// Disables a person, or lets them in again with `None`; their id, or `None` when there is nobody of that login.
pub async fn set_disabled(
    connection: &mut Connection,
    login: &Login,
    since: Option<DateTime<Utc>>,
) -> Result<Option<UserId>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"UPDATE users SET disabled_at = $2 WHERE login_key = $1 RETURNING id AS "id: UserId""#,
        login.key(),
        since
    )
    .fetch_optional(connection)
    .await?)
}

/// A person as an operator sees them.
#[derive(Debug, Clone)]
pub struct Account {
    /// Who.
    pub user: User,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Since when they may not sign in any more.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Whether they can sign in with a password.
    pub has_password: bool,
}

/// At most `limit` people whose login comes after `after` in the order of logins.
pub async fn list(connection: &mut Connection, after: &str, limit: i64) -> Result<Vec<Account>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: UserId", login, display_name, role AS "role: Role", created_at, disabled_at,
                  password_hash IS NOT NULL AS "has_password!"
           FROM users WHERE login_key > lower($1) ORDER BY login_key LIMIT $2"#,
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    let accounts = rows.into_iter().map(|row| {
        Ok(Account {
            user: user(row.id, &row.login, row.display_name, row.role)?,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
            has_password: row.has_password,
        })
    });
    accounts.collect()
}

/// Makes a person of columns.
pub(super) fn user(id: UserId, login: &str, display_name: String, role: Role) -> Result<User, StoreError> {
    let login = login.parse().map_err(|_| StoreError::Corrupt {
        table: "users",
        column: "login",
        id: id.to_string(),
    })?;
    Ok(User { id, login, display_name, role })
}
