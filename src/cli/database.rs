//! Which database do the settings mean? The configured one, the private one that a running Hub has, or a private one that
//! this process starts.

use sqlx::postgres::PgConnectOptions;

use super::failure::Failure;
use crate::{
    config::{Environment, Settings},
    postgres::{self, Launch, PrivatePostgres, Purpose},
    store::{self, Store},
};

/// A database that is there and up to date.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) store: Store,
    private: Option<PrivatePostgres>,
}

impl Database {
    /// For a server: a private Postgres is this process's own.
    pub(super) async fn own(settings: &Settings, environment: &Environment) -> Result<Self, Failure> {
        let (options, private) = if let Some(options) = configured(settings)? {
            (options, None)
        } else {
            let private = PrivatePostgres::start(launch(settings, environment)).await?;
            (private.hub(), Some(private))
        };
        store::migrate(&options).await?;
        let store = Store::connect(options, &settings.database).await?;
        Ok(Self { store, private })
    }

    /// For a command beside a server that may be running: its private Postgres is used where there is one.
    pub(super) async fn beside(settings: &Settings, environment: &Environment) -> Result<Self, Failure> {
        if configured(settings)?.is_none()
            && let Some(options) = postgres::running_in(&settings.server.data_dir)
        {
            let store = Store::connect(options, &settings.database).await?;
            return Ok(Self { store, private: None });
        }
        Self::own(settings, environment).await
    }

    /// One that runs, for looking only: nothing is started and nothing is migrated. `None`: the private one does not run.
    pub(super) async fn of_running(settings: &Settings) -> Result<Option<Store>, Failure> {
        let options = match configured(settings)? {
            Some(options) => options,
            None => match postgres::running_in(&settings.server.data_dir) {
                Some(options) => options,
                None => return Ok(None),
            },
        };
        Ok(Some(Store::connect(options, &settings.database).await?))
    }

    /// Resolves when the private Postgres ended by itself; never without one.
    pub(super) async fn exited(&self) -> String {
        match &self.private {
            Some(private) => private.exited().await,
            None => std::future::pending().await,
        }
    }

    /// Closes connections, then stops the private Postgres.
    pub(super) async fn close(self) {
        self.store.close().await;
        if let Some(private) = self.private {
            private.stop().await;
        }
    }
}

fn configured(settings: &Settings) -> Result<Option<PgConnectOptions>, Failure> {
    if settings.database.url.is_empty() {
        return Ok(None);
    }
    Ok(Some(Store::options_of(&settings.database.url)?))
}

fn launch(settings: &Settings, environment: &Environment) -> Launch {
    let binaries = &settings.database.postgres_bin;
    Launch {
        root: settings.server.data_dir.clone(),
        binaries: (!binaries.as_os_str().is_empty()).then(|| binaries.clone()),
        search_path: environment.search_path(),
        purpose: Purpose::Durable,
    }
}
