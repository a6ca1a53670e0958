//! What is read again while the Hub runs? The certificate, at SIGHUP and when its files change, and at SIGHUP the level of the
//! log. Everything else waits for the next start, and is named.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use crate::{
    config::{Environment, Overrides, Setting, Settings},
    http::tls::Tls,
    telemetry,
};

/// How often the files of the certificate are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What the settings are read from, and what they were at the start.
#[derive(Clone)]
pub(super) struct Configured {
    environment: Environment,
    overrides: Overrides,
    at_start: Vec<Setting>,
}

impl Configured {
    pub(super) fn of(settings: &Settings, environment: &Environment, overrides: Overrides) -> Self {
        Self { environment: environment.clone(), overrides, at_start: settings.effective().to_vec() }
    }

    /// Blocks on the disk.
    fn read_again(&self) {
        let settings = match Settings::load(&self.environment, &self.overrides) {
            Ok(settings) => settings,
            Err(error) => {
                tracing::error!(%error, "cannot read the settings again; those of the start stay");
                return;
            }
        };
        match telemetry::set_level(&settings.log.level) {
            Ok(()) => tracing::info!(level = settings.log.level, "this is logged from now on"),
            Err(error) => tracing::error!(%error, "cannot change what is logged"),
        }
        let changed: Vec<&str> = settings
            .effective()
            .iter()
            .zip(&self.at_start)
            .filter(|(now, then)| now.value != then.value && now.key != "log.level")
            .map(|(now, _)| now.key.as_str())
            .collect();
        if !changed.is_empty() {
            tracing::warn!(keys = changed.join(" "), "these settings have changed and count after a restart");
        }
    }
}

/// Reads again whenever it is time to, for ever. From the moment this returns, SIGHUP ends nothing any more.
pub(super) fn on_hangup(
    tls: Option<Tls>,
    configured: Configured,
) -> Result<impl Future<Output = ()>, Failure> {
    let mut hangup = signal(SignalKind::hangup()).map_err(anyhow::Error::from)?;
    let watching = tls.clone();
    Ok(async move {
        let hear = async {
            while hangup.recv().await.is_some() {
                let configured = configured.clone();
                let _ = tokio::task::spawn_blocking(move || configured.read_again()).await;
                if let Some(tls) = tls.clone() {
                    reload(tls).await;
                }
            }
        };
        let watch = async {
            match watching {
                Some(tls) => tls.watch(LOOK_EVERY).await,
                None => std::future::pending().await,
            }
        };
        tokio::join!(hear, watch);
    })
}

async fn reload(tls: Tls) {
    match tokio::task::spawn_blocking(move || tls.reload()).await {
        Ok(Ok(true)) => tracing::info!("new connections get the new certificate"),
        Ok(Ok(false)) => tracing::info!("the certificate is as it was"),
        Ok(Err(error)) => tracing::error!(%error, "cannot read the certificate again; the old one stays"),
        Err(error) => tracing::error!(%error, "reading the certificate again broke off"),
    }
}
