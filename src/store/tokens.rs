//! Access tokens, by their hash: create, find, list, revoke.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Connection, StoreError, users};
use crate::domain::{
    ExecutorId, TokenId, UserId,
    digest::Sha256,
    power::{Power, Scope},
    user::{Role, User},
};

/// Session tokens end with a sign-out; personal ones are named, listed and deleted by their owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum TokenKind {
    /// From a sign-in.
    Session,
    /// A personal access token.
    Personal,
}

impl TokenKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Personal => "personal",
        }
    }
}

/// A token to add; its text is known to nobody but its owner.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// Its row.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// What its owner calls it.
    pub name: &'a str,
    /// Which kind.
    pub kind: TokenKind,
    /// SHA-256 of its text.
    pub hash: Sha256,
    /// When it stops working; `None` means never.
    pub expires_at: Option<DateTime<Utc>>,
    /// How far it reaches.
    pub power: Power,
}

/// Adds a token; a name that a live personal token of the same person has is `StoreError::Conflict`.
pub async fn insert(
    connection: &mut Connection,
    token: NewToken<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let executors: Option<Vec<String>> =
        token.power.executors.map(|named| named.into_iter().map(String::from).collect());
    sqlx::query!(
        "INSERT INTO tokens (id, user_id, name, kind, hash, created_at, expires_at, scope, executor_ids)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        token.id as TokenId,
        token.user as UserId,
        token.name,
        token.kind as TokenKind,
        token.hash.as_bytes(),
        now,
        token.expires_at,
        token.power.scope as Scope,
        executors.as_deref()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A live token, by its text.
#[derive(Debug)]
pub struct FoundToken {
    /// Its row.
    pub token: TokenId,
    /// Whose it is.
    pub user: User,
    /// How far it reaches.
    pub power: Power,
}

/// Whose live token has this hash; `None` when it is unknown, expired, revoked, or its owner is disabled. Notes the
/// use at most once a minute, so that reading stays reading.
pub async fn find_user(
    connection: &mut Connection,
    hash: Sha256,
    now: DateTime<Utc>,
) -> Result<Option<FoundToken>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT t.id AS "token: TokenId", t.last_used_at, t.scope AS "scope: Scope", t.executor_ids, u.id AS "id: UserId", u.login, u.display_name,
                  u.role AS "role: Role"
           FROM tokens t JOIN users u ON u.id = t.user_id
           WHERE t.hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
             AND u.disabled_at IS NULL"#,
        hash.as_bytes(),
        now
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.last_used_at.is_none_or(|last| last < now - TimeDelta::minutes(1)) {
        sqlx::query!("UPDATE tokens SET last_used_at = $2 WHERE id = $1", row.token as TokenId, now)
            .execute(connection)
            .await?;
    }
    Ok(Some(FoundToken {
        token: row.token,
        user: users::user(row.id, &row.login, row.display_name, row.role)?,
        power: Power { scope: row.scope, executors: executors(row.token, row.executor_ids)? },
    }))
}

/// Whose token this is and how far it reaches, if it is live; `None` as for [`find_user`].
pub async fn find_live(
    connection: &mut Connection,
    id: TokenId,
    now: DateTime<Utc>,
) -> Result<Option<FoundToken>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT t.scope AS "scope: Scope", t.executor_ids, u.id AS "id: UserId", u.login, u.display_name,
                  u.role AS "role: Role"
           FROM tokens t JOIN users u ON u.id = t.user_id
           WHERE t.id = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
             AND u.disabled_at IS NULL"#,
        id as TokenId,
        now
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(FoundToken {
        token: id,
        user: users::user(row.id, &row.login, row.display_name, row.role)?,
        power: Power { scope: row.scope, executors: executors(id, row.executor_ids)? },
    }))
}

/// What a live token is: its kind, when it was made, and when it stops working.
#[derive(Debug, Clone, Copy)]
pub struct TokenFacts {
    /// Which kind.
    pub kind: TokenKind,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working; `None` means never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The facts of a token that was found by its text a moment ago; `None` when it was revoked since.
pub async fn facts(connection: &mut Connection, id: TokenId) -> Result<Option<TokenFacts>, StoreError> {
    Ok(sqlx::query_as!(
        TokenFacts,
        r#"SELECT kind AS "kind: TokenKind", created_at, expires_at FROM tokens
           WHERE id = $1 AND revoked_at IS NULL"#,
        id as TokenId
    )
    .fetch_optional(connection)
    .await?)
}

/// A personal token as its owner sees it.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// Its row.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// How far it reaches.
    pub power: Power,
}

