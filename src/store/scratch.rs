//! Where can rows be tried out? In an empty database of its own on the same server, where its role may make one.

use sqlx::{AssertSqlSafe, postgres::PgConnectOptions};

use super::{Connection, Store, StoreError};

/// How names of such databases begin.
const PREFIX: &str = "executor_hub_scratch_";

/// An empty database; it stays until [`Scratch::remove`].
#[derive(Debug)]
pub struct Scratch {
    name: String,
    /// How to connect to it.
    pub options: PgConnectOptions,
}

impl Scratch {
    /// Makes one beside the database of `store`. An error when its role may not.
    pub async fn create(store: &Store) -> Result<Self, StoreError> {
        let name = format!("{PREFIX}{}", hex::encode(crate::domain::id::random_bytes::<8>()));
        let mut connection = store.connect_alone().await?;
        Self::remove_left_over(&mut connection).await?;
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")))
            .execute(&mut connection)
            .await?;
        let options = store.pool().connect_options().as_ref().clone().database(&name);
        Ok(Self { name, options })
    }

    /// Removes those that a crash has left: nobody is connected to them.
    async fn remove_left_over(connection: &mut Connection) -> Result<(), StoreError> {
        let left: Vec<String> = sqlx::query_scalar(
            "SELECT datname::text FROM pg_database d
             WHERE datname ~ '^executor_hub_scratch_[0-9a-f]{16}$' AND pg_has_role(datdba, 'USAGE')
               AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)",
        )
        .fetch_all(&mut *connection)
        .await?;
        for name in left {
            // Without force: one that somebody has just begun to use stays.
            let _ =
                sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name}"))).execute(&mut *connection).await;
        }
        Ok(())
    }

    /// Removes it, whoever is still connected.
    pub async fn remove(self, store: &Store) -> Result<(), StoreError> {
        let mut connection = store.connect_alone().await?;
        sqlx::query(AssertSqlSafe(format!("DROP DATABASE {} WITH (FORCE)", self.name)))
            .execute(&mut connection)
            .await?;
        Ok(())
    }
}
