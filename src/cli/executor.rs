//! `executor-hub executor`: delete an Executor and bring it back, from the command line of the machine that the Hub runs on.

use std::sync::Arc;

use clap::Subcommand;

use super::{database::Database, failure::Failure};
use crate::{
    app::App,
    config::{Environment, Settings},
    domain::{ExecutorRef, SystemClock},
    error::Error,
    hub::Hub,
};

#[derive(Debug, Subcommand)]
pub(super) enum Executor {
    /// Delete an Executor: gone at once for everybody, for good when `executors.undo_window` is over
    Delete {
        /// Its id, `owner/name`, or the name of one without an owner
        executor: String,
    },
    /// Bring back an Executor that was deleted
    Undelete {
        /// Its id, `owner/name`, or the name of one without an owner
        executor: String,
    },
}

impl Executor {
    pub(super) async fn run(self, settings: Settings, environment: &Environment) -> Result<(), Failure> {
        let database = Database::beside(&settings, environment).await?;
        let app = App::beside(settings, database.store.clone(), Arc::new(SystemClock));
        let done = match app {
            Ok(app) => self.act(app.hub()).await.map_err(Failure::from),
            Err(error) => Err(error.into()),
        };
        database.close().await;
        println!("{}", done?);
        Ok(())
    }

    /// What to print.
    async fn act(self, hub: &Hub) -> Result<String, Error> {
        match self {
            Self::Delete { executor } => {
                let deleted = hub.delete_executor_as_operator(&reference(&executor)?).await?;
                let until = deleted.purge_at.format("%Y-%m-%d %H:%M UTC");
                Ok(format!("{}\tcan be brought back until {until}", deleted.executor.id))
            }
            Self::Undelete { executor } => {
                Ok(hub.undelete_executor_as_operator(&reference(&executor)?).await?.id.to_string())
            }
        }
    }
}

fn reference(text: &str) -> Result<ExecutorRef, Error> {
    text.parse().map_err(|reason| {
        let cause = format!("'{}' names no Executor: {reason}.", text.escape_default());
        Error::invalid("executor_reference", cause, "Use its id, or owner/name.")
    })
}
