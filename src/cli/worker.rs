//! `executor-hub worker`: builds for a Hub whose database and object store are shared with it.

use std::sync::Arc;

use super::{
    database::Database,
    failure::Failure,
    serve::{Stop, start_worker, until_stopped},
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
    // The folder of objects may be that of a Hub, or of other workers, which stage files there just now.
    let app = App::beside(settings, database.store.clone(), Arc::new(SystemClock))?;
    let listening = tokio::spawn(app.clone().listen());
    match start_worker(&app, &lock).await? {
        Some(worker) => {
            eprintln!("the worker is ready");
            until_stopped(&mut stop, &app.stopping(), worker.run()).await;
        }
        None => eprintln!("nothing to do: `builds.mode` is off or `builds.slots` is 0"),
    }
    app.stopping().cancel();
    let _ = listening.await;
    database.close().await;
    Ok(())
}
