//! Does every generation of client do what it could do with the public Hub? One test each: push, push again, pull, read
//! errors, and follow a build where that client can.

use super::{assert_pulled, base_image};
use crate::support::{
    package::{Package, package},
    real_client::{Person, Said},
    server::{Installation, Server},
};

/// A generation of client, and what it does in its own way.
struct Generation {
    name: &'static str,
    /// Whether people push with a token; else the Hub gives them a secret.
    signs_in: bool,
    /// Whether it has `jina hub status`.
    has_status: bool,
    /// Whether it knows `jinaai://`.
    knows_owners: bool,
}

impl Generation {
    fn anonymous(name: &'static str) -> Self {
        Self { name, signs_in: false, has_status: false, knows_owners: false }
    }

    fn signed_in(name: &'static str) -> Self {
        Self { name, signs_in: true, has_status: true, knows_owners: false }
    }

    fn uri(&self, name: &str) -> String {
        if self.knows_owners { format!("jinaai://alice/{name}") } else { format!("jinahub://{name}") }
    }

    fn uri_with_tag(&self, name: &str, tag: &str) -> String {
        format!("{}{}{tag}", self.uri(name), if self.knows_owners { ':' } else { '/' })
    }
}

/// Everything at one Hub with a real engine, so that a set-up is paid for once.
async fn works(generation: Generation) {
    let installation = Installation::new().await;
    let server = installation.serve().await;
    let token = installation.person("alice");
    let new = |hub: &Server| {
        let person = Person::new(generation.name, &hub.url);
        if generation.signs_in { person.with_token(&token) } else { person }
    };
    let author = new(&server);
    publishes(&generation, &author, &new(&server)).await;
    hides(&generation, &server, &author).await;
    reads_errors(&generation, &author, &new(&server)).await;
}

/// Push, push again (which updates), pull both.
async fn publishes(generation: &Generation, author: &Person, elsewhere: &Person) {
    let first = package("Hello");
    let pushed = author.run(&["push", &author.folder("hello", &first), "-t", "v1", "-t", "latest"]).await;
    assert_eq!(pushed.result()["name"], "Hello");
    assert_eq!(pushed.result()["visibility"], "public");
    let id = pushed.result()["id"].as_str().unwrap();
    assert_eq!((id.len(), pushed.text.contains(id)), (8, true), "{}", pushed.text);
    assert_eq!(pushed.result()["secret"].is_string(), !generation.signs_in, "{}", pushed.text);
    assert_pulled(elsewhere.run(&["pull", &generation.uri("Hello")]).await.result(), &first);

    // The id and the secret come from the client's own memory, or the name from the package.
    let second = first.clone().with("README.md", "# Hello again\n");
    let again = author.run(&["push", &author.folder("hello", &second)]).await;
    assert_eq!(again.result()["id"].as_str(), Some(id), "{}", again.text);
    assert_eq!(again.result()["secret"], pushed.result()["secret"]);
    let uri = generation.uri("Hello");
    assert_pulled(elsewhere.run(&["pull", &uri, "--force"]).await.result(), &second);
    // The old tag still means the old commit.
    let tagged = generation.uri_with_tag("Hello", "v1");
    assert_pulled(elsewhere.run(&["pull", &tagged]).await.result(), &first);

    if generation.has_status {
        let status = author.run(&["status", &author.folder("hello", &second), "--replay", "--verbose"]).await;
        assert_eq!(status.result()["id"].as_str(), Some(id), "{}", status.text);
        assert!(status.text.contains("buildWorkspace"), "{}", status.text);
    }
}

/// A private Executor is there for those who may see it.
async fn hides(generation: &Generation, server: &Server, author: &Person) {
    let hidden = package("Hidden");
    let pushed = author.run(&["push", &author.folder("hidden", &hidden), "--private"]).await;
    assert_eq!(pushed.result()["visibility"], "private");
    let stranger = Person::new(generation.name, &server.url);
    let refused = stranger.run(&["pull", &generation.uri("Hidden")]).await;
    assert!(refused.error().contains("No such executor: "), "{}", refused.text);
    let pulled = if generation.signs_in {
        author.run(&["pull", &generation.uri("Hidden")]).await
    } else {
        let secret = pushed.result()["secret"].as_str().unwrap();
        stranger.run(&["pull", &format!("jinahub://Hidden:{secret}")]).await
    };
    assert_pulled(pulled.result(), &hidden);
}

