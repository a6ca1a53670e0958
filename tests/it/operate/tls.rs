//! Does the Hub speak TLS with the certificate of its files, and with the next one when they change?

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use executor_hub::http::{
    server::{self, Bounds},
    tls::Tls,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedKey, DnType, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

use crate::support::{hub::TestHub, server::Installation};

/// What nothing here takes as long as.
const LONG: Duration = Duration::from_secs(20);

/// A certificate for `localhost`, in two files.
fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

fn write(folder: &Path, pair: &CertifiedKey<KeyPair>) {
    std::fs::write(folder.join("tls.key"), pair.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("tls.crt"), pair.cert.pem()).unwrap();
}

/// A connection of somebody who trusts this certificate and no other.
async fn connect(
    address: SocketAddr,
    trusted: &CertifiedKey<KeyPair>,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut bytes = vec![0; 1024];
    let length = tokio::time::timeout(LONG, stream.read(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

/// A Hub's front with a certificate of one kind or another, for a client who trusts the authority in `roots.pem`.
#[derive(Debug, Clone, Copy)]
pub enum Front {
    Good,
    Expired,
    ForAnotherName,
    OfAnUnknownIssuer,
}

impl Front {
    /// Where it is reached, and the folder of its files.
    pub async fn start(self, hub: &TestHub) -> (String, TempDir) {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "Authority of the tests");
        let authority_file = authority.self_signed(&authority_key).unwrap();
        let name = if matches!(self, Self::ForAnotherName) { "hub.example.com" } else { "localhost" };
        let mut certificate = CertificateParams::new([name.to_owned()]).unwrap();
        certificate.not_before = rcgen::date_time_ymd(2020, 1, 1);
        let end = if matches!(self, Self::Expired) { 2021 } else { 4000 };
        certificate.not_after = rcgen::date_time_ymd(end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let cert = certificate.signed_by(&key, &issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &CertifiedKey { cert, signing_key: key });
        let trusted = if matches!(self, Self::OfAnUnknownIssuer) {
            certificate_of_nobody()
        } else {
            authority_file.pem()
        };
        std::fs::write(folder.path().join("roots.pem"), trusted).unwrap();
        let tls = Tls::load(&folder.path().join("tls.crt"), &folder.path().join("tls.key")).unwrap();
        let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let bounds = Bounds::of(&hub.app.settings().server);
        let router = executor_hub::http::router(&hub.app);
        tokio::spawn(server::serve_with(listener, Some(tls), router, bounds, hub.app.stopping()));
        (format!("https://localhost:{port}"), folder)
    }
}

fn certificate_of_nobody() -> String {
    certificate().cert.pem()
}

struct Served {
    folder: TempDir,
    tls: Tls,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Served {
    async fn with(pair: &CertifiedKey<KeyPair>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), pair);
        let tls = Tls::load(&folder.path().join("tls.crt"), &folder.path().join("tls.key")).unwrap();
        let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let bounds =
            Bounds { read_timeout: LONG, idle_timeout: LONG, connections: 100, grace: Duration::ZERO };
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(async || "here"));
        tokio::spawn(server::serve_with(listener, Some(tls.clone()), router, bounds, stop.clone()));
        Self { folder, tls, address, stop }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn a_new_certificate_counts_for_new_connections_and_open_ones_go_on() {
    let (first, second) = (certificate(), certificate());
    let served = Served::with(&first).await;
    let mut open = connect(served.address, &first, &[]).await.unwrap();
    assert!(ask(&mut open).await.ends_with("here"));
    assert!(!served.tls.reload().unwrap(), "nothing has changed");
    write(served.folder.path(), &second);
    assert!(served.tls.reload().unwrap());
    assert!(connect(served.address, &first, &[]).await.is_err(), "the old certificate is shown");
    assert!(ask(&mut connect(served.address, &second, &[]).await.unwrap()).await.ends_with("here"));
    assert!(ask(&mut open).await.ends_with("here"), "an open connection was cut");
}

#[tokio::test]
async fn files_that_are_no_pair_leave_the_old_certificate_in_place() {
    let first = certificate();
    let served = Served::with(&first).await;
    let path = |name: &str| served.folder.path().join(name);
    std::fs::write(path("tls.key"), certificate().signing_key.serialize_pem()).unwrap();
    assert!(served.tls.reload().is_err(), "a key of another certificate");
    std::fs::write(path("tls.crt"), "no certificate").unwrap();
    assert!(served.tls.reload().is_err());
    std::fs::remove_file(path("tls.crt")).unwrap();
    let error = served.tls.reload().unwrap_err().to_string();
    assert!(error.contains("tls.crt"), "{error}");
    assert!(connect(served.address, &first, &[]).await.is_ok());
}

#[tokio::test]
async fn changed_files_are_found_without_being_told() {
    let (first, second) = (certificate(), certificate());
    let served = Served::with(&first).await;
    let watching = tokio::spawn(served.tls.clone().watch(Duration::from_millis(5)));
    write(served.folder.path(), &second);
    let found = async {
        while connect(served.address, &second, &[]).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, found).await.expect("the new certificate is shown");
    watching.abort();
}

#[tokio::test]
async fn both_versions_of_http_are_offered_and_plain_http_is_told_to_speak_tls() {
    let pair = certificate();
    let served = Served::with(&pair).await;
    for protocol in [b"h2".as_slice(), b"http/1.1"] {
        let stream = connect(served.address, &pair, &[protocol]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
    }
    let mut plain = TcpStream::connect(served.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut said = String::new();
    tokio::time::timeout(LONG, plain.read_to_string(&mut said)).await.unwrap().unwrap();
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("https://"), "{said}");
}

#[tokio::test]
async fn the_program_speaks_tls_and_reads_the_files_again_at_sighup() {
    let (first, second) = (certificate(), certificate());
    let hub = Installation::without_engine().await;
    write(hub.path(), &first);
    let folder = hub.path().to_owned();
    let file = |name: &str| folder.join(name).display().to_string();
    let hub = hub.with("SERVER__TLS_CERTIFICATE", &file("tls.crt")).with("SERVER__TLS_KEY", &file("tls.key"));
    let server = hub.serve().await;
    let address = server.url.strip_prefix("https://").expect("an address with TLS").parse().unwrap();
    assert!(connect(address, &first, &[]).await.is_ok());
    write(&folder, &second);
    server.signal("HUP");
    let found = async {
        while connect(address, &second, &[]).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(8), found).await.expect("sooner than it looks by itself");
}
