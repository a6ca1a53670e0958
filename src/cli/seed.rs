//! `executor-hub seed`: fills an empty database as years of pushes would, for measuring. The packages have no bytes: such a
//! Hub can be searched, but not pulled from.

use clap::Args;

use super::{database::Database, failure::Failure};
use crate::{
    config::{Environment, Settings},
    domain::{Clock as _, SystemClock},
    store::{
        StoreError,
        seed::{self, Size},
    },
};

/// Executors that one statement makes: well within `database.statement_timeout` on a busy machine.
const BATCH: i64 = 2_000;

#[derive(Debug, Args)]
pub(super) struct Seed {
    /// How many Executors
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(i64).range(1..=9_999_999))]
    executors: i64,
    /// How many tags each has
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(i32).range(1..=100))]
    tags: i32,
}

impl Seed {
    pub(super) async fn run(self, settings: &Settings, environment: &Environment) -> Result<(), Failure> {
        let database = Database::beside(settings, environment).await?;
        let done = self.fill(&database).await;
        database.close().await;
        if done? {
            return Ok(());
        }
        Err(anyhow::anyhow!("this Hub has Executors already; seed an empty one").into())
    }

    /// `false` when the Hub is in use.
    async fn fill(self, database: &Database) -> Result<bool, StoreError> {
        let now = SystemClock.now();
        let size = Size { executors: self.executors, tags: self.tags };
        let mut connection = database.store.read().await?;
        if seed::is_in_use(&mut connection).await? {
            return Ok(false);
        }
        seed::people(&mut connection, size, now).await?;
        for first in (1..=size.executors).step_by(usize::try_from(BATCH).unwrap_or(usize::MAX)) {
            let last = (first + BATCH - 1).min(size.executors);
            seed::executors(&mut connection, size, (first, last), now).await?;
            println!("{last} of {}", size.executors);
        }
        seed::analyze(&mut connection).await?;
        Ok(true)
    }
}
