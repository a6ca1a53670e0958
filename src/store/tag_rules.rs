//! Which tags are protected by rule: the patterns of an Executor, or else the operator's.

use super::{Connection, StoreError};
use crate::domain::{ExecutorId, TagPattern};

/// Writes down what the operator's settings say. Every server does at its start, so the last one started decides.
pub async fn set_of_operator(connection: &mut Connection, patterns: &[TagPattern]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO tag_rules (protected_tags) VALUES ($1)
         ON CONFLICT (only_row) DO UPDATE SET protected_tags = excluded.protected_tags",
        &texts(patterns)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives an Executor patterns of its own, or with `None` those of the operator.
pub async fn set(
    connection: &mut Connection,
    executor: &ExecutorId,
    patterns: Option<&[TagPattern]>,
) -> Result<(), StoreError> {
    let patterns = patterns.map(texts);
    sqlx::query!(
        "UPDATE executors SET protected_tags = $2 WHERE id = $1",
        executor as &ExecutorId,
        patterns.as_deref()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The patterns that count for an Executor, and whether they are its own.
pub async fn find(
    connection: &mut Connection,
    executor: &ExecutorId,
) -> Result<(Vec<TagPattern>, bool), StoreError> {
    let row = sqlx::query!(
        r#"SELECT COALESCE(protected_tags, (SELECT protected_tags FROM tag_rules), '{}') AS "patterns!",
                  protected_tags IS NOT NULL AS "own!"
           FROM executors WHERE id = $1"#,
        executor as &ExecutorId
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok((Vec::new(), false)) };
    let corrupt =
        |_| StoreError::Corrupt { table: "executors", column: "protected_tags", id: executor.to_string() };
    let patterns: Result<_, _> = row.patterns.into_iter().map(|text| text.parse()).collect();
    Ok((patterns.map_err(corrupt)?, row.own))
}

fn texts(patterns: &[TagPattern]) -> Vec<String> {
    patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect()
}
