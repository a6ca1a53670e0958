//! Links with which a person chooses a password: make, look, take.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, users};
use crate::domain::{
    UserId,
    digest::Sha256,
    user::{Role, User},
};

/// Adds an invitation; those that the person had before end.
pub async fn replace(
    connection: &mut Connection,
    hash: Sha256,
    user: UserId,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    withdraw(connection, user).await?;
    sqlx::query!(
        "INSERT INTO invitations (hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        hash.as_bytes(),
        user as UserId,
        now,
        expires_at
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the invitations of a person.
pub async fn withdraw(connection: &mut Connection, user: UserId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM invitations WHERE user_id = $1", user as UserId).execute(connection).await?;
    Ok(())
}

/// Who is invited; `None` when the invitation is unknown, used, over, or its person disabled.
pub async fn find(
    connection: &mut Connection,
    hash: Sha256,
    now: DateTime<Utc>,
) -> Result<Option<User>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT u.id AS "id: UserId", u.login, u.display_name, u.role AS "role: Role"
           FROM invitations i JOIN users u ON u.id = i.user_id
           WHERE i.hash = $1 AND i.expires_at > $2 AND u.disabled_at IS NULL"#,
        hash.as_bytes(),
        now
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| users::user(row.id, &row.login, row.display_name, row.role)).transpose()
}

/// Uses the invitation up: whose it was, or `None` as for [`find`]. Of many at the same moment one gets it.
pub async fn take(
    connection: &mut Connection,
    hash: Sha256,
    now: DateTime<Utc>,
) -> Result<Option<User>, StoreError> {
    let row = sqlx::query!(
        r#"DELETE FROM invitations i USING users u
           WHERE i.hash = $1 AND i.expires_at > $2 AND u.id = i.user_id AND u.disabled_at IS NULL
           RETURNING u.id AS "id: UserId", u.login, u.display_name, u.role AS "role: Role""#,
        hash.as_bytes(),
        now
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| users::user(row.id, &row.login, row.display_name, row.role)).transpose()
}

/// Forgets those that were over before `before`.
pub async fn forget_old(connection: &mut Connection, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let done =
        sqlx::query!("DELETE FROM invitations WHERE expires_at < $1", before).execute(connection).await?;
    Ok(done.rows_affected())
}
