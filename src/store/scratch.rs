//! Where can rows be tried out? In an empty database of its own on the same server, where its role may make one.

use sqlx::{AssertSqlSafe, postgres::PgConnectOptions};

use super::{Store, StoreError};

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
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")))
            .execute(&mut connection)
            .await?;
        let options = store.pool().connect_options().as_ref().clone().database(&name);
        Ok(Self { name, options })
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
