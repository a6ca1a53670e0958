//! How do tests use the real clients? Unmodified, as `tests/sdk/drive.py` runs them, each person with a home of their own
//! and nothing of whoever runs the tests.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

use super::{
    child::setting,
    package::Package,
    server::{engine, engine_socket},
};

const DRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/drive.py");
/// Much longer than any command takes, so that only one that hangs is ended.
const PATIENCE: Duration = Duration::from_mins(3);

/// Somebody at a machine with one generation of client.
pub struct Person {
    python: PathBuf,
    home: TempDir,
    hub: String,
    token: Option<String>,
    has_docker: bool,
}

impl Person {
    /// Somebody with this generation, such as `sdk-0.39.0`, who uses the Hub at this address and is not signed in.
    pub fn new(generation: &str, hub: &str) -> Self {
        let clients = setting("EXECUTOR_HUB_TEST_CLIENTS").expect(
            "this test needs the real clients: set EXECUTOR_HUB_TEST_CLIENTS to what scripts/python-clients.sh prints",
        );
        let python = Path::new(&clients).join(generation).join("bin/python");
        assert!(python.exists(), "there is no client {generation} in {clients}");
        Self {
            python,
            home: tempfile::tempdir().unwrap(),
            hub: hub.to_owned(),
            token: None,
            has_docker: false,
        }
    }

    /// The same, signed in.
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The same, at a machine on which the tests' Docker Engine runs.
    pub fn with_docker(mut self) -> Self {
        self.has_docker = true;
        self
    }

    /// Makes Docker ask the client for the password of this registry, as a sign-in of the client does.
    pub fn use_credential_helper_for(&self, registry: &str) {
        let folder = self.home.path().join(".docker");
        std::fs::create_dir_all(&folder).unwrap();
        let config = serde_json::json!({"credHelpers": {registry: "jina-hubble"}});
        std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    }

    /// The same person and machine after the Hub has moved.
    pub fn moved_to(mut self, hub: &str) -> Self {
        hub.clone_into(&mut self.hub);
        self
    }

    /// Where this person's client keeps what it remembers.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a package's files into a folder of this person's; what was there before goes, except what the client
    /// remembers there.
    pub fn folder(&self, name: &str, package: &Package) -> String {
        let folder = self.home.path().join("work").join(name);
        package.write_to(&folder);
        folder.display().to_string()
    }

    /// Runs a command of the client to its end.
    pub async fn run(&self, arguments: &[&str]) -> Said {
        self.start(arguments).end().await
    }

    /// Starts a command of the client.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let home = self.home.path();
        let mut command = self.command();
        command
            .arg("-u")
            .arg(DRIVER)
            .args(arguments)
            .env_clear()
            .env("PATH", setting("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("JINA_HUB_ROOT", home.join("jina"))
            .env("JINA_HUB_CACHE_DIR", home.join("cache"))
            .env("JINA_HUBBLE_REGISTRY", &self.hub)
            // There is no browser here but the test's.
            .env("BROWSER", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(token) = &self.token {
            command.env("JINA_AUTH_TOKEN", token);
        }
        if self.has_docker {
            // The client's own programs, such as its credential helper, are beside its Python.
            let programs = self.python.parent().unwrap().display();
            command.env("PATH", format!("{programs}:{}", setting("PATH").unwrap_or_default()));
            command.env("DOCKER_HOST", engine());
        }
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let complaints = tokio::spawn(async move {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text).await;
            text
        });
        Running { child, lines, complaints, text: String::new() }
    }
}

impl Person {
    /// The client's Python. Clients before 0.36 pull by the engine at its usual place, whatever they are told: those get a
    /// view of the machine of their own, in which the tests' engine is there.
    fn command(&self) -> Command {
        let usual = Path::new("/var/run/docker.sock");
        if !self.has_docker || engine_socket() == usual {
            return Command::new(&self.python);
        }
        let mut command = Command::new("unshare");
        let script = r#"mount -t tmpfs none /run && ln -s "$0" /run/docker.sock && exec "$@""#;
        command.args(["--mount", "sh", "-ec", script]).arg(engine_socket()).arg(&self.python);
        command
    }
}

/// A command that runs.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    complaints: tokio::task::JoinHandle<String>,
    text: String,
}

impl Running {
    /// Waits until it shows this text, and returns everything that it has shown so far.
    pub async fn shows(&mut self, wanted: &str) -> &str {
        let reading = async {
            while !self.text.contains(wanted) {
                let read = self.lines.read_line(&mut self.text).await.unwrap();
                assert!(read > 0, "the client ended without showing {wanted:?}:\n{}", self.text);
            }
        };
        let shown = tokio::time::timeout(PATIENCE, reading).await;
        assert!(shown.is_ok(), "the client does not show {wanted:?}:\n{}", self.text);
        &self.text
    }

    /// Waits until it ends.
    pub async fn end(mut self) -> Said {
        let reading = async {
            self.lines.read_to_string(&mut self.text).await.unwrap();
            self.child.wait().await.unwrap();
        };
        let ended = tokio::time::timeout(PATIENCE, reading).await;
        assert!(ended.is_ok(), "the client hangs:\n{}", self.text);
        let complaints = self.complaints.await.unwrap();
        let last = self.text.trim_end().lines().last().unwrap_or_default().to_owned();
        let text = format!("{}{complaints}", self.text);
        let report = serde_json::from_str(&last);
        let report = report.unwrap_or_else(|error| panic!("the driver did not report ({error}):\n{text}"));
        Said { text, report }
    }
}

/// What a command of a client came to.
#[derive(Debug)]
pub struct Said {
    /// Everything that the client showed.
    pub text: String,
    report: Value,
}

impl Said {
    /// What a command that worked returned.
    pub fn result(&self) -> &Value {
        assert_eq!(self.report["ok"], true, "{}", self.text);
        &self.report["result"]
    }

    /// What the user of a command that failed is told.
    pub fn error(&self) -> &str {
        assert_eq!(self.report["ok"], false, "{}", self.text);
        self.report["error"].as_str().unwrap()
    }

    /// The class of the client's exception, for a command that failed.
    pub fn exception(&self) -> &str {
        assert_eq!(self.report["ok"], false, "{}", self.text);
        self.report["type"].as_str().unwrap()
    }

    /// The value that its panels show beside `label`.
    pub fn panel(&self, label: &str) -> Option<&str> {
        let line = self.text.lines().find(|line| line.contains(label) && line.contains('│'))?;
        let (_, value) = line.split_once(label)?;
        Some(value.trim_end_matches(['│', ' ']).trim())
    }
}
