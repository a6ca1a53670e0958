//! `executor-hub ping`: is the Hub, or the worker of this place, ready? For health checks where no other program is at hand.

use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;

use super::{
    failure::Failure,
    web::{Ask, Site, ask},
};
use crate::{
    app::DataDirLock,
    config::{ConfigError, Environment, Settings},
    domain::{Clock as _, SystemClock},
    store::{self, Store},
};

/// A worker writes a sign of life every ten seconds.
const WORKER_SILENCE: TimeDelta = TimeDelta::seconds(30);

#[derive(Debug, Args)]
pub(super) struct Ping {
    /// How many seconds to wait for an answer
    #[arg(long, default_value_t = 5)]
    timeout: u64,
    /// Ask for the `executor-hub worker` of this machine and data folder instead
    #[arg(long)]
    worker: bool,
}

impl Ping {
    pub(super) async fn run(self, settings: &Settings) -> Result<(), Failure> {
        let wait = Duration::from_secs(self.timeout);
        if !self.worker {
            return server(settings, wait).await;
        }
        tokio::time::timeout(wait, worker(settings))
            .await
            .map_err(|_| anyhow::anyhow!("no answer from the database in {} s", self.timeout))?
    }
}

async fn server(settings: &Settings, wait: Duration) -> Result<(), Failure> {
    let address = settings.server.listen;
    // The certificate is made out to another name than that of this machine's loopback; it does not count here.
    let site = Site::of_listener(address, settings.server.has_tls());
    let reply = ask(&site, Ask::get("/readyz"), wait).await.map_err(anyhow::Error::from)?;
    println!("{}", String::from_utf8_lossy(&reply.body).trim());
    if reply.status == 200 {
        return Ok(());
    }
    Err(anyhow::anyhow!("the Hub at {address} is not ready").into())
}

/// An engine that is away does not make the worker unwell: it waits for it, and starting the worker anew would not help.
async fn worker(settings: &Settings) -> Result<(), Failure> {
    if settings.database.url.is_empty() {
        let why = "a worker is asked for in the database of its Hub".to_owned();
        return Err(ConfigError::Value { key: "database.url".into(), why }.into());
    }
    let place = DataDirLock::place_of(&settings.server.data_dir, "worker", &Environment::host_name());
    let store = Store::connect(Store::options_of(&settings.database.url)?, &settings.database).await?;
    let mut connection = store.begin().await?;
    let seen = store::workers::list(&mut connection, SystemClock.now() - WORKER_SILENCE).await?;
    drop(connection);
    store.close().await;
    if seen.iter().any(|worker| worker.name == place) {
        println!("the worker at {place} is there");
        return Ok(());
    }
    Err(anyhow::anyhow!("the worker at {place} gave no sign of life for {} s", WORKER_SILENCE.num_seconds())
        .into())
}
