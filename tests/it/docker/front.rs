//! What if the engine were another, or went away? A socket before the real one that can play both.

use std::path::PathBuf;

use executor_hub::builds::docker::DockerSettings;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixListener, UnixStream},
    task::{JoinHandle, JoinSet},
};

use super::settings;

/// What becomes of the request that only BuildKit knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    Known,
    Unknown,
}

/// A socket that passes everything on, until it is closed with all its connections.
pub struct Front {
    folder: tempfile::TempDir,
    passing: JoinHandle<()>,
}

impl Front {
    pub fn open(sessions: Sessions) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = socket();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).expect("a socket");
        let passing = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass(client, engine.clone(), sessions));
            }
        });
        Self { folder, passing }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    pub fn settings(&self) -> DockerSettings {
        DockerSettings { host: Some(format!("unix://{}", self.socket().display())), ..settings() }
    }

    /// Cuts all connections, as an engine does that is killed.
    pub fn cut(&self) {
        self.passing.abort();
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.cut();
    }
}

fn socket() -> PathBuf {
    let host = settings().host.unwrap_or_else(|| "unix:///var/run/docker.sock".into());
    host.strip_prefix("unix://").expect("this test needs an engine on a socket").into()
}

/// The real engine as if it were on another machine.
pub async fn over_tcp() -> DockerSettings {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut behind = UnixStream::connect(socket()).await.expect("the engine");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut behind).await;
            });
        }
    });
    DockerSettings { host: Some(format!("tcp://{address}")), ..settings() }
}

async fn pass(mut client: UnixStream, engine: PathBuf, sessions: Sessions) {
    let mut head = vec![0; 13];
    if client.read_exact(&mut head).await.is_err() {
        return;
    }
    if sessions == Sessions::Unknown && head == b"POST /session" {
        let _ = client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
        return;
    }
    let mut behind = UnixStream::connect(engine).await.expect("the engine");
    behind.write_all(&head).await.expect("passed on");
    let _ = tokio::io::copy_bidirectional(&mut client, &mut behind).await;
}
