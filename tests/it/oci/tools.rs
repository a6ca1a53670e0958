//! Do the tools that people have push, pull, copy, inspect and delete here? Debian's own, each with a home of its own, over
//! the Hub's socket. Docker's daemon takes part where an engine is there for the tests.

use std::path::Path;

use executor_hub::domain::user::Role;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{hub_with, ids, push};
use crate::support::{child::setting, hub::TestHub, image};

/// A tool that ran to its end.
struct Ran {
    succeeded: bool,
    said: String,
    complained: String,
}

impl Ran {
    fn good(self) -> String {
        assert!(self.succeeded, "{}{}", self.said, self.complained);
        self.said
    }

    fn bad(self) -> String {
        assert!(!self.succeeded, "{}", self.said);
        self.complained
    }
}

/// Somebody at a machine with all tools and nothing of whoever runs the tests.
struct Machine {
    home: TempDir,
    path: String,
    hub: String,
}

impl Machine {
    fn new(hub: &TestHub) -> Self {
        let tools = setting("EXECUTOR_HUB_TEST_OCI_TOOLS").expect(
            "this test needs skopeo and its kin: set EXECUTOR_HUB_TEST_OCI_TOOLS to what scripts/oci-tools.sh prints",
        );
        let path = format!("{tools}:{}", setting("PATH").unwrap_or_default());
        let machine = Self { home: tempfile::tempdir().unwrap(), path, hub: hub.url.clone() };
        let policy = json!({"default": [{"type": "insecureAcceptAnything"}]}).to_string();
        let containers = machine.home.path().join(".config/containers");
        std::fs::create_dir_all(&containers).unwrap();
        std::fs::write(containers.join("policy.json"), policy).unwrap();
        machine.docker_config(&json!({}));
        machine
    }

    /// What Docker and its kin know of registries here.
    fn docker_config(&self, config: &Value) {
        let folder = self.home.path().join("docker");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    }

