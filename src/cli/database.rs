//! Which database do the settings mean? The configured one, the private one that a running Hub has, or a private one that
//! this process starts.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use sqlx::postgres::PgConnectOptions;

use super::failure::Failure;
use crate::{
    backup::BackupError,
    config::{Environment, Settings},
    postgres::{self, Launch, LaunchError, PrivatePostgres, Purpose},
    store::{self, Connection, Store, StoreError, schema, scratch},
};

/// How long a private Postgres that does not start, or does not last, is left alone, at first and at most.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// One that ran for so long is started again at once.
const LONG_LIFE: Duration = Duration::from_mins(1);

/// How names of folders begin in which a backup is restored for a test.
const TRIAL: &str = "trial-";

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

    /// The same without a change to the schema; an error when it is not that of this program: looking at a running Hub or
    /// copying it must not migrate it.
    pub(super) async fn beside_as_it_is(
        settings: &Settings,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let database = Self::beside_unmigrated(settings, environment).await?;
        let looking = async {
            let mut connection = database.store.read().await?;
            Ok::<_, StoreError>(
                schema::applied(&mut connection).await?.is_some()
                    && store::missing_migrations(&mut connection).await?.is_empty(),
            )
        };
        match looking.await {
            Ok(true) => Ok(database),
            found => {
                database.close().await;
                found?;
                Err(BackupError::Schema.into())
            }
        }
    }

    /// The same with the schema as it is.
    pub(super) async fn beside_unmigrated(
        settings: &Settings,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let running = || postgres::running_in(&settings.server.data_dir);
        let (options, private) = match configured(settings)? {
            Some(options) => (options, None),
            None => {
                if let Some(options) = running() {
                    (options, None)
                } else {
                    let private = PrivatePostgres::start(launch(settings, environment)).await?;
                    (private.hub(), Some(private))
                }
            }
        };
        Ok(Self { store: Store::connect(options, &settings.database).await?, private })
    }

    /// For a restore: a connection to a database of any schema, or of none; a private Postgres is this process's own.
    pub(super) async fn unmigrated(
        settings: &Settings,
        environment: &Environment,
    ) -> Result<(Connection, Option<PrivatePostgres>), Failure> {
        let (options, private) = if let Some(options) = configured(settings)? {
            (options, None)
        } else {
            let private = PrivatePostgres::start(launch(settings, environment)).await?;
            (private.hub(), Some(private))
        };
        Ok((store::connect_alone(&options).await?, private))
    }

    /// Starts the private Postgres again whenever it ends without having been asked to, for ever: whoever kills it, or fills
    /// its disk, interrupts the Hub and does not end it. Connections come back by themselves. Dropped, it stops what it was
    /// starting.
    pub(super) async fn keep_running(
        &mut self,
        settings: &Settings,
        environment: &Environment,
    ) -> Infallible {
        let Some(private) = &mut self.private else { return std::future::pending().await };
        let (mut wait, mut since) = (Duration::ZERO, Instant::now());
        loop {
            let why = private.exited().await;
            tracing::error!(why, "the private Postgres ended; starting it again");
            if since.elapsed() > LONG_LIFE {
                wait = Duration::ZERO;
            }
            *private = loop {
                tokio::time::sleep(wait).await;
                match PrivatePostgres::start(launch(settings, environment)).await {
                    Ok(started) => break started,
                    // A command of this Hub's has started it for itself, and ends soon.
                    Err(LaunchError::InUse(_)) => wait = FIRST_WAIT,
                    Err(error) => {
                        tracing::error!(%error, "the private Postgres does not start; trying again");
                        wait = (2 * wait).clamp(FIRST_WAIT, LONGEST_WAIT);
                    }
                }
            };
            since = Instant::now();
            wait = (2 * wait).clamp(FIRST_WAIT, LONGEST_WAIT);
            tracing::info!("the private Postgres runs again");
        }
    }

    /// Closes connections, then stops the private Postgres. One that was just being started again ends by itself, as it does
    /// when this process is killed.
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

/// An empty database for a trial, gone afterwards: on a Postgres that is started for it where the binaries are, which also
/// shows that another server takes the rows; else beside the Hub's own database.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) store: Store,
    place: ScratchPlace,
}

#[derive(Debug)]
enum ScratchPlace {
    Private(PrivatePostgres, tempfile::TempDir),
    Beside(Box<scratch::Scratch>),
}

impl Scratch {
    /// `hub` is the Hub's own database.
    pub(super) async fn open(
        settings: &Settings,
        environment: &Environment,
        hub: &Store,
    ) -> Result<Self, Failure> {
        let why = match Self::private(settings, environment).await {
            Ok(scratch) => return Ok(scratch),
            Err(why) => why,
        };
        let beside = scratch::Scratch::create(hub).await.map_err(|error: StoreError| {
            anyhow::anyhow!(
                "there is no place to restore the backup for a test: no Postgres can be started here ({why}), and the \
                 database's role may not create one ({error}). Give it CREATEDB, or say --no-verify"
            )
        })?;
        let store = Store::connect(beside.options.clone(), &settings.database).await?;
        Ok(Self { store, place: ScratchPlace::Beside(Box::new(beside)) })
    }

    async fn private(settings: &Settings, environment: &Environment) -> Result<Self, Failure> {
        use std::os::unix::fs::PermissionsExt as _;
        let cannot = |error: std::io::Error| anyhow::anyhow!("no folder for it: {error}");
        // What a crash left holds all records of the Hub.
        for left in std::fs::read_dir(&settings.server.data_dir).map_err(cannot)?.flatten() {
            let is_trial = left.file_name().to_string_lossy().starts_with(TRIAL);
            if is_trial && postgres::is_unused(&left.path()) {
                let _ = std::fs::remove_dir_all(left.path());
            }
        }
        let folder =
            tempfile::Builder::new().prefix(TRIAL).tempdir_in(&settings.server.data_dir).map_err(cannot)?;
        // Postgres is not run as root: its own user must get in, and finds nothing else there.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).map_err(cannot)?;
        let root = folder.path().to_owned();
        let private = PrivatePostgres::start(Launch {
            root,
            purpose: Purpose::Throwaway,
            ..launch(settings, environment)
        })
        .await?;
        let store = Store::connect(private.hub(), &settings.database).await?;
        Ok(Self { store, place: ScratchPlace::Private(private, folder) })
    }

    /// Throws it away; `hub` is the Hub's own database.
    pub(super) async fn close(self, hub: &Store) {
        self.store.close().await;
        match self.place {
            ScratchPlace::Private(private, folder) => {
                private.stop().await;
                drop(folder);
            }
            ScratchPlace::Beside(beside) => {
                if let Err(error) = beside.remove(hub).await {
                    tracing::warn!(%error, "a database that was made for a test stays");
                }
            }
        }
    }
}
