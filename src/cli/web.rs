//! How do commands ask a Hub over HTTP? Mostly one request on a connection of its own, with every outcome told: the
//! certificate that was shown, and when each piece of the answer came. Nothing follows redirections.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Empty};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::io::{AsyncRead, AsyncWrite};

/// The most of an answer that is read.
const MOST: usize = 4 << 20;

/// Why there is no answer, for people.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebError {
    #[error("'{0}' is no address such as https://hub.example.com")]
    Address(String),
    #[error("cannot reach {place}: {source}")]
    Connect { place: String, source: std::io::Error },
    #[error("{place} does not speak TLS: {source}")]
    Tls { place: String, source: std::io::Error },
    #[error("{place} answers no HTTP: {source}")]
    Http { place: String, source: hyper::Error },
    #[error("no answer from {place} in {} s", after.as_secs())]
    Silent { place: String, after: Duration },
}

/// A server, and the path below which it serves the Hub.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) is_tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// Without a slash at its end; often empty.
    pub(super) base: String,
}

impl Site {
    /// Reads an address such as `https://hub.example.com/base`.
    pub(super) fn parse(url: &str) -> Result<Self, WebError> {
        let wrong = || WebError::Address(url.to_owned());
        let uri: hyper::Uri = url.parse().map_err(|_| wrong())?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong()),
        };
        let host = uri.host().ok_or_else(wrong)?.to_owned();
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self { is_tls, host, port, base: uri.path().trim_end_matches('/').to_owned() })
    }

    /// The Hub's own listener.
    pub(super) fn of_listener(mut address: SocketAddr, is_tls: bool) -> Self {
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self { is_tls, host, port: address.port(), base: String::new() }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// One request.
#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    pub(super) method: hyper::Method,
    /// Below the site's base.
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    /// A length that is announced; the body itself never comes.
    pub(super) announced: Option<u64>,
}

impl Ask {
    pub(super) fn get(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: hyper::HeaderMap,
    pub(super) body: Vec<u8>,
    /// When the pieces of the body came, after the head.
    pub(super) pieces: Vec<Duration>,
    /// What is wrong with the certificate that was shown, if one was.
    pub(super) certificate: Option<Judgement>,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What clients think of a certificate.
#[derive(Debug, Clone, Default)]
pub(super) struct Judgement {
    /// Why clients refuse it today; empty when they do not.
    pub(super) today: Option<rustls::Error>,
    /// Why they will two weeks from now.
    pub(super) soon: Option<rustls::Error>,
}

/// Asks and waits for the whole answer, or for as much as fits; gives up after `limit`. A certificate that nobody would
/// accept is reported and accepted: what lies behind it is of interest too, and nothing secret is sent.
pub(super) async fn ask(site: &Site, ask: Ask, limit: Duration) -> Result<Reply, WebError> {
    tokio::time::timeout(limit, ask_patiently(site, ask))
        .await
        .unwrap_or_else(|_| Err(WebError::Silent { place: site.place(), after: limit }))
}

async fn ask_patiently(site: &Site, ask: Ask) -> Result<Reply, WebError> {
    let connect = |source| WebError::Connect { place: site.place(), source };
    let host = site.host.trim_start_matches('[').trim_end_matches(']');
    let stream = tokio::net::TcpStream::connect((host, site.port)).await.map_err(connect)?;
    if !site.is_tls {
        return converse(site, ask, stream, None).await;
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|_| WebError::Address(site.host.clone()))?;
    let judge = Arc::new(Judge::new());
    let connector = tokio_rustls::TlsConnector::from(Arc::new(judge.config()));
    let stream = connector
        .connect(name, stream)
        .await
        .map_err(|source| WebError::Tls { place: site.place(), source })?;
    let judgement = judge.judgement.lock().unwrap_or_else(PoisonError::into_inner).clone();
    converse(site, ask, stream, Some(judgement)).await
}

async fn converse(
    site: &Site,
    ask: Ask,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    certificate: Option<Judgement>,
) -> Result<Reply, WebError> {
    let http = |source| WebError::Http { place: site.place(), source };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
    // It ends with the sender.
    tokio::spawn(connection);
    let mut request = hyper::Request::builder()
        .method(ask.method)
        .uri(format!("{}{}", site.base, ask.path))
        .header("host", site.place())
        .header("user-agent", concat!("executor-hub/", env!("CARGO_PKG_VERSION")));
    for (name, value) in ask.headers {
        request = request.header(name, value);
    }
    let body = match ask.announced {
        None => Either::Left(Empty::<Bytes>::new()),
        Some(length) => Either::Right(Announced(length)),
    };
    let request =
        request.body(body).map_err(|_| WebError::Address(format!("{}{}", site.place(), site.base)))?;
    let response = sender.send_request(request).await.map_err(http)?;
    let (head, mut stream) = response.into_parts();
    let started = Instant::now();
    let (mut body, mut pieces) = (Vec::new(), Vec::new());
    while let Some(frame) = stream.frame().await {
        let frame = frame.map_err(http)?;
        if let Some(data) = frame.data_ref() {
            body.extend_from_slice(data);
            pieces.push(started.elapsed());
        }
        if body.len() > MOST {
            break;
        }
    }
    Ok(Reply { status: head.status.as_u16(), headers: head.headers, body, pieces, certificate })
}

/// For many requests to one server: gives up where nothing moves for `patience`, and follows no redirection, which would take
/// a token elsewhere.
pub(super) fn client(patience: Duration) -> reqwest::Result<reqwest::Client> {
    // It comes without cryptography of its own and panics when nobody chose one; a second choice is no harm.
    let _ = ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(patience)
        .read_timeout(patience)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

/// A body that is said to have so many bytes, of which none ever comes.
struct Announced(u64);

impl hyper::body::Body for Announced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.0)
    }
}

/// Accepts every certificate and remembers what an ordinary client would have said.
#[derive(Debug)]
struct Judge {
    ordinary: Option<Arc<WebPkiServerVerifier>>,
    judgement: Mutex<Judgement>,
}

impl Judge {
    fn new() -> Self {
        let mut roots = RootCertStore::empty();
        // Those of the machine, or of SSL_CERT_FILE: what the clients use as well.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(ring::default_provider());
        let ordinary = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok();
        Self { ordinary, judgement: Mutex::default() }
    }

    fn config(self: &Arc<Self>) -> ClientConfig {
        let provider = Arc::new(ring::default_provider());
        #[expect(clippy::expect_used, reason = "the provider has the versions that it has by default")]
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS");
        builder.dangerous().with_custom_certificate_verifier(Arc::clone(self) as _).with_no_client_auth()
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        const SOON: Duration = Duration::from_hours(14 * 24);
        let judge = |at| match &self.ordinary {
            Some(ordinary) => {
                ordinary.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, at).err()
            }
            None => Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)),
        };
        let soon = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + SOON);
        *self.judgement.lock().unwrap_or_else(PoisonError::into_inner) =
            Judgement { today: judge(now), soon: judge(soon) };
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_refusal_is_heard_though_the_body_never_comes() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = Site::of_listener(listener.local_addr().unwrap(), false);
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            assert!(String::from_utf8_lossy(&head[..length]).contains("content-length: 1000000"));
            let answer = b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        });
        let upload =
            Ask { method: hyper::Method::POST, announced: Some(1_000_000), ..Ask::get("/probe/upload") };
        assert_eq!(ask(&site, upload, Duration::from_secs(10)).await.unwrap().status, 413);
    }
}
