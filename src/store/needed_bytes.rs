//! Which bytes do the records need, and which bytes do they know of? Read a page at a time in the order of digests, so that
//! a Hub of any size takes the same memory.

use super::{Connection, StoreError};
use crate::domain::digest::Sha256;

/// What bytes are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Packages of commits.
    Package,
    /// Artifacts.
    Artifact,
    /// Layers and configurations of images.
    Image,
    /// Stories of tasks that are over.
    Log,
}

/// All of them, in the order in which a backup lists them.
pub const PURPOSES: [Purpose; 4] = [Purpose::Artifact, Purpose::Image, Purpose::Log, Purpose::Package];

/// Bytes that records need, with their number: those after `after`, at most `limit`.
pub async fn page(
    connection: &mut Connection,
    purpose: Purpose,
    after: &[u8],
    limit: i64,
) -> Result<Vec<(Sha256, u64)>, StoreError> {
    let rows: Vec<(Vec<u8>, i64)> = match purpose {
        Purpose::Package => sqlx::query!(
            "SELECT sha256, size FROM package_bytes b WHERE sha256 > $1
               AND EXISTS (SELECT FROM commits WHERE package_sha256 = b.sha256) ORDER BY sha256 LIMIT $2",
            after,
            limit
        )
        .map(|row| (row.sha256, row.size))
        .fetch_all(connection)
        .await?,
        Purpose::Artifact => sqlx::query!(
            "SELECT sha256, size FROM artifact_bytes b WHERE sha256 > $1
               AND EXISTS (SELECT FROM artifacts a WHERE a.sha256 = b.sha256) ORDER BY sha256 LIMIT $2",
            after,
            limit
        )
        .map(|row| (row.sha256, row.size))
        .fetch_all(connection)
        .await?,
        Purpose::Image => sqlx::query!(
            "SELECT sha256, size FROM image_bytes b WHERE sha256 > $1
               AND EXISTS (SELECT FROM image_blobs l WHERE l.sha256 = b.sha256) ORDER BY sha256 LIMIT $2",
            after,
            limit
        )
        .map(|row| (row.sha256, row.size))
        .fetch_all(connection)
        .await?,
        Purpose::Log => sqlx::query!(
            "SELECT DISTINCT ON (sha256) sha256, size FROM task_logs WHERE sha256 > $1 ORDER BY sha256 LIMIT $2",
            after,
            limit
        )
        .map(|row| (row.sha256, row.size))
        .fetch_all(connection)
        .await?,
    };
    let table = match purpose {
        Purpose::Package => "package_bytes",
        Purpose::Artifact => "artifact_bytes",
        Purpose::Image => "image_bytes",
        Purpose::Log => "task_logs",
    };
    let corrupt = || StoreError::Corrupt { table, column: "sha256", id: String::new() };
    rows.into_iter()
        .map(|(sha256, size)| {
            let sha256 = Sha256::from_slice(&sha256).ok_or_else(corrupt)?;
            Ok((sha256, u64::try_from(size).unwrap_or(0)))
        })
        .collect()
}

/// Those of these digests that no record knows of, needed or not.
pub async fn unknown(
    connection: &mut Connection,
    purpose: Purpose,
    digests: &[Sha256],
) -> Result<Vec<Sha256>, StoreError> {
    match purpose {
        Purpose::Package => super::package_bytes::unknown(connection, digests).await,
        Purpose::Artifact => super::artifact_bytes::unknown(connection, digests).await,
        Purpose::Image => super::image_bytes::unknown(connection, digests).await,
        Purpose::Log => {
            let digests: Vec<Vec<u8>> = digests.iter().map(|digest| digest.as_bytes().to_vec()).collect();
            let rows = sqlx::query_scalar!(
                r#"SELECT found.sha256 AS "sha256!" FROM unnest($1::bytea[]) AS found (sha256)
                   WHERE NOT EXISTS (SELECT FROM task_logs l WHERE l.sha256 = found.sha256)
                     AND NOT EXISTS (SELECT FROM task_log_leftovers l WHERE l.sha256 = found.sha256)"#,
                &digests
            )
            .fetch_all(connection)
            .await?;
            Ok(rows.iter().filter_map(|digest| Sha256::from_slice(digest)).collect())
        }
    }
}

/// Has whoever seals stories delete these, unless some task turns out to need them.
pub async fn give_up_logs(connection: &mut Connection, digests: &[Sha256]) -> Result<(), StoreError> {
    let digests: Vec<Vec<u8>> = digests.iter().map(|digest| digest.as_bytes().to_vec()).collect();
    sqlx::query!(
        "INSERT INTO task_log_leftovers (sha256) SELECT unnest($1::bytea[]) ON CONFLICT DO NOTHING",
        &digests
    )
    .execute(connection)
    .await?;
    Ok(())
}
