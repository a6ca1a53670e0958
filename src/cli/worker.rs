//! `executor-hub worker`: builds for a Hub whose database and object store are shared with it.

use std::sync::Arc;

use super::{
    database::Database,
    failure::Failure,
    observe,
    serve::{Stop, start_worker, until_stopped},
    supervisor::Supervisor,
};
use crate::{
    app::{App, DataDirLock},
    config::{ConfigError, Environment, Settings},
    domain::SystemClock,
};

pub(super) async fn run(settings: Settings, environment: &Environment) -> Result<(), Failure> {
    if settings.database.url.is_empty() {
        let why = "a worker needs the database of its Hub".to_owned();
        return Err(ConfigError::Value { key: "database.url".into(), why }.into());
    }
    let mut stop = Stop::new()?;
    let lock = DataDirLock::take(&settings.server.data_dir, "worker")?;
    let database = Database::own(&settings, environment).await?;
    let app = App::for_worker(settings, database.store.clone(), Arc::new(SystemClock))?;
    let supervisor = Supervisor::of(environment);
    let alive = tokio::spawn(supervisor.clone().stay_alive());
    let observed = observe::begin(&app).await?;
    let known = tokio::spawn(app.clone().stay_known("worker", lock.place(&Environment::host_name())));
    let listening = tokio::spawn(app.clone().listen());
    match start_worker(&app, &lock).await? {
        Some(worker) => {
            eprintln!("the worker is ready");
            supervisor.ready();
            until_stopped(&mut stop, &app.stopping(), worker.run()).await;
        }
        None => eprintln!("nothing to do: `builds.mode` is off or `builds.slots` is 0"),
    }
    supervisor.stopping();
    app.stopping().cancel();
    let _ = listening.await;
    let _ = known.await;
    if let Some(observed) = observed {
        let _ = observed.await;
    }
    alive.abort();
    database.close().await;
    Ok(())
}
