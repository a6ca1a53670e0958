//! What do replicas of a test share? A database by its socket and a bucket over their cables; nothing else.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use sqlx::ConnectOptions as _;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::namespace::Namespace;
use crate::support::{
    bucket::{BUCKET, Bucket},
    child::setting,
    client::Client,
    database::{TestDatabase, database},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_executor-hub");

pub struct World {
    pub bucket: Bucket,
    pub database: TestDatabase,
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

/// A process of the Hub in a network of its own; killed when dropped.
pub struct Replica {
    pub url: String,
    child: Child,
    said: Arc<Mutex<String>>,
}

impl World {
    pub async fn new(settings: &[(&'static str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self {
            bucket: Bucket::new().await,
            database: database().await,
            folder: tempfile::tempdir().unwrap(),
            settings,
        }
    }

    pub async fn serve(&self, place: &Namespace) -> Replica {
        self.start(place, "serve", "Executor Hub is ready at ", &[]).await
    }

    /// A server that leaves building to workers.
    pub async fn serve_only(&self, place: &Namespace) -> Replica {
        self.start(place, "serve", "Executor Hub is ready at ", &[("HUB_BUILDS__SLOTS", "0")]).await
    }

    pub async fn work(&self, place: &Namespace) -> Replica {
        self.start(place, "worker", "the worker is ready", &[]).await
    }

    /// A command beside the replicas; the door to the bucket stands open for it meanwhile.
    pub async fn run(&self, arguments: &[&str]) -> String {
        let mut command = std::process::Command::new(PROGRAM);
        self.tell(&mut command, std::net::Ipv4Addr::LOCALHOST, "commands");
        command.args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A new person's token.
    pub async fn person(&self, login: &str) -> String {
        self.run(&["user", "create", login]).await;
        self.run(&["token", "create", login]).await
    }

    fn tell(&self, command: &mut std::process::Command, gateway: std::net::Ipv4Addr, name: &str) {
        command
            .env_clear()
            .env("HUB_DATABASE__URL", self.database.options().to_url_lossy().to_string())
            .env("HUB_AUTH__MASTER_KEY", "5e".repeat(32))
            .env("HUB_SERVER__DATA_DIR", self.folder.path().join(name))
            .env("HUB_BLOBS__BACKEND", "s3")
            .env("HUB_BLOBS__S3_BUCKET", BUCKET)
            .env("HUB_BLOBS__S3_ENDPOINT", format!("http://{gateway}:{}", self.bucket.port))
            .env("HUB_BLOBS__S3_ALLOW_HTTP", "true")
            .env("HUB_BLOBS__S3_ACCESS_KEY_ID", "test")
            .env("HUB_BLOBS__S3_SECRET_ACCESS_KEY", "test")
            .envs(setting("PATH").map(|path| ("PATH", path)));
        for (name, value) in &self.settings {
            command.env(format!("HUB_{name}"), value);
        }
    }

    async fn start(
        &self,
        place: &Namespace,
        role: &str,
        ready_word: &'static str,
        more: &[(&str, &str)],
    ) -> Replica {
        let mut command = place.command(PROGRAM);
        // Its `ip` is found where the test's was.
        self.tell(&mut command, place.gateway, &format!("{role}-{}", place.address));
        command
            .envs(more.iter().copied())
            .env("HUB_SERVER__LISTEN", format!("{}:8080", place.address))
            .arg(role)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (ready, is_ready) = oneshot::channel();
        let (lines, heard) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&said));
        std::thread::spawn(move || {
            let mut ready = Some(ready);
            for line in lines.map_while(Result::ok) {
                if line.starts_with(ready_word)
                    && let Some(ready) = ready.take()
                {
                    let _ = ready.send(());
                }
                let mut heard = heard.lock().unwrap();
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        let replica = Replica { url: format!("http://{}:8080", place.address), child, said };
        let ready = tokio::time::timeout(Duration::from_mins(1), is_ready).await;
        assert!(matches!(ready, Ok(Ok(()))), "{role} does not start");
        replica
    }
}

impl Replica {
    pub fn client(&self, token: &str) -> Client {
        Client::new(&self.url).with_token(token)
    }

    /// As `kill -9` does.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("{} said:\n{}", self.url, self.said.lock().unwrap());
        }
    }
}