/// A person's live personal tokens, newest first.
pub async fn list_personal(
    connection: &mut Connection,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<TokenRow>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: TokenId", name, created_at, expires_at, last_used_at, scope AS "scope: Scope",
                  executor_ids
           FROM tokens
           WHERE user_id = $1 AND kind = 'personal' AND revoked_at IS NULL
             AND (expires_at IS NULL OR expires_at > $2)
           ORDER BY created_at DESC LIMIT 1000"#,
        user as UserId,
        now
    )
    .fetch_all(connection)
    .await?;
    let tokens = rows.into_iter().map(|row| {
        Ok(TokenRow {
            power: Power { scope: row.scope, executors: executors(row.id, row.executor_ids)? },
            id: row.id,
            name: row.name,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        })
    });
    tokens.collect()
}

fn executors(token: TokenId, ids: Option<Vec<String>>) -> Result<Option<Vec<ExecutorId>>, StoreError> {
    let read = |ids: Vec<String>| ids.iter().map(|id| id.parse()).collect::<Result<_, _>>();
    ids.map(read).transpose().map_err(|_| StoreError::Corrupt {
        table: "tokens",
        column: "executor_ids",
        id: token.to_string(),
    })
}

/// Revokes a person's live personal token; whether there was one.
pub async fn revoke_personal_by_id(
    connection: &mut Connection,
    user: UserId,
    id: TokenId,
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "UPDATE tokens SET revoked_at = $3
         WHERE user_id = $1 AND id = $2 AND kind = 'personal' AND revoked_at IS NULL
         RETURNING name",
        user as UserId,
        id as TokenId,
        now
    )
    .fetch_optional(connection)
    .await?)
}

/// Revokes a person's live personal token by name; `false` when there is none.
pub async fn revoke_personal(
    connection: &mut Connection,
    user: UserId,
    name: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE tokens SET revoked_at = $3
         WHERE user_id = $1 AND name = $2 AND kind = 'personal' AND revoked_at IS NULL",
        user as UserId,
        name,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes a name back from a personal token that is over, so that its owner may use it again.
pub async fn retire_expired_personal(
    connection: &mut Connection,
    user: UserId,
    name: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE tokens SET revoked_at = expires_at
         WHERE user_id = $1 AND name = $2 AND kind = 'personal' AND revoked_at IS NULL AND expires_at <= $3",
        user as UserId,
        name,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends one session; `false` when the token is none, or over already.
pub async fn end_session(
    connection: &mut Connection,
    id: TokenId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND kind = 'session' AND revoked_at IS NULL",
        id as TokenId,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// A sign-in that is not over, as its person sees it.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Its row.
    pub id: TokenId,
    /// Where it was opened, in words.
    pub name: String,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A person's live sessions, the newest first; at most 1000.
pub async fn list_sessions(
    connection: &mut Connection,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<SessionRow>, StoreError> {
    Ok(sqlx::query_as!(
        SessionRow,
        r#"SELECT id AS "id: TokenId", name, created_at, expires_at, last_used_at FROM tokens
           WHERE user_id = $1 AND kind = 'session' AND revoked_at IS NULL
             AND (expires_at IS NULL OR expires_at > $2)
           ORDER BY created_at DESC, id LIMIT 1000"#,
        user as UserId,
        now
    )
    .fetch_all(connection)
    .await?)
}

/// Ends sessions of a person; the names of those that ended.
pub async fn end_sessions(
    connection: &mut Connection,
    user: UserId,
    which: Sessions,
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let (only, all_but) = match which {
        Sessions::Only(id) => (Some(id), None),
        Sessions::AllBut(id) => (None, Some(id)),
    };
    Ok(sqlx::query_scalar!(
        "UPDATE tokens SET revoked_at = $4
         WHERE user_id = $1 AND kind = 'session' AND revoked_at IS NULL
           AND ($2::uuid IS NULL OR id = $2) AND ($3::uuid IS NULL OR id <> $3)
         RETURNING name",
        user as UserId,
        only as Option<TokenId>,
        all_but as Option<TokenId>,
        now
    )
    .fetch_all(connection)
    .await?)
}

/// Which sessions of a person are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    /// This one.
    Only(TokenId),
    /// All others.
    AllBut(TokenId),
}

/// Revokes every live token of a person, or those of one kind.
pub async fn revoke_all(
    connection: &mut Connection,
    user: UserId,
    kind: Option<TokenKind>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE tokens SET revoked_at = $3
         WHERE user_id = $1 AND revoked_at IS NULL AND ($2::text IS NULL OR kind = $2)",
        user as UserId,
        kind as Option<TokenKind>,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets sessions that were over before `before`.
pub async fn forget_sessions(connection: &mut Connection, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM tokens WHERE kind = 'session' AND (expires_at < $1 OR revoked_at < $1)",
        before
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
