//! How are connections served, with TLS or without, and how does serving end? Softly first: open requests may go on for a
//! while.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Extension, extract::Request, middleware::AddExtension, response::Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::{Layer as _, Service};

use super::{
    address::Peer,
    idle::{Movement, Watched},
    stall::CutWhenStalled,
    tls::Tls,
};
use crate::config;

/// Bytes that are read from a connection at once, and so the most that the head of a request may have. Several such pieces
/// of an upload are in memory at a time.
const READ_BYTES: usize = 128 << 10;

/// Requests that one connection may have open at a time.
const MAX_STREAMS: u32 = 128;

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How long the head and each piece of the body of a request may take.
    pub read_timeout: Duration,
    /// How long nothing may move on a connection.
    pub idle_timeout: Duration,
    /// How many there may be; further ones wait to be taken.
    pub connections: usize,
    /// How long open requests may go on after the signal to stop.
    pub grace: Duration,
}

impl Bounds {
    /// From the settings.
    pub fn of(settings: &config::Server) -> Self {
        Self {
            read_timeout: settings.read_timeout.0,
            idle_timeout: settings.idle_timeout.0,
            connections: settings.max_connections,
            grace: settings.shutdown_grace.0,
        }
    }
}

/// What answers requests with bodies of a kind, those of connections: all routes, or those of a test.
pub trait Surface<B = Incoming>:
    Service<Request<B>, Response = Response, Error = Infallible, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<B, S> Surface<B> for S where
    S: Service<Request<B>, Response = Response, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// A bound listener.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// The first byte of every connection that begins with TLS: a handshake record.
const HANDSHAKE: u8 = 22;
/// For whoever speaks plain HTTP to a listener with TLS.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    This Hub is reached by https://, not by http://.\n";

/// Serves until `stop`; then takes no more connections and gives open requests some time to end. A piece of a request that
/// takes too long to arrive ends its connection, and so does a piece of an answer that nobody takes.
pub async fn serve<S: Surface>(listener: TcpListener, surface: S, bounds: Bounds, stop: CancellationToken) {
    serve_with(listener, None, surface, bounds, stop).await;
}

/// The same over TLS, where there is a certificate.
pub async fn serve_with<S: Surface>(
    listener: TcpListener,
    tls: Option<Tls>,
    surface: S,
    bounds: Bounds,
    stop: CancellationToken,
) {
    let Bounds { read_timeout, idle_timeout, connections, grace } = bounds;
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Who opens a connection and says nothing holds nothing for long.
        .header_read_timeout(read_timeout)
        // A hundred headers are room enough: old clients send some 45, one for each fact and environment variable
        // (PROTOCOL.md 0). A larger number would cost two allocations for each request.
        .max_buf_size(READ_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(64 << 10)
        .max_concurrent_streams(MAX_STREAMS);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)));
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            // It is never closed.
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: wait for some to come back instead of spinning.
                    tracing::warn!(%error, "cannot take a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        // Answers are small and many: waiting to fill packets costs 40 ms each.
        let _ = stream.set_nodelay(true);
        let (builder, watcher, stopping) = (builder.clone(), graceful.watcher(), stop.clone());
        let service = Extension(Peer(peer.ip())).layer(surface.clone());
        let tls = tls.clone();
        tokio::spawn(async move {
            // The version is told by the first bytes, and only then does the time for the head begin.
            let mut byte = [0];
            let has_begun = tokio::select! {
                () = stopping.cancelled() => false,
                peeked = tokio::time::timeout(read_timeout, stream.peek(&mut byte)) => matches!(peeked, Ok(Ok(1))),
            };
            if !has_begun {
                return;
            }
            let limits = (read_timeout, idle_timeout);
            match tls {
                None => converse(stream, &builder, watcher, service, limits).await,
                Some(tls) => match begin_tls(stream, byte == [HANDSHAKE], &tls, read_timeout).await {
                    Ok(stream) => converse(stream, &builder, watcher, service, limits).await,
                    Err(error) => tracing::debug!(%error, "a connection did not come to TLS"),
                },
            }
            // Only now may another connection have it.
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::info!("some requests did not end in time; closing their connections");
    }
}

/// Answers the requests of one connection.
async fn converse<C: AsyncRead + AsyncWrite + Unpin + Send + 'static, S: Surface>(
    stream: C,
    builder: &Builder<TokioExecutor>,
    watcher: Watcher,
    service: AddExtension<S, Peer>,
    (read_timeout, idle_timeout): (Duration, Duration),
) {
    let (stream, movement): (_, Movement) = Watched::new(CutWhenStalled::new(stream, read_timeout));
    let service = TowerToHyperService::new(service);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    tokio::select! {
        served = watcher.watch(connection) => {
            if let Err(error) = served {
                tracing::debug!(%error, "a connection broke off");
            }
        }
        () = movement.stopped(idle_timeout) => tracing::debug!("closed an idle connection"),
    }
}

/// The handshake, in as much time as the head of a request may take.
async fn begin_tls(
    mut stream: TcpStream,
    is_tls: bool,
    tls: &Tls,
    limit: Duration,
) -> io::Result<TlsStream<TcpStream>> {
    if !is_tls {
        stream.write_all(SPEAK_TLS).await?;
        stream.shutdown().await?;
        return Err(io::Error::other("it speaks plain HTTP"));
    }
    tokio::time::timeout(limit, tls.acceptor().accept(stream)).await?
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    const WIDE: Bounds = Bounds {
        read_timeout: Duration::from_mins(1),
        idle_timeout: Duration::from_mins(1),
        connections: 100,
        grace: Duration::ZERO,
    };

    #[tokio::test]
    async fn an_idle_http2_connection_is_closed() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let bounds = Bounds { idle_timeout: Duration::from_millis(20), ..WIDE };
        let serving = tokio::spawn(serve(listener, Router::new(), bounds, stop.clone()));
        let mut idle = TcpStream::connect(address).await.unwrap();
        // The preface and empty settings: a good connection without a request.
        idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        let mut said = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), idle.read_to_end(&mut said)).await;
        assert!(read.is_ok(), "it was kept open");
        assert!(!said.is_empty(), "the server spoke HTTP/2");
        stop.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn beyond_the_bound_a_connection_waits_for_a_place() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let bounds = Bounds { connections: 1, ..WIDE };
        let router = Router::new().route("/", axum::routing::get(async || "here"));
        let serving = tokio::spawn(serve(listener, router, bounds, stop.clone()));
        let ask = async |stream: &mut TcpStream| {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        };
        let mut byte = [0];
        let mut first = TcpStream::connect(address).await.unwrap();
        ask(&mut first).await;
        first.read_exact(&mut byte).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        ask(&mut second).await;
        let waited = tokio::time::timeout(Duration::from_millis(200), second.read_exact(&mut byte)).await;
        assert!(waited.is_err(), "the only place is taken");
        drop(first);
        let served = tokio::time::timeout(Duration::from_secs(20), second.read_exact(&mut byte)).await;
        served.expect("it got the place").unwrap();
        stop.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_closed() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let bounds = Bounds { read_timeout: Duration::from_millis(20), ..WIDE };
        let serving = tokio::spawn(serve(listener, Router::new(), bounds, stop.clone()));
        let mut silent = TcpStream::connect(address).await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(20), silent.read(&mut [0])).await;
        assert_eq!(read.expect("it was kept open").unwrap_or(0), 0);
        stop.cancel();
        serving.await.unwrap();
    }
}
