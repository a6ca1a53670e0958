//! Where does a request come from? From the other end of its connection, or, when that is a proxy of the operator's, from
//! where the proxy says.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
};

use axum::{
    extract::FromRequestParts,
    http::{Extensions, HeaderMap, request::Parts},
};

use crate::{app::App, config::Network};

/// The other end of the connection, in a request's extensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// The address of whoever asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientAddress(pub(super) IpAddr);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(parts, app))
    }
}

impl ClientAddress {
    /// Of a request's head.
    pub(super) fn of(parts: &Parts, app: &App) -> Self {
        let address = of(&parts.headers, &parts.extensions, app);
        Self(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }
}

/// The address of whoever sent a request with these headers; `None` when the connection's other end is not known.
pub(super) fn of(headers: &HeaderMap, extensions: &Extensions, app: &App) -> Option<IpAddr> {
    let Peer(peer) = *extensions.get()?;
    Some(client(peer, headers, &app.settings().server.trusted_proxies))
}

/// Reads `X-Forwarded-For` from right to left, for as long as the speaker is trusted: the left end is whatever the client
/// made up.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut address = peer.to_canonical();
    let values: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for hop in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        if !trusted.iter().any(|network| network.contains(address)) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(hop) => address = hop.to_canonical(),
            Err(_) => break,
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_trusted_proxies_say_who_they_speak_for() {
        let trusted: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap()];
        let ask = |peer: &str, forwarded: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_static(forwarded));
            client(peer.parse().unwrap(), &headers, &trusted).to_string()
        };
        assert_eq!(ask("192.0.2.1", "198.51.100.9"), "192.0.2.1", "a client that makes itself a proxy");
        assert_eq!(ask("10.0.0.1", "198.51.100.9"), "198.51.100.9");
        assert_eq!(ask("10.0.0.1", "203.0.113.5, 198.51.100.9, 10.0.0.2"), "198.51.100.9");
        assert_eq!(ask("10.0.0.1", "nonsense"), "10.0.0.1");
    }
}
