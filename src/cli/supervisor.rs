//! How does systemd hear that the Hub is ready, stopping or alive? By datagrams to the socket that it names; where it names
//! none, nobody wants to hear.

use std::{
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

use crate::config::Environment;

/// Whoever started the process, if they want to hear of it.
#[derive(Debug, Clone)]
pub(super) struct Supervisor {
    address: Option<SocketAddr>,
    /// Within this time it wants to hear that the process is alive.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// By `NOTIFY_SOCKET` and `WATCHDOG_USEC`, as systemd sets them for units of `Type=notify`.
    pub(super) fn of(environment: &Environment) -> Self {
        let address = environment.get("NOTIFY_SOCKET").and_then(|name| match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok(),
            None => SocketAddr::from_pathname(name).ok(),
        });
        let microseconds = environment.get("WATCHDOG_USEC").and_then(|text| text.parse().ok());
        Self { address, watchdog: microseconds.filter(|time| *time > 0).map(Duration::from_micros) }
    }

    /// The Hub takes requests.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// The Hub was asked to stop; it ends what is under way.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Says again and again that the process is alive, twice as often as is wanted; for ever.
    pub(super) async fn stay_alive(self) {
        let Some(watchdog) = self.watchdog else { return std::future::pending().await };
        loop {
            self.tell("WATCHDOG=1");
            tokio::time::sleep(watchdog / 2).await;
        }
    }

    fn tell(&self, what: &str) {
        let Some(address) = &self.address else { return };
        let sent = UnixDatagram::unbound().and_then(|socket| {
            // A supervisor that is stuck must not make the Hub stick.
            socket.set_nonblocking(true)?;
            socket.send_to_addr(what.as_bytes(), address)
        });
        if let Err(error) = sent {
            tracing::debug!(%error, what, "cannot tell the supervisor");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_supervisor_hears_that_the_hub_is_ready_alive_and_stopping() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
        let environment = Environment::of([
            ("NOTIFY_SOCKET".to_owned(), path.display().to_string()),
            ("WATCHDOG_USEC".to_owned(), "2000".to_owned()),
        ]);
        let heard = async || {
            let mut bytes = [0; 64];
            let length = tokio::time::timeout(Duration::from_secs(20), socket.recv(&mut bytes)).await;
            String::from_utf8_lossy(&bytes[..length.unwrap().unwrap()]).into_owned()
        };
        let supervisor = Supervisor::of(&environment);
        supervisor.ready();
        assert_eq!(heard().await, "READY=1");
        let alive = tokio::spawn(supervisor.clone().stay_alive());
        assert_eq!((heard().await, heard().await), ("WATCHDOG=1".to_owned(), "WATCHDOG=1".to_owned()));
        alive.abort();
        // Nobody wants to hear: nothing happens.
        Supervisor::of(&Environment::of([])).stopping();
    }
}
