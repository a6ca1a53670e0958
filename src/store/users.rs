//! People: find and create.

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
    row.map(|row| user(row.id, row.login, row.display_name, row.role)).transpose()
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

/// Makes a person of columns.
pub(super) fn user(id: UserId, login: String, display_name: String, role: Role) -> Result<User, StoreError> {
    let login = login.parse().map_err(|_| StoreError::Corrupt {
        table: "users",
        column: "login",
        id: id.to_string(),
    })?;
    Ok(User { id, login, display_name, role })
}
