//! Does a real Docker Engine build what it should and refuse what it must? Needs an engine and a base image with
//! Python; the project's test script brings both. The addresses come from the environment of the tests.

mod building;
mod diagnosis;
mod faults;
pub mod front;
mod handover;
mod lifetime;
mod limits;
mod planted;
mod secrets;

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
};

use executor_hub::{
    builds::{
        docker::{DockerEngine, DockerSettings},
        engine::{BuildOutput, BuildPlan, BuiltImage, Engine as _},
        fault::Fault,
    },
    domain::{BuildEnv, CommitId, ExecutorId, TaskId, limits::BuildLimits},
};
use tokio::sync::mpsc;

/// What the tests hand to every `RUN`, when their own environment has it.
const PASSED_ON: [&str; 9] = [
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];

#[expect(clippy::disallowed_methods, reason = "the tests find their engine by the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn settings() -> DockerSettings {
    let mut environment: BTreeMap<String, String> =
        PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?))).collect();
    // Debian's pip wants to be told that nobody else manages this Python.
    environment.insert("PIP_BREAK_SYSTEM_PACKAGES".into(), "1".into());
    let certificates = variable("PIP_CERT").or_else(|| variable("SSL_CERT_FILE")).map(PathBuf::from);
    DockerSettings {
        host: variable("EXECUTOR_HUB_TEST_DOCKER_HOST").or_else(|| variable("DOCKER_HOST")),
        own_image_prefix: "executor-hub-test/".into(),
        environment,
        ca_certificates: certificates.filter(|path| path.is_file()),
        ..DockerSettings::default()
    }
}

fn base() -> String {
    variable("EXECUTOR_HUB_TEST_BASE_IMAGE").unwrap_or_else(|| "executor-hub-base:test".into())
}

/// An engine that answers.
async fn engine_with(settings: DockerSettings) -> DockerEngine {
    let engine = DockerEngine::new(settings);
    if let Err(fault) = engine.ping().await {
        panic!(
            "these tests need a Docker Engine (set EXECUTOR_HUB_TEST_DOCKER_HOST, or let the test script start one): {fault}"
        );
    }
    engine
}

async fn engine() -> DockerEngine {
    engine_with(settings()).await
}

/// A client of our own, to look behind the product's back.
fn client() -> bollard::Docker {
    let host = settings().host.unwrap_or_else(|| "unix:///var/run/docker.sock".into());
    bollard::Docker::connect_with_host(&host).expect("a client")
}

/// A build that is ready to run: a package on disk and the plan for it.
struct Job {
    plan: BuildPlan,
    _folder: tempfile::TempDir,
}

/// A package with this Dockerfile (`BASE` stands for the base image) and one more file.
fn job(dockerfile: &str) -> Job {
    let folder = tempfile::tempdir().expect("a folder");
    let package = folder.path().join("package.zip");
    write_package(
        &package,
        &[("Dockerfile", &dockerfile.replace("BASE", &base())), ("executor.py", "print('hello')\n")],
    );
    let task = TaskId::mint();
    let plan = BuildPlan {
        task,
        executor: ExecutorId::mint(),
        commit: CommitId::mint(),
        package,
        dockerfile: "Dockerfile".into(),
        dockerfile_is_generated: false,
        image: format!("executor-hub-test/{task}:1"),
        labels: BTreeMap::from([("org.opencontainers.image.title".into(), "Test".into())]),
        build_args: BTreeMap::new(),
        build_env: BuildEnv::default(),
        secret_scope: task.to_string(),
        no_cache: true,
        platform: None,
        limits: BuildLimits::default(),
    };
    Job { plan, _folder: folder }
}

impl Job {
    fn env(mut self, json: &str) -> Self {
        self.plan.build_env = BuildEnv::parse(json).expect("good variables");
        self
    }

    fn change(mut self, change: impl FnOnce(&mut BuildPlan)) -> Self {
        change(&mut self.plan);
        self
    }
}

fn write_package(path: &Path, files: &[(&str, &str)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).expect("a file"));
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("an entry");
        zip.write_all(text.as_bytes()).expect("its bytes");
    }
    zip.finish().expect("a zip");
}

/// How a build went.
struct Outcome {
    result: Result<BuiltImage, Fault>,
    /// Everything that was shown, warnings included.
    lines: Vec<String>,
}

impl Outcome {
    fn log(&self) -> String {
        self.lines.join("\n")
    }

    fn image(&self) -> &BuiltImage {
        match &self.result {
            Ok(image) => image,
            Err(fault) => panic!("the build failed: {fault:?}\n{}", self.log()),
        }
    }

    fn fault(&self) -> &Fault {
        match &self.result {
            Ok(image) => panic!("the build made {image:?}\n{}", self.log()),
            Err(fault) => fault,
        }
    }
}

async fn run(engine: &DockerEngine, job: Job) -> Outcome {
    let (output, mut shown) = mpsc::channel(64);
    let image = job.plan.image.clone();
    let reading = tokio::spawn(async move {
        let mut lines = Vec::new();
        while let Some(BuildOutput::Line(line) | BuildOutput::Warning(line)) = shown.recv().await {
            lines.push(line);
        }
        lines
    });
    let Job { plan, _folder: folder } = job;
    let result = engine.build(plan, output, None).await;
    drop(folder);
    let lines = reading.await.expect("the lines");
    assert!(result.as_ref().map_or(true, |built| built.name == image));
    Outcome { result, lines }
}