    /// As after `jina auth login`; its helper for Docker asks the Hub whether the token is still good.
    fn client_token(&self, token: &str) {
        let folder = self.home.path().join(".jina");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.json"), json!({"auth_token": token}).to_string()).unwrap();
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> Ran {
        let home = self.home.path();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("DOCKER_CONFIG", home.join("docker"))
            .env("JINA_HUBBLE_REGISTRY", &self.hub)
            .kill_on_drop(true);
        if let Some(host) = setting("EXECUTOR_HUB_TEST_DOCKER_HOST") {
            command.env("DOCKER_HOST", host);
        }
        let done = tokio::time::timeout(std::time::Duration::from_mins(3), command.output()).await;
        let output = done.unwrap_or_else(|_| panic!("{program} {arguments:?} hangs")).unwrap();
        Ran {
            succeeded: output.status.success(),
            said: String::from_utf8_lossy(&output.stdout).into_owned(),
            complained: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Podman or buildah with storage of its own.
    async fn store(&self, program: &str, arguments: &[&str]) -> Ran {
        let (root, runroot) = (self.home.path().join("storage"), self.home.path().join("run"));
        let (root, runroot) = (root.display().to_string(), runroot.display().to_string());
        let mut all = vec!["--root", &root, "--runroot", &runroot, "--storage-driver", "vfs"];
        all.extend(arguments);
        self.run(program, &all).await
    }
}

/// A Hub with Alice, her open Executor `Box` and her private one `Safe`, each with an image that was built.
struct Scene {
    hub: TestHub,
    host: String,
    token: String,
}

async fn scene() -> Scene {
    let hub = hub_with(&[]).await;
    let user = hub.app.auth().create_user("alice", None, Role::Member).await.unwrap();
    let token = hub.app.auth().issue_personal_token(user.id, "docker", Some(1)).await.unwrap();
    let token = token.expose().to_owned();
    let alice = hub.anonymous().with_token(&token);
    push(&alice, "Box", &[]).await;
    push(&alice, "Safe", &[("private", "True"), ("secret", "open-sesame")]).await;
    for name in ["Box", "Safe"] {
        let (id, commit) = ids(&alice, name).await;
        image::build_real_image(&hub, &id, &commit).await;
    }
    let host = hub.url.strip_prefix("http://").unwrap().to_owned();
    Scene { hub, host, token }
}

fn digest_in(folder: &Path) -> String {
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    index["manifests"][0]["digest"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn skopeo_copies_inspects_lists_and_deletes() {
    let Scene { hub, host, token } = scene().await;
    let machine = Machine::new(&hub);
    let of = |name: &str| format!("docker://{host}/alice/{name}");
    let (open, safe) = (of("box:latest"), of("safe:latest"));
    let inspected = machine.run("skopeo", &["inspect", "--tls-verify=false", &open]).await.good();
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!((&inspected["RepoTags"], &inspected["Architecture"]), (&json!(["latest"]), &json!("amd64")));
    let copy = machine.home.path().join("copy");
    let local = format!("oci:{}:mine", copy.display());
    machine.run("skopeo", &["copy", "--src-tls-verify=false", &open, &local]).await.good();
    assert_eq!(
        digest_in(&copy),
        inspected["Digest"].as_str().unwrap(),
        "the image is the same, byte for byte"
    );
    // Private: nobody, then by secret, then by token.
    machine.run("skopeo", &["inspect", "--tls-verify=false", &safe]).await.bad();
    let creds = ["inspect", "--tls-verify=false", "--creds", "alice/Safe:open-sesame", &safe];
    machine.run("skopeo", &creds).await.good();
    let alice = format!("alice:{token}");
    machine.run("skopeo", &["inspect", "--tls-verify=false", "--creds", &alice, &safe]).await.good();
    // By hand, and away again.
    let mine = of("box:mine");
    machine.run("skopeo", &["copy", "--dest-tls-verify=false", &local, &mine]).await.bad();
    machine
        .run("skopeo", &["copy", "--dest-tls-verify=false", "--dest-creds", &alice, &local, &mine])
        .await
        .good();
    let tags = machine.run("skopeo", &["list-tags", "--tls-verify=false", &of("box")]).await.good();
    assert_eq!(serde_json::from_str::<Value>(&tags).unwrap()["Tags"], json!(["latest", "mine"]));
    let between = of("safe:mine");
    let both = [
        "copy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        "--src-creds",
        &alice,
        "--dest-creds",
        &alice,
    ];
    machine.run("skopeo", &[both.as_slice(), &[mine.as_str(), between.as_str()]].concat()).await.good();
    assert_eq!(hub.count("image_bytes").await, 2, "nothing is kept twice");
    // What commits have stays: skopeo deletes by digest.
    let denied =
        machine.run("skopeo", &["delete", "--tls-verify=false", "--creds", &alice, &mine]).await.bad();
    assert!(denied.contains("403") || denied.to_lowercase().contains("denied"), "{denied}");
    let other = machine.home.path().join("other");
    let dir = format!("dir:{}", other.display());
    machine.run("skopeo", &["copy", "--src-tls-verify=false", "--format", "v2s2", &mine, &dir]).await.good();
    let theirs = of("box:theirs");
    machine
        .run("skopeo", &["copy", "--dest-tls-verify=false", "--dest-creds", &alice, &dir, &theirs])
        .await
        .good();
    machine.run("skopeo", &["delete", "--tls-verify=false", "--creds", &alice, &theirs]).await.good();
    machine.run("skopeo", &["inspect", "--tls-verify=false", &theirs]).await.bad();
}

#[tokio::test]
async fn podman_and_buildah_pull_and_push() {
    let Scene { hub, host, token } = scene().await;
    let machine = Machine::new(&hub);
    let (open, safe) = (format!("{host}/alice/box:latest"), format!("{host}/alice/safe:latest"));
    machine.store("podman", &["pull", "--tls-verify=false", &open]).await.good();
    machine.store("podman", &["pull", "--tls-verify=false", &safe]).await.bad();
    machine
        .store("podman", &["login", "--tls-verify=false", "-u", "alice", "-p", "wrong", &host])
        .await
        .bad();
    machine
        .store("podman", &["login", "--tls-verify=false", "-u", "alice", "-p", &token, &host])
        .await
        .good();
    machine.store("podman", &["pull", "--tls-verify=false", &safe]).await.good();
    let mine = format!("{host}/alice/box:podman");
    machine.store("podman", &["push", "--tls-verify=false", &open, &mine]).await.good();
    let again = format!("{host}/alice/box:buildah");
    let alice = format!("alice:{token}");
    machine.store("buildah", &["pull", "--tls-verify=false", &mine]).await.good();
    machine
        .store(
            "buildah",
            &["push", "--tls-verify=false", "--creds", &alice, &mine, &format!("docker://{again}")],
        )
        .await
        .good();
    let tags = machine
        .run("skopeo", &["list-tags", "--tls-verify=false", &format!("docker://{host}/alice/box")])
        .await;
    let tags: Value = serde_json::from_str(&tags.good()).unwrap();
    assert_eq!(tags["Tags"], json!(["buildah", "latest", "podman"]));
}

#[tokio::test]
async fn docker_pulls_and_pushes_with_the_clients_own_credential_helper() {
    let engine = setting("EXECUTOR_HUB_TEST_DOCKER_HOST");
    assert!(engine.is_some(), "this test needs a Docker Engine: set EXECUTOR_HUB_TEST_DOCKER_HOST");
    let Scene { hub, host, token } = scene().await;
    let mut machine = Machine::new(&hub);
    let clients = setting("EXECUTOR_HUB_TEST_CLIENTS").expect("EXECUTOR_HUB_TEST_CLIENTS");
    machine.path = format!("{clients}/sdk-0.39.0/bin:{}", machine.path);
    machine.docker_config(&json!({"credHelpers": {&host: "jina-hubble"}}));
    let (open, safe) = (format!("{host}/alice/box:latest"), format!("{host}/alice/safe:latest"));
    // Nobody is signed in: the helper says `anonymous`.
    machine.run("docker", &["pull", "-q", &open]).await.good();
    machine.run("docker", &["pull", "-q", &safe]).await.bad();
    machine.client_token(&token);
    machine.run("docker", &["pull", "-q", &safe]).await.good();
    let mine = format!("{host}/alice/box:docker");
    machine.run("docker", &["tag", &safe, &mine]).await.good();
    machine.run("docker", &["push", "-q", &mine]).await.good();
    // By a sign-in of Docker's own.
    machine.docker_config(&json!({}));
    machine.run("docker", &["login", "-u", "alice", "-p", "wrong", &host]).await.bad();
    machine.run("docker", &["login", "-u", "alice/Safe", "-p", "open-sesame", &host]).await.good();
    machine.run("docker", &["pull", "-q", &safe]).await.good();
    machine.run("docker", &["login", "-u", "alice", "-p", &token, &host]).await.good();
    machine.run("docker", &["push", "-q", &mine]).await.good();
    machine.run("docker", &["rmi", "-f", &open, &safe, &mine]).await.good();
    assert_eq!(hub.count("image_tags").await, 1);
}
