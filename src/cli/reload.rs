//! What is read again while the Hub runs? The certificate, at SIGHUP and when its files change. Everything else waits for the
//! next start.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use crate::http::tls::Tls;

/// How often the files of the certificate are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Reads the certificate again whenever it is time to, for ever. From the moment this returns, SIGHUP ends nothing any more.
pub(super) fn on_hangup(tls: Option<Tls>) -> Result<impl Future<Output = ()>, Failure> {
    let mut hangup = signal(SignalKind::hangup()).map_err(anyhow::Error::from)?;
    let watching = tls.clone();
    Ok(async move {
        let hear = async {
            while hangup.recv().await.is_some() {
                match tls.clone() {
                    None => tracing::info!("nothing to read again: there is no certificate"),
                    Some(tls) => reload(tls).await,
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
