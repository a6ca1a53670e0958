//! Where is the Hub reached, and what may one connection take? The settings of the listener.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{Network, Span, secret_text};
use crate::domain::Secret;

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Certificate and those that vouch for it, in PEM; empty means plain HTTP.
    pub tls_certificate: PathBuf,
    /// Its key, in PEM.
    pub tls_key: PathBuf,
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
    /// Another listener, for figures and health; empty means none.
    pub metrics_listen: String,
    /// Reads the figures on the first listener; empty means that only admins do.
    #[serde(deserialize_with = "secret_text")]
    pub metrics_token: Secret,
    /// Hosts of image registries, for the clients' Docker credential helper; empty means that of `external_url`.
    pub image_registries: Vec<String>,
}

impl Server {
    /// The path below which the Hub is reached, without a slash at its end; often empty.
    pub fn base_path(&self) -> &str {
        let rest = self.external_url.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default().trim_end_matches('/')
    }

    /// Whether the listener speaks TLS.
    pub fn has_tls(&self) -> bool {
        !self.tls_certificate.as_os_str().is_empty()
    }

    /// The listener got this address, which matters when any free port was asked for.
    pub fn listening_on(&mut self, address: SocketAddr) {
        let scheme = if self.has_tls() { "https" } else { "http" };
        if self.external_url == format!("{scheme}://{}", self.listen) {
            self.external_url = format!("{scheme}://{address}");
        }
        self.listen = address;
    }

    /// A key whose value cannot be, and why not.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        let url = &self.external_url;
        if !(url.starts_with("http://") || url.starts_with("https://")) || url.contains(['?', '#', ' ']) {
            return Some(("server.external_url", "it must be an address such as https://hub.example.com"));
        }
        if self.tls_certificate.as_os_str().is_empty() != self.tls_key.as_os_str().is_empty() {
            return Some(("server.tls_key", "certificate and key are needed, or neither of them"));
        }
        if !self.metrics_listen.is_empty() && self.metrics_listen.parse::<SocketAddr>().is_err() {
            return Some((
                "server.metrics_listen",
                "it must be an address and a port, such as 127.0.0.1:9464",
            ));
        }
        if self.idle_timeout.0 < Duration::from_secs(1) {
            return Some(("server.idle_timeout", "it must be 1s or more"));
        }
        (self.max_connections == 0).then_some(("server.max_connections", "at least 1 is needed"))
    }
}
