//! Artifacts: find, add, change, delete, and what each person's come to.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::types::Json;

use super::{Connection, StoreError};
use crate::domain::{
    ArtifactId, UserId, Visibility,
    artifact::{Artifact, ArtifactKind, ArtifactName, ArtifactRef, MetaData},
    digest::Sha256,
    executor::Owner,
};

/// An artifact's columns with its owner's login.
#[derive(sqlx::FromRow)]
pub(super) struct ArtifactRow {
    id: ArtifactId,
    owner_id: UserId,
    login: String,
    name: Option<String>,
    visibility: Visibility,
    kind: Option<String>,
    meta_data: Option<Json<Map<String, Value>>>,
    sha256: Vec<u8>,
    size: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<ArtifactRow> for Artifact {
    type Error = StoreError;

    fn try_from(row: ArtifactRow) -> Result<Self, StoreError> {
        let corrupt =
            |column| move || StoreError::Corrupt { table: "artifacts", column, id: row.id.to_string() };
        Ok(Self {
            id: row.id,
            owner: Owner { id: row.owner_id, login: row.login.parse().map_err(|_| corrupt("owner_id")())? },
            name: row.name.map(|name| name.parse()).transpose().map_err(|_| corrupt("name")())?,
            visibility: row.visibility,
            kind: row.kind.map(|kind| kind.parse()).transpose().map_err(|_| corrupt("type")())?,
            meta_data: row.meta_data.map(|Json(object)| MetaData::from(object)),
            sha256: Sha256::from_slice(&row.sha256).ok_or_else(corrupt("sha256"))?,
            size: u64::try_from(row.size).map_err(|_| corrupt("size")())?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The artifacts that these references mean for this caller, each once, visible to them or not: what may be told of them
/// is for `auth::policy` to decide.
pub async fn find_all(
    connection: &mut Connection,
    references: &[ArtifactRef],
    caller: Option<UserId>,
) -> Result<Vec<Artifact>, StoreError> {
    let (mut ids, mut owners, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for reference in references {
        match reference {
            ArtifactRef::Id(id) => ids.push(id.0),
            ArtifactRef::Named { owner, name } => {
                // No login is empty, so that stands for the caller.
                owners.push(owner.as_ref().map(crate::domain::Login::key).unwrap_or_default());
                names.push(name.as_str().to_owned());
            }
        }
    }
    let rows = sqlx::query_as!(
        ArtifactRow,
        r#"WITH wanted AS (
               SELECT id FROM artifacts WHERE id = ANY($1)
               UNION
               SELECT a.id FROM unnest($2::text[], $3::text[]) AS named (owner_key, name)
               LEFT JOIN users u ON u.login_key = named.owner_key
               JOIN artifacts a ON a.name = named.name
                   AND a.owner_id = CASE named.owner_key WHEN '' THEN $4 ELSE u.id END
           )
           SELECT a.id AS "id: ArtifactId", a.owner_id AS "owner_id: UserId", u.login, a.name,
                  a.visibility AS "visibility: Visibility", a.type AS kind,
                  a.meta_data AS "meta_data: Json<Map<String, Value>>", a.sha256, a.size, a.created_at, a.updated_at
           FROM wanted w JOIN artifacts a ON a.id = w.id JOIN users u ON u.id = a.owner_id"#,
        &ids,
        &owners,
        &names,
        caller as Option<UserId>
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Artifact::try_from).collect()
}

/// The artifact that a reference means for this caller, as [`find_all`] finds it.
pub async fn find(
    connection: &mut Connection,
    reference: &ArtifactRef,
    caller: Option<UserId>,
) -> Result<Option<Artifact>, StoreError> {
    Ok(find_all(connection, std::slice::from_ref(reference), caller).await?.pop())
}

/// What is said of an artifact when it is added or changed; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// Its name.
    pub name: Option<ArtifactName>,
    /// Who may read it; a new one is private.
    pub visibility: Option<Visibility>,
    /// What its owner's program calls its kind.
    pub kind: Option<ArtifactKind>,
    /// All of its metadata.
    pub meta_data: Option<MetaData>,
}

/// Bytes that lie in the object store.
#[derive(Debug, Clone, Copy)]
pub struct StoredBytes {
    /// Their digest.
    pub sha256: Sha256,
    /// How many.
    pub size: u64,
}

/// Adds an artifact; a name that another of the same person's has is `StoreError::Conflict`.
pub async fn insert(
    connection: &mut Connection,
    id: ArtifactId,
    owner: UserId,
    said: &Said,
    stored: StoredBytes,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO artifacts (id, owner_id, name, visibility, type, meta_data, sha256, size, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
        id as ArtifactId,
        owner as UserId,
        said.name.as_ref().map(ArtifactName::as_str),
        said.visibility.unwrap_or(Visibility::Private).as_str(),
        said.kind.as_ref().map(ArtifactKind::as_str),
        meta_data(said) as _,
        stored.sha256.as_bytes(),
        bytes(stored.size),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the row's lock until the transaction ends; the digest of its bytes, or `None` when this person has no such
/// artifact (any more).
pub async fn lock(
    connection: &mut Connection,
    id: ArtifactId,
    owner: UserId,
) -> Result<Option<Sha256>, StoreError> {
    let row = sqlx::query_scalar!(
        "SELECT sha256 FROM artifacts WHERE id = $1 AND owner_id = $2 FOR UPDATE",
        id as ArtifactId,
        owner as UserId
    )
    .fetch_optional(connection)
    .await?;
    row.map(|digest| sha256("artifacts", &digest)).transpose()
}

/// Changes an artifact whose lock is held; a name that another of the same person's has is `StoreError::Conflict`.
pub async fn change(
    connection: &mut Connection,
    id: ArtifactId,
    said: &Said,
    stored: Option<StoredBytes>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE artifacts SET name = COALESCE($2, name), visibility = COALESCE($3, visibility), type = COALESCE($4, type),
             meta_data = COALESCE($5, meta_data), sha256 = COALESCE($6, sha256), size = COALESCE($7, size),
             updated_at = $8
         WHERE id = $1",
        id as ArtifactId,
        said.name.as_ref().map(ArtifactName::as_str),
        said.visibility.map(Visibility::as_str),
        said.kind.as_ref().map(ArtifactKind::as_str),
        meta_data(said) as _,
        stored.as_ref().map(|stored| stored.sha256.as_bytes()),
        stored.map(|stored| bytes(stored.size)),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes artifacts of this person; the digests that they had. Rows are locked in one order, so that two deletions of
/// the same artifacts wait for each other instead of deadlocking.
pub async fn delete(
    connection: &mut Connection,
    owner: UserId,
    ids: &[ArtifactId],
) -> Result<Vec<Sha256>, StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_scalar!(
        "DELETE FROM artifacts WHERE id IN (
             SELECT id FROM artifacts WHERE id = ANY($1) AND owner_id = $2 ORDER BY id FOR UPDATE)
         RETURNING sha256",
        &ids,
        owner as UserId
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|digest| sha256("artifacts", digest)).collect()
}

/// What one person's artifacts come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many.
    pub artifacts: u64,
    /// Bytes of all of them; those that several share are counted for each.
    pub bytes: u64,
}

/// What this person's artifacts come to: one row, kept true by the database.
pub async fn usage(connection: &mut Connection, owner: UserId) -> Result<Usage, StoreError> {
    let row =
        sqlx::query!("SELECT artifacts, bytes FROM artifact_usage WHERE owner_id = $1", owner as UserId)
            .fetch_optional(connection)
            .await?;
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(row.map_or_else(Usage::default, |row| Usage {
        artifacts: number(row.artifacts),
        bytes: number(row.bytes),
    }))
}

fn meta_data(said: &Said) -> Option<Json<&Map<String, Value>>> {
    said.meta_data.as_ref().map(|meta_data| Json(meta_data.as_object()))
}

pub(super) fn bytes(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

pub(super) fn sha256(table: &'static str, bytes: &[u8]) -> Result<Sha256, StoreError> {
    let corrupt = || StoreError::Corrupt { table, column: "sha256", id: hex::encode(bytes) };
    Sha256::from_slice(bytes).ok_or_else(corrupt)
}
