//! How do settings become a running Hub? The one place where pools, stores, keys and use cases are made, once.

mod measures;
pub mod presence;
mod readiness;

use std::{path::PathBuf, sync::Arc};

use tokio_util::sync::CancellationToken;

pub use self::readiness::{Check, Readiness, State};

use crate::{
    auth::{Auth, AuthRules, Keys, KeysError, secrets::Secrets},
    blobs::{BlobError, Blobs},
    builds::{
        Engine,
        progress::Progress,
        sealing::Sealer,
        worker::{self, Worker},
    },
    check::Checker,
    config::Settings,
    domain::{Clock, limits::BuildLimits},
    hub::{self, Hub, Rules},
    images::{ImageRules, Images},
    inspect::PythonParser,
    store::{Store, StoreError, notify::Notifications},
    telemetry::Figures,
};

/// Why the Hub cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder is used by another process, or cannot be used.
    #[error("{0}")]
    DataDir(String),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The object store.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Everything that the surfaces use.
#[derive(Debug, Clone)]
pub struct App(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    settings: Settings,
    store: Store,
    blobs: Blobs,
    keys: Keys,
    clock: Arc<dyn Clock>,
    notifications: Notifications,
    auth: Auth,
    hub: Hub,
    images: Images,
    stopping: CancellationToken,
}

impl App {
    /// Puts the parts together. The schema must be up to date; `parser` reads Python, `clock` tells the time.
    pub fn new(
        settings: Settings,
        store: Store,
        clock: Arc<dyn Clock>,
        parser: PythonParser,
    ) -> Result<Self, StartError> {
        let blobs = Blobs::open(&settings.blobs, data_dir(&settings)?)?;
        Self::put_together(settings, store, clock, parser, blobs)
    }

    /// The same for a worker, which may live in a server's data folder.
    pub fn for_worker(settings: Settings, store: Store, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let blobs = Blobs::open_for_worker(&settings.blobs, data_dir(&settings)?)?;
        Self::put_together(settings, store, clock, PythonParser::InProcess, blobs)
    }

    /// The same for a command that runs beside a server of the same data folder: what that is receiving is left alone.
    pub fn beside(settings: Settings, store: Store, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::beside_with(settings, store, clock, PythonParser::InProcess)
    }

    /// The same with another reader of Python.
    pub fn beside_with(
        settings: Settings,
        store: Store,
        clock: Arc<dyn Clock>,
        parser: PythonParser,
    ) -> Result<Self, StartError> {
        let blobs = Blobs::open_beside(&settings.blobs, data_dir(&settings)?)?;
        Self::put_together(settings, store, clock, parser, blobs)
    }

    fn put_together(
        settings: Settings,
        store: Store,
        clock: Arc<dyn Clock>,
        parser: PythonParser,
        blobs: Blobs,
    ) -> Result<Self, StartError> {
        // Before anything is counted.
        Figures::of_process();
        let keys = Keys::load(&settings.auth.master_key, &settings.server.data_dir)?;
        let notifications = Notifications::default();
        let auth = Auth::new(store.clone(), Arc::clone(&clock), AuthRules::of(&settings));
        let secrets = Secrets::new(store.clone(), Arc::clone(&clock), auth.rules().secrets);
        let images = Images::new(store.clone(), blobs.clone(), Arc::clone(&clock), ImageRules::of(&settings));
        let hub = Hub::new(hub::Parts {
            images: images.clone(),
            secrets,
            store: store.clone(),
            blobs: blobs.clone(),
            keys: keys.clone(),
            clock: Arc::clone(&clock),
            parser,
            progress: Progress::new(store.clone(), blobs.clone(), notifications.clone(), Arc::clone(&clock)),
            rules: Rules::of(&settings),
            pull_counts: hub::PullCounts::default(),
        });
        let stopping = CancellationToken::new();
        Ok(Self(Arc::new(Parts {
            settings,
            store,
            blobs,
            keys,
            clock,
            notifications,
            auth,
            hub,
            images,
            stopping,
        })))
    }

    /// A worker of this process; it has not started.
    pub fn worker(&self, engine: Arc<dyn Engine>, place: String, limits: BuildLimits) -> Arc<Worker> {
        let parts = worker::Parts {
            store: self.0.store.clone(),
            blobs: self.0.blobs.clone(),
            images: self.0.images.clone(),
            keys: self.0.keys.clone(),
            clock: Arc::clone(&self.0.clock),
            notifications: self.0.notifications.clone(),
            engine,
            settings: self.0.settings.builds.clone(),
            limits,
            place,
        };
        Worker::new(parts, self.0.stopping.clone())
    }

    /// Receives the database's notifications until the process stops.
    pub async fn listen(self) {
        let listening = self.0.notifications.clone().listen(self.0.store.clone());
        tokio::select! {
            () = listening => {}
            () = self.0.stopping.cancelled() => {}
        }
    }

    /// Seals the stories of tasks that are over.
    pub fn sealer(&self) -> Sealer {
        Sealer { store: self.0.store.clone(), blobs: self.0.blobs.clone(), clock: Arc::clone(&self.0.clock) }
    }

