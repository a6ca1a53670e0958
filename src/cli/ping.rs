//! `executor-hub ping`: is the Hub ready? For health checks where no other program is at hand.

use std::time::Duration;

use clap::Args;

use super::{
    failure::Failure,
    web::{Ask, Site, ask},
};
use crate::config::Settings;

#[derive(Debug, Args)]
pub(super) struct Ping {
    /// How many seconds to wait for an answer
    #[arg(long, default_value_t = 5)]
    timeout: u64,
}

impl Ping {
    pub(super) async fn run(self, settings: &Settings) -> Result<(), Failure> {
        let address = settings.server.listen;
        // The certificate is made out to another name than that of this machine's loopback; it does not count here.
        let site = Site::of_listener(address, settings.server.has_tls());
        let reply = ask(&site, Ask::get("/readyz"), Duration::from_secs(self.timeout))
            .await
            .map_err(anyhow::Error::from)?;
        println!("{}", String::from_utf8_lossy(&reply.body).trim());
        if reply.status == 200 {
            return Ok(());
        }
        Err(anyhow::anyhow!("the Hub at {address} is not ready").into())
    }
}
