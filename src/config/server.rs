//! Where is the Hub reached, and what may one connection take? The settings of the listener.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{Network, Span};

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// What links start with, without a slash at the end; empty means made from `listen`.
    pub external_url: String,
    /// Resolved to an absolute path when settings are loaded.
    pub data_dir: PathBuf,
    /// How long open requests may go on after the signal to stop.
    pub shutdown_grace: Span,
    /// How long each piece of a request may take.
    pub read_timeout: Span,
    /// How long nothing may move on a connection.
    pub idle_timeout: Span,
    /// How many connections there may be at once.
    pub max_connections: usize,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Hosts of image registries, for the clients' Docker credential helper; empty means that of `external_url`.
    pub image_registries: Vec<String>,
}

impl Server {
    /// A key whose value cannot be, and why not.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        let url = &self.external_url;
        if !(url.starts_with("http://") || url.starts_with("https://")) || url.contains(['?', '#', ' ']) {
            return Some(("server.external_url", "it must be an address such as https://hub.example.com"));
        }
        if self.idle_timeout.0 < Duration::from_secs(1) {
            return Some(("server.idle_timeout", "it must be 1s or more"));
        }
        (self.max_connections == 0).then_some(("server.max_connections", "at least 1 is needed"))
    }
}
