//! Where do the Hubs of a test keep bytes that lie on no disk of theirs? In a bucket of a real S3-compatible server, behind a
//! door that the test can make fail: errors, silence, answers that are cut off.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use super::{child::setting, client::Client};

pub const BUCKET: &str = "hub-bytes";

/// What the door does with connections that come now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Lets everything through.
    Open,
    /// Answers every request with an error of the server.
    Failing,
    /// Lets this many bytes of the answers of a connection through, then hangs up.
    CutAfter(usize),
    /// Lets everything through, this many milliseconds late.
    Late(u64),
}

impl Door {
    fn pack(self) -> u64 {
        match self {
            Self::Open => 0,
            Self::Failing => 1,
            Self::CutAfter(bytes) => 2 | ((bytes as u64) << 2),
            Self::Late(milliseconds) => 3 | (milliseconds << 2),
        }
    }

    fn unpack(packed: u64) -> Self {
        match packed & 3 {
            0 => Self::Open,
            1 => Self::Failing,
            2 => Self::CutAfter(usize::try_from(packed >> 2).unwrap()),
            _ => Self::Late(packed >> 2),
        }
    }
}

/// A bucket, and the server that has it.
pub struct Bucket {
    server: Child,
    /// The server itself, for looking into it.
    direct: String,
    /// The port of the door, on every address of this machine.
    pub port: u16,
    door: Arc<AtomicU64>,
    changed: tokio::sync::watch::Sender<()>,
}

impl Bucket {
    pub async fn new() -> Self {
        let program = setting("EXECUTOR_HUB_TEST_S3_SERVER").expect(
            "this test needs an S3 server: set EXECUTOR_HUB_TEST_S3_SERVER to what scripts/s3-server.sh prints",
        );
        let mut server = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let (direct, _rest) = tokio::task::spawn_blocking(move || {
            let direct = lines
                .by_ref()
                .map_while(Result::ok)
                .find_map(|line| line.split("Running on ").nth(1).map(|url| url.trim().to_owned()))
                .expect("the S3 server starts");
            // It says every request; nobody may be left to hear the last ones.
            std::thread::spawn(move || lines.for_each(drop));
            (direct, ())
        })
        .await
        .unwrap();
        let made = Client::new(&direct).send(Method::PUT, &format!("/{BUCKET}"), &[], Vec::new()).await;
        assert_eq!(made.status, 200);
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let door = Arc::new(AtomicU64::new(0));
        let (changed, change) = tokio::sync::watch::channel(());
        let behind = direct.trim_start_matches("http://").to_owned();
        let state = Arc::clone(&door);
        tokio::spawn(async move {
            while let Ok((front, _)) = listener.accept().await {
                let door = Door::unpack(state.load(Ordering::SeqCst));
                let (behind, mut change) = (behind.clone(), change.clone());
                change.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = pass(front, behind, door) => {}
                        // Whoever keeps a connection would not notice the door.
                        _ = change.changed() => {}
                    }
                });
            }
        });
        Self { server, direct, port, door, changed }
    }

    /// From now on the door does this; connections that are open are broken off.
    pub fn set(&self, door: Door) {
        self.door.store(door.pack(), Ordering::SeqCst);
        let _ = self.changed.send(());
    }

    /// What the bucket has, by name.
    pub async fn objects(&self) -> Vec<String> {
        let listed = Client::new(&self.direct).get(&format!("/{BUCKET}?list-type=2")).await;
        let text = String::from_utf8(listed.body.to_vec()).unwrap();
        let mut names: Vec<String> = text
            .split("<Key>")
            .skip(1)
            .filter_map(|rest| rest.split("</Key>").next().map(str::to_owned))
            .collect();
        names.sort();
        names
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

async fn pass(mut front: TcpStream, behind: String, door: Door) -> std::io::Result<()> {
    if door == Door::Failing {
        return fail(front).await;
    }
    let mut back = TcpStream::connect(behind).await?;
    match door {
        Door::CutAfter(bytes) => {
            let (mut from_front, mut to_front) = front.split();
            let (from_back, mut to_back) = back.split();
            let mut some = from_back.take(bytes as u64);
            tokio::select! {
                _ = tokio::io::copy(&mut from_front, &mut to_back) => {}
                _ = tokio::io::copy(&mut some, &mut to_front) => {}
            }
        }
        Door::Late(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            copy_bidirectional(&mut front, &mut back).await?;
        }
        Door::Open | Door::Failing => {
            copy_bidirectional(&mut front, &mut back).await?;
        }
    }
    Ok(())
}

/// Reads a head and answers it with an error.
async fn fail(mut front: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let length = front.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        head.extend_from_slice(&piece[..length]);
    }
    front
        .write_all(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .await?;
    front.shutdown().await
}
