//! `executor-hub check`: a line for each problem, then what was looked at. Fails while any problem is left.

use std::sync::Arc;

use clap::Args;

use super::{database::Database, failure::Failure};
use crate::{
    app::App,
    config::{Environment, Settings},
    domain::SystemClock,
};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Read every byte again and compare it with its digest
    #[arg(long)]
    deep: bool,
    /// Make right what can be made right without losing anything, then look again
    #[arg(long)]
    repair: bool,
}

impl Check {
    pub(super) async fn run(self, settings: Settings, environment: &Environment) -> Result<(), Failure> {
        let database = Database::beside_as_it_is(&settings, environment).await?;
        let done = match App::beside(settings, database.store.clone(), Arc::new(SystemClock)) {
            Ok(app) => self.look(&app).await,
            Err(error) => Err(error.into()),
        };
        database.close().await;
        match done? {
            0 => Ok(()),
            problems => Err(anyhow::anyhow!("{problems} problems").into()),
        }
    }

    /// How many problems are left.
    async fn look(&self, app: &App) -> Result<u64, Failure> {
        let checker = app.checker(self.deep);
        let now = app.now();
        let cannot = |error| Failure::Other(anyhow::Error::new(error));
        let mut summary = checker.run(now, |problem| println!("{problem}")).await.map_err(cannot)?;
        if self.repair && summary.repairable > 0 {
            checker.repair(now).await.map_err(cannot)?;
            app.hub().collect().await?;
            app.sealer()
                .delete_leftovers()
                .await
                .map_err(|error| Failure::Other(anyhow::Error::new(error)))?;
            println!("repaired\t{}", summary.repairable);
            summary = checker.run(now, |problem| println!("left\t{problem}")).await.map_err(cannot)?;
        }
        println!("objects\t{}\t{} bytes", summary.objects, summary.bytes);
        println!("problems\t{}", summary.problems);
        Ok(summary.problems)
    }
}
