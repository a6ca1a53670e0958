//! How are connections served, and how does serving end? Softly first: open requests may go on for a while.

use std::{io, net::SocketAddr, time::Duration};

use axum::{Extension, Router};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::Layer as _;

use super::{address::Peer, stall::CutWhenStalled};

/// Old clients send some 45 headers, one for each fact and environment variable (PROTOCOL.md 0).
const MAX_HEADERS: usize = 128;
/// Bytes that are read from a connection at once, and so the most that the head of a request may have. Several such pieces
/// of an upload are in memory at a time.
const READ_BYTES: usize = 128 << 10;

/// A bound listener.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until `stop`; then takes no more connections and gives open requests `grace` to end. A piece of a request that
/// takes longer than `read_timeout` to arrive ends its connection, and so does a piece of an answer that nobody takes.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    read_timeout: Duration,
    stop: CancellationToken,
    grace: Duration,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Who opens a connection and says nothing holds nothing for long.
        .header_read_timeout(read_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(READ_BYTES);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(64 << 10);
    let graceful = GracefulShutdown::new();
    loop {
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
        let service = TowerToHyperService::new(Extension(Peer(peer.ip())).layer(router.clone()));
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
            let stream = CutWhenStalled::new(stream, read_timeout);
            let connection =
                builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::info!("some requests did not end in time; closing their connections");
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt as _, net::TcpStream};

    use super::*;

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_closed() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, moment) = (CancellationToken::new(), Duration::from_millis(20));
        let serving = tokio::spawn(serve(listener, Router::new(), moment, stop.clone(), Duration::ZERO));
        let mut silent = TcpStream::connect(address).await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(20), silent.read(&mut [0])).await;
        assert_eq!(read.expect("it was kept open").unwrap_or(0), 0);
        stop.cancel();
        serving.await.unwrap();
    }
}
