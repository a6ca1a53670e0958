//! Is the schema up to date? The one static list of migrations, for the program and the tests alike.

use sqlx::{Connection as _, migrate::Migrator, postgres::PgConnectOptions};

use super::{Connection, StoreError};

/// All migrations, embedded in the program.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Applies what is missing, each file in a transaction of its own, on a connection of its own (the pool's time limits
/// are no limits for a migration). Several processes that start at once wait for the first. Killed at any statement,
/// the next start goes on where it stopped.
pub async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = Connection::connect_with(options).await?;
    MIGRATOR.run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
