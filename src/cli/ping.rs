//! `executor-hub ping`: is the Hub ready? For health checks where no other program is at hand.

use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::failure::Failure;
use crate::config::Settings;

#[derive(Debug, Args)]
pub(super) struct Ping {
    /// How many seconds to wait for an answer
    #[arg(long, default_value_t = 5)]
    timeout: u64,
}

impl Ping {
    pub(super) async fn run(self, settings: &Settings) -> Result<(), Failure> {
        let mut address = settings.server.listen;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let ask = async {
            let mut stream = tokio::net::TcpStream::connect(address).await?;
            let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.take(64 << 10).read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = tokio::time::timeout(Duration::from_secs(self.timeout), ask)
            .await
            .map_err(|_| anyhow::anyhow!("no answer from {address} in {} s", self.timeout))?
            .map_err(|error| anyhow::anyhow!("no answer from {address}: {error}"))?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        println!("{}", body.trim());
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        Err(anyhow::anyhow!("the Hub at {address} is not ready").into())
    }
}
