//! As whom does the Hub work in its own database? As `hub`, who owns one database and is no superuser: with a
//! superuser's rights, an injected statement could run programs.

use std::time::Duration;

use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use super::LaunchError;

/// Name of the role and of its database.
pub(super) const HUB: &str = "hub";

/// What the migrations create in it. Both are trusted: the owner of a database may.
const EXTENSIONS: [&str; 2] = ["pg_trgm", "pgcrypto"];

/// Creating a database syncs it to disk, which takes its time on a slow one.
const PATIENCE: Duration = Duration::from_mins(2);

/// Creates role and database where they are missing. A crash in between is made good by the next start.
pub(super) async fn prepare(superuser: &PgConnectOptions) -> Result<(), LaunchError> {
    // The one setting from the environment that a client cannot take back.
    if superuser.get_options().is_some_and(|options| !options.is_empty()) {
        return Err(LaunchError::SessionOptions);
    }
    let work = async {
        let mut connection = superuser.connect().await?;
        create_missing(&mut connection).await?;
        connection.close().await?;
        Ok(())
    };
    let timed = tokio::time::timeout(PATIENCE, work).await;
    timed.unwrap_or(Err(LaunchError::Interrupted("it did not answer its first questions")))
}

async fn create_missing(connection: &mut PgConnection) -> Result<(), LaunchError> {
    let (has_role, has_database): (bool, bool) = sqlx::query_as(
        "select exists (select from pg_roles where rolname = $1), \
                exists (select from pg_database where datname = $1)",
    )
    .bind(HUB)
    .fetch_one(&mut *connection)
    .await?;
    if !has_role {
        sqlx::query("create role hub login").execute(&mut *connection).await?;
    }
    if !has_database {
        let missing: Option<String> = sqlx::query_scalar(
            "select wanted from unnest($1::text[]) wanted \
             where wanted not in (select name from pg_available_extensions) limit 1",
        )
        .bind(EXTENSIONS.as_slice())
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(missing) = missing {
            return Err(LaunchError::NoExtension(missing));
        }
        sqlx::query("create database hub owner hub").execute(&mut *connection).await?;
    }
    Ok(())
}
