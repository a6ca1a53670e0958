//! `executor-hub migrate`: brings the schema up to date without starting a server, or tries that on a copy first.

use clap::Args;

use super::{
    database::{Database, Scratch},
    failure::Failure,
};
use crate::{
    backup::rehearse,
    config::{Environment, Settings},
    domain::SystemClock,
    store::{Store, schema},
};

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Migrate a copy of the rows and check it; the Hub itself stays as it is and may be in use
    #[arg(long)]
    rehearse: bool,
}

impl Migrate {
    pub(super) async fn run(self, settings: &Settings, environment: &Environment) -> Result<(), Failure> {
        let database = Database::beside_unmigrated(settings, environment).await?;
        let done = if self.rehearse {
            Self::try_on_a_copy(settings, environment, &database.store).await
        } else {
            Self::migrate(&database.store).await
        };
        database.close().await;
        for line in done? {
            println!("{line}");
        }
        Ok(())
    }

    async fn migrate(store: &Store) -> Result<Vec<String>, Failure> {
        let mut connection = store.connect_alone().await?;
        let missing = schema::missing(&mut connection).await?;
        schema::complete(&mut connection).await?;
        Ok(missing.iter().map(|version| format!("applied\t{version}")).collect())
    }

    async fn try_on_a_copy(
        settings: &Settings,
        environment: &Environment,
        store: &Store,
    ) -> Result<Vec<String>, Failure> {
        let missing = schema::missing(&mut *store.read().await?).await?;
        let scratch = Scratch::open(settings, environment, store).await?;
        let folder = tempfile::tempdir_in(&settings.server.data_dir).map_err(anyhow::Error::from)?;
        let done = rehearse(store, &scratch.store, folder.path(), &SystemClock).await;
        scratch.close(store).await;
        let rehearsed = done?;
        let mut lines: Vec<String> =
            missing.iter().map(|version| format!("would be applied\t{version}")).collect();
        lines.push(format!("rows\t{}", rehearsed.rows));
        lines.push(format!("seconds\t{}", rehearsed.took.as_secs()));
        if rehearsed.problems.is_empty() {
            lines.push("the copy was migrated and is right".to_owned());
            return Ok(lines);
        }
        Err(anyhow::anyhow!("the migrated copy is not right: {}", rehearsed.problems.join("; ")).into())
    }
}
