//! The audit log: append and read. The database refuses to change it, and to delete what is younger than thirty days.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Connection, StoreError};
use crate::domain::{
    UserId,
    audit::{AuditAction, AuditEntry, AuditSubject, Right},
};

/// A line to write.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// What was done.
    pub action: AuditAction,
    /// By whom, and their login; `None` for those who did not sign in.
    pub actor: Option<(UserId, &'a str)>,
    /// What let them.
    pub right: Right,
    /// From where.
    pub address: Option<String>,
    /// In which request.
    pub request_id: Option<&'a str>,
    /// To what.
    pub subject: AuditSubject,
    /// What else; a JSON object.
    pub details: Value,
}

/// Appends a line; it stays if and only if the caller's transaction does.
pub async fn append(
    connection: &mut Connection,
    entry: NewEntry<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO audit_entries (at, action, actor_id, actor, by_right_of, address, request_id, subject_kind,
                                    subject_id, subject, details)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        now,
        entry.action.as_str(),
        entry.actor.map(|(id, _)| id) as Option<UserId>,
        entry.actor.map(|(_, login)| login),
        entry.right.as_str(),
        entry.address,
        entry.request_id,
        entry.subject.kind,
        entry.subject.id,
        entry.subject.title,
        entry.details
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Which lines are wanted; what is `None` does not count.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// At this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
    /// Done by the person of this login.
    pub actor: Option<String>,
    /// Done to this kind of thing with this id.
    pub subject: Option<(String, String)>,
}

/// At most `limit` lines after number `after`, in the order of their numbers.
pub async fn read_after(
    connection: &mut Connection,
    wanted: &Wanted,
    after: i64,
    limit: i64,
) -> Result<Vec<AuditEntry>, StoreError> {
    let (kind, id) = wanted.subject.clone().unzip();
    Ok(sqlx::query_as!(
        AuditEntry,
        r#"SELECT number, at, action, actor_id AS "actor_id: UserId", actor, by_right_of, address, request_id,
                  subject_kind, subject_id, subject, details
           FROM audit_entries
           WHERE number > $1 AND ($3::timestamptz IS NULL OR at >= $3) AND ($4::timestamptz IS NULL OR at < $4)
             AND ($5::text IS NULL OR lower(actor) = lower($5))
             AND ($6::text IS NULL OR (subject_kind = $6 AND subject_id = $7))
           ORDER BY number LIMIT $2"#,
        after,
        limit,
        wanted.since,
        wanted.until,
        wanted.actor,
        kind,
        id
    )
    .fetch_all(connection)
    .await?)
}

/// At most `limit` lines before number `before`, the newest first; with `action`, only those of that word.
pub async fn read_before(
    connection: &mut Connection,
    wanted: &Wanted,
    action: Option<&str>,
    before: i64,
    limit: i64,
) -> Result<Vec<AuditEntry>, StoreError> {
    let (kind, id) = wanted.subject.clone().unzip();
    Ok(sqlx::query_as!(
        AuditEntry,
        r#"SELECT number, at, action, actor_id AS "actor_id: UserId", actor, by_right_of, address, request_id,
                  subject_kind, subject_id, subject, details
           FROM audit_entries
           WHERE number < $1 AND ($3::timestamptz IS NULL OR at >= $3) AND ($4::timestamptz IS NULL OR at < $4)
             AND ($5::text IS NULL OR lower(actor) = lower($5))
             AND ($6::text IS NULL OR (subject_kind = $6 AND subject_id = $7))
             AND ($8::text IS NULL OR action = $8)
           ORDER BY number DESC LIMIT $2"#,
        before,
        limit,
        wanted.since,
        wanted.until,
        wanted.actor,
        kind,
        id,
        action
    )
    .fetch_all(connection)
    .await?)
}

/// Deletes lines from before `before`, which must be thirty days ago or more; returns how many.
pub async fn forget(connection: &mut Connection, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query!("DELETE FROM audit_entries WHERE at < $1", before).execute(connection).await?;
    Ok(done.rows_affected())
}