/// What goes wrong is told in our words, in that client's own way.
async fn reads_errors(generation: &Generation, author: &Person, elsewhere: &Person) {
    async fn push(person: &Person, package: &Package) -> Said {
        person.run(&["push", &person.folder("broken", package)]).await
    }
    let says = |said: &Said, words: &str| assert!(said.error().contains(words), "{words}: {}", said.text);

    let unknown = elsewhere.run(&["pull", &generation.uri("Nothing")]).await;
    says(&unknown, "No such executor: ");

    let several =
        "from jina import Executor\n\n\nclass A(Executor):\n    pass\n\n\nclass B(Executor):\n    pass\n";
    let several = package("Broken").with("executor.py", several).without("config.yml");
    says(&push(author, &several.with("manifest.yml", "name: Broken\n")).await, "jtype");

    let failing = format!("FROM {}\nRUN echo it hurts; exit 3\n", base_image());
    let failed = push(author, &package("Failing").with("Dockerfile", &failing)).await;
    says(&failed, "exit code 3");
    says(&failed, "it hurts");
    says(&failed, "Process(docker) exited on non-zero code");

    if !generation.signs_in {
        says(&push(elsewhere, &package("Hello")).await, "The name 'Hello' is taken.");
        let folder = elsewhere.folder("hello", &package("Hello"));
        let refused = elsewhere.run(&["push", &folder, "--force", "Hello", "--secret", "wrong"]).await;
        says(&refused, "The secret does not fit the Executor Hello.");
    }
}

#[tokio::test]
async fn jina_2_6_4_pushes_updates_and_pulls_without_signing_in() {
    works(Generation::anonymous("jina-2.6.4")).await;
}

#[tokio::test]
async fn jina_3_0_0_pushes_updates_and_pulls_without_signing_in() {
    works(Generation::anonymous("jina-3.0.0")).await;
}

#[tokio::test]
async fn jina_3_7_14_pushes_updates_and_pulls_without_signing_in() {
    works(Generation::anonymous("jina-3.7.14")).await;
}

#[tokio::test]
async fn jina_3_7_14_pushes_updates_and_pulls_signed_in() {
    works(Generation { has_status: false, ..Generation::signed_in("jina-3.7.14") }).await;
}

#[tokio::test]
async fn jina_3_9_2_pushes_updates_and_pulls_without_signing_in() {
    works(Generation::anonymous("jina-3.9.2")).await;
}

#[tokio::test]
async fn jina_3_9_2_pushes_by_task_and_follows_it_signed_in() {
    works(Generation::signed_in("jina-3.9.2")).await;
}

#[tokio::test]
async fn sdk_0_19_3_pushes_updates_and_pulls_without_signing_in() {
    works(Generation::anonymous("sdk-0.19.3")).await;
}

#[tokio::test]
async fn sdk_0_19_3_pushes_by_task_and_follows_it_signed_in() {
    works(Generation::signed_in("sdk-0.19.3")).await;
}

#[tokio::test]
async fn sdk_0_22_5_pushes_updates_and_pulls_without_signing_in() {
    works(Generation::anonymous("sdk-0.22.5")).await;
}

#[tokio::test]
async fn sdk_0_22_5_pushes_by_task_and_follows_it_signed_in() {
    works(Generation::signed_in("sdk-0.22.5")).await;
}

#[tokio::test]
async fn sdk_0_26_12_pushes_updates_follows_and_pulls() {
    works(Generation { knows_owners: true, ..Generation::signed_in("sdk-0.26.12") }).await;
}

#[tokio::test]
async fn sdk_0_39_0_pushes_updates_follows_and_pulls() {
    works(Generation { knows_owners: true, ..Generation::signed_in("sdk-0.39.0") }).await;
}
