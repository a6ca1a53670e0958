//! Programs that wait for their person to sign in with a browser: start, look, decide, exchange.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, users};
use crate::domain::{
    UserId,
    digest::Sha256,
    user::{Role, User},
};

/// A program that starts to wait.
#[derive(Debug)]
pub struct NewDeviceSignIn<'a> {
    /// Hash of the word in the link that the browser opens.
    pub link: Sha256,
    /// Hashes of the code and the state that the waiting program gets, unless they are made at the decision.
    pub grant: Option<(Sha256, Sha256)>,
    /// Where the browser takes the code instead.
    pub return_to: Option<&'a str>,
    /// What the program says of itself.
    pub client: &'a str,
    /// Where it asks from.
    pub address: &'a str,
    /// When nobody may decide any more.
    pub expires_at: DateTime<Utc>,
}

/// Adds a program that waits.
pub async fn insert(
    connection: &mut Connection,
    new: NewDeviceSignIn<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (code, state) = new.grant.unzip();
    sqlx::query!(
        "INSERT INTO device_sign_ins (link_hash, code_hash, state_hash, return_to, client, address, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.link.as_bytes(),
        code.as_ref().map(Sha256::as_bytes),
        state.as_ref().map(Sha256::as_bytes),
        new.return_to,
        new.client,
        new.address,
        now,
        new.expires_at
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How many programs at an address wait for a decision.
pub async fn count_waiting(
    connection: &mut Connection,
    address: &str,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM device_sign_ins
           WHERE address = $1 AND decided_at IS NULL AND expires_at > $2"#,
        address,
        now
    )
    .fetch_one(connection)
    .await?)
}

/// A program that waits, as the person who decides sees it.
#[derive(Debug, Clone)]
pub struct DeviceSignIn {
    /// What it says of itself.
    pub client: String,
    /// Where it asks from.
    pub address: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Where the browser takes the code, if the program does not wait for it.
    pub return_to: Option<String>,
}

/// The program that waits behind a link; `None` when it is unknown, decided or waited too long.
pub async fn find_waiting(
    connection: &mut Connection,
    link: Sha256,
    now: DateTime<Utc>,
) -> Result<Option<DeviceSignIn>, StoreError> {
    Ok(sqlx::query_as!(
        DeviceSignIn,
        "SELECT client, address, created_at, return_to FROM device_sign_ins
         WHERE link_hash = $1 AND decided_at IS NULL AND expires_at > $2",
        link.as_bytes(),
        now
    )
    .fetch_optional(connection)
    .await?)
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    Waiting,
    /// Somebody let the program in.
    Allowed,
    /// Somebody refused it.
    Refused,
    /// Nobody decided in time.
    Expired,
}

/// What became of the program behind a link.
pub async fn outcome(
    connection: &mut Connection,
    link: Sha256,
    now: DateTime<Utc>,
) -> Result<Outcome, StoreError> {
    let row = sqlx::query!(
        r#"SELECT decided_at IS NOT NULL AS "is_decided!", user_id IS NOT NULL AS "is_allowed!", expires_at
           FROM device_sign_ins WHERE link_hash = $1"#,
        link.as_bytes()
    )
    .fetch_optional(connection)
    .await?;
    Ok(match row {
        Some(row) if row.is_allowed => Outcome::Allowed,
        Some(row) if row.is_decided => Outcome::Refused,
        Some(row) if row.expires_at > now => Outcome::Waiting,
        _ => Outcome::Expired,
    })
}

/// Lets the program in as `user`, or refuses it with `None`. `grant` are the hashes of a code and state made now, for
/// programs that do not wait for theirs. `false` when it is unknown, decided or waited too long: of two decisions, the
/// first counts.
pub async fn decide(
    connection: &mut Connection,
    link: Sha256,
    user: Option<UserId>,
    grant: Option<(Sha256, Sha256)>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let (code, state) = grant.unzip();
    let done = sqlx::query!(
        "UPDATE device_sign_ins SET decided_at = $2, user_id = $3,
             code_hash = coalesce(code_hash, $4), state_hash = coalesce(state_hash, $5)
         WHERE link_hash = $1 AND decided_at IS NULL AND expires_at > $2",
        link.as_bytes(),
        now,
        user as Option<UserId>,
        code.as_ref().map(Sha256::as_bytes),
        state.as_ref().map(Sha256::as_bytes)
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes the code, which is good once: whom it signs in, or `None`. Of many at the same moment one gets it.
pub async fn exchange(
    connection: &mut Connection,
    code: Sha256,
    state: Sha256,
    now: DateTime<Utc>,
) -> Result<Option<User>, StoreError> {
    let row = sqlx::query!(
        r#"UPDATE device_sign_ins d SET used_at = $3 FROM users u
           WHERE d.code_hash = $1 AND d.state_hash = $2 AND d.used_at IS NULL AND d.expires_at > $3
             AND u.id = d.user_id AND u.disabled_at IS NULL
           RETURNING u.id AS "id: UserId", u.login, u.display_name, u.role AS "role: Role""#,
        code.as_bytes(),
        state.as_bytes(),
        now
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| users::user(row.id, &row.login, row.display_name, row.role)).transpose()
}

/// Refuses every program that waits for a token of this person: those that were let in but have not come for it.
pub async fn withdraw(
    connection: &mut Connection,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE device_sign_ins SET expires_at = $2 WHERE user_id = $1 AND used_at IS NULL AND expires_at > $2",
        user as UserId,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets those that were over before `before`.
pub async fn forget_old(connection: &mut Connection, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let done =
        sqlx::query!("DELETE FROM device_sign_ins WHERE expires_at < $1", before).execute(connection).await?;
    Ok(done.rows_affected())
}