    /// Clears away, every hour until the process stops, sign-ins that are over, what was deleted long enough ago, and bytes
    /// that nothing needs any more.
    pub async fn keep_house(self) {
        let stopping = self.stopping();
        // What a round is at when the process stops is begun again by the next one.
        tokio::join!(
            stopping.run_until_cancelled(self.clone().keep_house_hourly()),
            self.write_pull_counts()
        );
    }

    /// Writes down every few seconds what was pulled, and once more at the end.
    async fn write_pull_counts(&self) {
        const PAUSE: std::time::Duration = std::time::Duration::from_secs(5);
        loop {
            let is_last = tokio::select! {
                () = tokio::time::sleep(PAUSE) => false,
                () = self.0.stopping.cancelled() => true,
            };
            if let Err(error) = self.0.hub.write_pull_counts().await {
                tracing::warn!(error = ?error.source_for_log(), "cannot write down what was pulled; trying again later");
            }
            if is_last {
                return;
            }
        }
    }

    async fn keep_house_hourly(self) {
        const PAUSE: std::time::Duration = std::time::Duration::from_hours(1);
        loop {
            if let Err(error) = self.0.auth.forget_old().await {
                tracing::warn!(error = ?error.source_for_log(), "cannot forget old sign-ins; trying again later");
            }
            if let Err(error) = self.0.hub.collect_artifact_bytes().await {
                tracing::warn!(%error, "cannot collect what artifacts have left; trying again later");
            }
            if let Err(error) = self.0.hub.forget_rates().await {
                tracing::warn!(%error, "cannot forget old rates; trying again later");
            }
            if let Err(error) = self.0.hub.purge_deleted().await {
                tracing::warn!(%error, "cannot take away what was deleted; trying again later");
            }
            if let Err(error) = self.0.hub.collect_if_due().await {
                tracing::warn!(%error, "cannot collect bytes that nothing needs; trying again later");
            }
            if let Err(error) = self.0.hub.age_pull_counts().await {
                tracing::warn!(error = ?error.source_for_log(), "cannot age what was pulled; trying again later");
            }
            // Workers seal as they go; a Hub that builds nothing has none.
            if let Err(error) = self.sealer().seal_finished().await {
                tracing::warn!(%error, "cannot seal the stories of finished tasks; trying again later");
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = self.0.stopping.cancelled() => return,
            }
        }
    }

    /// Cancelled when the process is to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// What time it is.
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.clock.now()
    }

    /// What was configured.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Who is asking.
    pub fn auth(&self) -> &Auth {
        &self.0.auth
    }

    /// Use cases.
    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// The registry of images.
    pub fn images(&self) -> &Images {
        &self.0.images
    }

    /// Looks whether records and bytes fit each other; with `deep`, by reading every byte.
    pub fn checker(&self, deep: bool) -> Checker {
        // An upload takes hours at most; what the collector still keeps is no problem either.
        let grace =
            chrono::TimeDelta::from_std(self.0.settings.collection.grace.0).unwrap_or(chrono::TimeDelta::MAX);
        Checker {
            store: self.0.store.clone(),
            blobs: self.0.blobs.clone(),
            deep,
            only_needed: false,
            patience: grace.max(chrono::TimeDelta::hours(6)),
        }
    }

    /// The store, to close it at the end.
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}

/// The data folder, made when it is missing.
fn data_dir(settings: &Settings) -> Result<&std::path::Path, StartError> {
    let data_dir = &settings.server.data_dir;
    std::fs::create_dir_all(data_dir)
        .map_err(|error| StartError::DataDir(format!("cannot make {}: {error}", data_dir.display())))?;
    Ok(data_dir)
}

/// Holds the data folder of one machine for one process: a lock that dies with it.
#[derive(Debug)]
pub struct DataDirLock {
    _file: std::fs::File,
    path: PathBuf,
}

impl DataDirLock {
    /// Takes the lock, making the folder when it is missing. `role` lets a worker and a server share a folder.
    pub fn take(data_dir: &std::path::Path, role: &str) -> Result<Self, StartError> {
        let cannot = |error: std::io::Error| {
            StartError::DataDir(format!("cannot use the data folder {}: {error}", data_dir.display()))
        };
        std::fs::create_dir_all(data_dir).map_err(cannot)?;
        let path = lock_file(data_dir, role);
        let file = std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file, path }),
            Err(std::fs::TryLockError::WouldBlock) => Err(StartError::DataDir(format!(
                "the data folder {} is in use by another running {role}",
                data_dir.display()
            ))),
            Err(std::fs::TryLockError::Error(error)) => Err(cannot(error)),
        }
    }

    /// What the lock stands for: one process at a time has it.
    pub fn place(&self, host: &str) -> String {
        format!("{host}:{}", self.path.display())
    }

    /// The place of whichever process holds the lock of `role` there.
    pub fn place_of(data_dir: &std::path::Path, role: &str, host: &str) -> String {
        format!("{host}:{}", lock_file(data_dir, role).display())
    }
}

fn lock_file(data_dir: &std::path::Path, role: &str) -> PathBuf {
    data_dir.join(format!("{role}.lock"))
}
