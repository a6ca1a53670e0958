//! How does a test get a Hub that it may kill? As a process of its own, `executor-hub serve`, on an installation that
//! outlives it: a folder, and either a database of the tests' shared server or a private Postgres in that folder.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use executor_hub::domain::TaskId;
use sqlx::ConnectOptions as _;
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};

use super::{
    child::setting,
    client::Client,
    database::{TestDatabase, database},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_executor-hub");
/// Setting up a private Postgres on a busy machine takes some seconds.
const START_TIME: Duration = Duration::from_secs(90);

/// Where a Hub keeps everything, and how it is set up.
pub struct Installation {
    folder: TempDir,
    images: String,
    environment: BTreeMap<String, String>,
    database: Option<TestDatabase>,
}

impl Installation {
    /// With a database of the tests' shared server, and the tests' Docker Engine.
    pub async fn new() -> Self {
        Self::over(Some(database().await))
    }

    /// As the program is without a configuration: with a Postgres of its own in its data folder.
    pub fn with_private_postgres() -> Self {
        Self::over(None)
    }

    /// With a database of the tests' shared server, and without builds.
    pub async fn without_engine() -> Self {
        Self::over_with(Some(database().await), None).with("BUILDS__MODE", "off")
    }

    /// The same with a Postgres of its own.
    pub fn without_builds_with_private_postgres() -> Self {
        Self::over_with(None, None).with("BUILDS__MODE", "off")
    }

    fn over(database: Option<TestDatabase>) -> Self {
        Self::over_with(database, Some(engine()))
    }

    fn over_with(database: Option<TestDatabase>, engine: Option<String>) -> Self {
        let folder = tempfile::Builder::new().prefix("executor-hub-").tempdir_in("/tmp").unwrap();
        // A private Postgres of root's is another user's process.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        // A name of its own, so that what it builds can be told from what others build meanwhile.
        let images = format!("executor-hub-test/{}", TaskId::mint());
        let mut environment = BTreeMap::from([
            ("HUB_SERVER__DATA_DIR".to_owned(), folder.path().join("data").display().to_string()),
            ("HUB_SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("HUB_BUILDS__IMAGE_PREFIX".to_owned(), images.clone()),
        ]);
        if let Some(engine) = engine {
            environment.insert("HUB_BUILDS__ENGINE".to_owned(), engine);
        }
        for (name, told) in [
            ("PATH", "PATH"),
            ("HUB_BUILDS__BASE_IMAGE", "EXECUTOR_HUB_TEST_BASE_IMAGE"),
            ("HUB_BUILDS__ENVIRONMENT", "EXECUTOR_HUB_TEST_BUILD_ENVIRONMENT"),
            ("HUB_DATABASE__POSTGRES_BIN", "HUB_DATABASE__POSTGRES_BIN"),
        ] {
            if let Some(value) = setting(told) {
                environment.insert(name.to_owned(), value);
            }
        }
        if let Some(database) = &database {
            let url = database.options().to_url_lossy().to_string();
            environment.insert("HUB_DATABASE__URL".into(), url);
        }
        Self { folder, images, environment, database }
    }

    /// Changes a setting, by the name of its environment variable without `HUB_`.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(format!("HUB_{name}"), value.to_owned());
        self
    }

    /// A place for whatever the test wants to put beside the Hub.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the Hub and waits until it is ready.
    pub async fn serve(&self) -> Server {
        start(self.command(&["serve"]), READY).await
    }

    /// The same on a socket that it is handed, as systemd does it.
    pub async fn serve_on(&self, listener: std::net::TcpListener) -> Server {
        let script = format!("exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec {PROGRAM} serve");
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &script])
            .env_clear()
            .envs(&self.environment)
            .stdin(std::os::fd::OwnedFd::from(listener));
        start(command, READY).await
    }

    /// Starts a worker with a folder of its own and waits until it is ready. It needs [`Installation::for_workers`].
    pub async fn work(&self, name: &str) -> Server {
        let mut command = self.command(&["worker"]);
        command.env("HUB_SERVER__DATA_DIR", self.folder.path().join(name)).env("HUB_BUILDS__SLOTS", "1");
        start(command, "the worker is ready").await
    }

    /// So that builds are left to workers, which share the key and the bytes of the Hub.
    pub fn for_workers(self) -> Self {
        let blobs = self.folder.path().join("blobs").display().to_string();
        self.with("BUILDS__SLOTS", "0")
            .with("BUILDS__MODE", "required")
            .with("AUTH__MASTER_KEY", &"5a".repeat(32))
            .with("BLOBS__DIRECTORY", &blobs)
    }

    /// Its database, for looking into the tables.
    pub async fn pool(&self) -> sqlx::PgPool {
        self.database.as_ref().expect("not with a private Postgres").pool().await
    }

    /// A new person: their login and a token.
    pub fn person(&self, login: &str) -> String {
        self.run(&["user", "create", login]);
        self.run(&["token", "create", login])
    }

    /// Runs a command of the program, which must succeed; what it prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env_clear().envs(&self.environment).stdin(Stdio::null());
        command
    }
}

