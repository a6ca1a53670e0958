//! What would the Hub look like if a great many people used it? Rows as years of pushes leave them, made by the database
//! itself: for measuring and for tests of plans, never for a Hub that is in use.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError};

/// How much to make.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Executors.
    pub executors: i64,
    /// Tags of each, 1 to 100.
    pub tags: i32,
}

impl Size {
    /// People who own them: one for every twenty.
    fn people(self) -> i64 {
        (self.executors / 20).max(1)
    }
}

/// Whether any Executor is there.
pub async fn is_in_use(connection: &mut Connection) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM executors) AS "used!""#)
        .fetch_one(connection)
        .await?)
}

/// Prepares this connection for [`executors`] and makes the people who own them, `seed-1`, `seed-2` …
pub async fn people(connection: &mut Connection, size: Size, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::raw_sql(include_str!("seed.sql")).execute(&mut *connection).await?;
    sqlx::query("SELECT pg_temp.seed_people($1, $2)")
        .bind(size.people())
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes the Executors number `first` to `last`, each with a commit, its tags, its search entry and its pulls. Two thousand
/// at a time take a second or two.
pub async fn executors(
    connection: &mut Connection,
    size: Size,
    (first, last): (i64, i64),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    use sqlx::Connection as _;
    let mut transaction = connection.begin().await?;
    // The entries of a batch are written together.
    sqlx::query("ALTER TABLE executors DISABLE TRIGGER search_entries_follow")
        .execute(&mut *transaction)
        .await?;
    sqlx::query("SELECT pg_temp.seed_executors($1, $2, $3, $4, $5)")
        .bind(first)
        .bind(last)
        .bind(size.tags)
        .bind(size.people())
        .bind(now)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("ALTER TABLE executors ENABLE TRIGGER search_entries_follow")
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Tidies up and lets the planner know what is there now, as the database does by itself in time.
pub async fn analyze(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await?;
    for statement in [
        "VACUUM ANALYZE users",
        "VACUUM ANALYZE executors",
        "VACUUM ANALYZE commits",
        "VACUUM ANALYZE tags",
        "VACUUM ANALYZE executor_pulls",
        "VACUUM ANALYZE search_entries",
        "VACUUM ANALYZE search_words",
    ] {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    Ok(())
}
