//! Where do operators' programs look? At a listener of its own, which a proxy for everybody does not lead to.

use tokio::task::JoinHandle;

use super::failure::Failure;
use crate::{
    app::App,
    config::ConfigError,
    http::{observation_router, server},
};

/// Serves figures and health on `server.metrics_listen`, if there is one, until the process stops.
pub(super) async fn begin(app: &App) -> Result<Option<JoinHandle<()>>, Failure> {
    let settings = &app.settings().server;
    if settings.metrics_listen.is_empty() {
        return Ok(None);
    }
    let wrong = |why: String| ConfigError::Value { key: "server.metrics_listen".into(), why };
    let address = settings.metrics_listen.parse().map_err(|_| wrong("it is no address".into()))?;
    let listener =
        server::bind(address).await.map_err(|error| wrong(format!("cannot listen on {address}: {error}")))?;
    let address = listener.local_addr().map_err(anyhow::Error::from)?;
    tracing::info!(%address, "figures and health are served");
    let bounds = server::Bounds { grace: std::time::Duration::ZERO, ..server::Bounds::of(settings) };
    let router = observation_router(app.clone());
    Ok(Some(tokio::spawn(server::serve(listener, router, bounds, app.stopping()))))
}