/// What a server says once it answers, before its address.
const READY: &str = "Executor Hub is ready at ";

/// Starts a program that says on its error output when it is ready; what it says after that is its address.
async fn start(mut command: Command, when_ready: &'static str) -> Server {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let (saying, said) = watch::channel(String::new());
    let (ready, is_ready) = oneshot::channel();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    std::thread::spawn(move || {
        let mut ready = Some(ready);
        for line in lines.map_while(Result::ok) {
            if let Some(url) = line.strip_prefix(when_ready)
                && let Some(ready) = ready.take()
            {
                let _ = ready.send(url.to_owned());
            }
            saying.send_modify(|said| said.extend([line.as_str(), "\n"]));
        }
    });
    let url = tokio::time::timeout(START_TIME, is_ready).await;
    let Ok(Ok(url)) = url else {
        let _ = child.kill();
        panic!("it did not start:\n{}", *said.borrow());
    };
    Server { url, child, said }
}

impl Drop for Installation {
    /// Takes what it built out of the engine, which outlives the tests.
    fn drop(&mut self) {
        let Some(host) = setting("EXECUTOR_HUB_TEST_DOCKER_HOST") else { return };
        let pattern = format!("{}/*", self.images);
        // A runtime of its own, since this may run inside the test's.
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(remove_images(&host, &pattern))
        });
        if let Ok(Err(error)) = cleaning.join() {
            eprintln!("images of the test stay in the engine: {error}");
        }
    }
}

async fn remove_images(host: &str, pattern: &str) -> Result<(), bollard::errors::Error> {
    let docker = bollard::Docker::connect_with_host(host)?;
    let options = bollard::query_parameters::ListImagesOptionsBuilder::default()
        .filters(&std::collections::HashMap::from([("reference", vec![pattern])]))
        .build();
    for image in docker.list_images(Some(options)).await? {
        for name in image.repo_tags {
            let options = bollard::query_parameters::RemoveImageOptionsBuilder::default().force(true).build();
            docker.remove_image(&name, Some(options), None).await?;
        }
    }
    Ok(())
}

/// Where the tests' Docker Engine is.
pub fn engine() -> String {
    setting("EXECUTOR_HUB_TEST_DOCKER_HOST").expect(
        "this test needs a Docker Engine: set EXECUTOR_HUB_TEST_DOCKER_HOST, or let the test script start one",
    )
}

/// The engine's socket.
pub fn engine_socket() -> PathBuf {
    let engine = engine();
    engine.strip_prefix("unix://").expect("an engine on this machine").into()
}

/// A running Hub, or a worker without an address; killed when dropped.
pub struct Server {
    pub url: String,
    child: Child,
    said: watch::Receiver<String>,
}

impl Server {
    /// Somebody who speaks HTTP with it, without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url)
    }

    /// What it said on its error output so far.
    pub fn said(&self) -> String {
        self.said.borrow().clone()
    }

    /// Waits until it says this.
    pub async fn says(&self, words: &str) {
        let mut said = self.said.clone();
        let waiting = said.wait_for(|said| said.contains(words));
        let heard = tokio::time::timeout(START_TIME, waiting).await;
        assert!(heard.is_ok_and(|heard| heard.is_ok()), "it does not say {words}");
    }

    /// Sends it a signal, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// As `kill -9` does: it gets no chance to tidy up.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("the Hub said:\n{}", *self.said.borrow());
        }
    }
}
