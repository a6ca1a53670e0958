//! Does the newest SDK push, follow and pull?

use serde_json::json;

use super::{NEWEST, assert_pulled, base_image};
use crate::support::{gate::Gate, package::package, real_client::Person, server::Installation};

#[tokio::test]
async fn the_newest_client_pushes_follows_and_pulls() {
    let installation = Installation::new().await;
    let server = installation.serve().await;
    let alice = Person::new(NEWEST, &server.url).with_token(&installation.person("alice"));
    let first = package("Hello");
    let folder = alice.folder("hello", &first);

    let pushed = alice.run(&["push", &folder]).await;
    let id = pushed.result()["id"].as_str().unwrap().to_owned();
    assert_eq!(pushed.result()["commit"]["tags"], json!(["latest"]));
    assert_eq!(pushed.panel("Name"), Some("Hello"));
    assert_eq!(pushed.panel("Visibility"), Some("public"));
    assert!(pushed.panel("Jina Hub URL").unwrap().contains(&id), "{}", pushed.text);
    assert!(pushed.text.contains("jinaai://alice/Hello"), "{}", pushed.text);
    assert_eq!(pushed.panel("Secret"), None);

    let second = first.clone().with("README.md", "# Hello again\n");
    let folder = alice.folder("hello", &second);
    let pushed = alice.run(&["push", &folder, "--private", "-t", "a", "-t", "b"]).await;
    assert_eq!(pushed.result()["id"], json!(id));
    assert_eq!(pushed.result()["commit"]["tags"], json!(["a", "b"]));
    assert_eq!(pushed.panel("Visibility"), Some("private"));
    assert!(pushed.text.contains("jinaai://alice/Hello:a"), "{}", pushed.text);

    // Neither flag: it stays what it was.
    let third = first.clone().with("README.md", "# Hello for the third time\n");
    let pushed = alice.run(&["push", &alice.folder("hello", &third), "-t", "c"]).await;
    assert_eq!(pushed.panel("Visibility"), Some("private"));

    for (uri, wanted) in [
        ("jinaai://alice/Hello", &first),
        ("jinaai://alice/Hello:b", &second),
        ("jinaai://alice/Hello:c", &third),
    ] {
        let pulled = alice.run(&["pull", uri]).await;
        assert_pulled(pulled.result(), wanted);
    }
    let stranger = Person::new(NEWEST, &server.url).with_token(&installation.person("bob"));
    let refused = stranger.run(&["pull", "jinaai://alice/Hello"]).await;
    assert!(refused.error().contains("No such executor: alice/Hello"), "{}", refused.text);

    let listed = server.anonymous().with_token(&installation.person("carol"));
    assert_eq!(listed.get("/api/v1/executors?sort=recent").await.json()["executors"], json!([]));
}

#[tokio::test]
async fn status_tells_the_story_of_a_build_by_folder_and_by_id() {
    let installation = Installation::new().await;
    let server = installation.serve().await;
    let alice = Person::new(NEWEST, &server.url).with_token(&installation.person("alice"));
    let folder = alice.folder("hello", &package("Hello"));
    alice.run(&["push", &folder]).await.result();

    let status = alice.run(&["status", &folder]).await;
    assert_eq!(status.result()["name"], "Hello");
    assert!(
        !status.text.contains("buildWorkspace"),
        "without --replay only the end is told: {}",
        status.text
    );
    let task = status.text.split("Found task_id: ").nth(1).unwrap().split(' ').next().unwrap().to_owned();

    let replayed = alice.run(&["status", "--id", &task, "--replay", "--verbose"]).await;
    assert_eq!(replayed.result(), status.result());
    for part in ["extractZip", "buildWorkspace", "pip install", "pushImage", "commitSave"] {
        assert!(replayed.text.contains(part), "{part}: {}", replayed.text);
    }
    // A task that has a name of its own is for its owner's eyes.
    let stranger = Person::new(NEWEST, &server.url).with_token(&installation.person("bob"));
    let refused = stranger.run(&["status", "--id", &task]).await;
    assert!(refused.error().contains("No such build task"), "{}", refused.text);
    let nothing = stranger.run(&["status", &stranger.folder("hello", &package("Hello"))]).await;
    assert!(nothing.error().contains("No build task found"), "{}", nothing.text);
}

#[tokio::test]
async fn status_follows_a_build_while_it_runs() {
    let installation = Installation::new().await;
    let server = installation.serve().await;
    let gate = Gate::new().await;
    let alice = Person::new(NEWEST, &server.url).with_token(&installation.person("alice"));
    let folder = alice.folder("gated", &gate.package(package("Gated"), &base_image()));

    let mut push = alice.start(&["push", &folder, "--verbose"]);
    let held = gate.held().await;
    push.shows("waits at the gate").await;
    let mut replaying = alice.start(&["status", &folder, "--replay", "--verbose"]);
    replaying.shows("waits at the gate").await;
    assert_eq!(server.anonymous().get("/api/v1/executors?sort=recent").await.json()["executors"], json!([]));
    held.let_through().await;
    replaying.shows("went through the gate").await;
    let (replayed, pushed) = (replaying.end().await, push.end().await);
    assert_eq!(replayed.result(), pushed.result());
    assert_eq!(pushed.result()["name"], "Gated");
}

#[tokio::test]
async fn the_recent_list_shows_the_newest_first_and_private_ones_to_their_owner_only() {
    let installation = Installation::new().await.with("BUILDS__MODE", "off");
    let server = installation.serve().await;
    let token = installation.person("alice");
    let alice = Person::new(NEWEST, &server.url).with_token(&token);
    for (name, flag) in
        [("First", "--public"), ("Second", "--private"), ("Third", "--public"), ("First", "--public")]
    {
        alice.run(&["push", &alice.folder(name, &package(name)), flag]).await.result();
    }
    let names = |answer: serde_json::Value| -> Vec<String> {
        let executors = answer["executors"].as_array().unwrap();
        executors.iter().map(|executor| executor["name"].as_str().unwrap().to_owned()).collect()
    };
    let recent = "/api/v1/executors?sort=recent";
    assert_eq!(names(server.anonymous().get(recent).await.json()), ["First", "Third"]);
    let own = server.anonymous().with_token(&token).get(recent).await.json();
    assert_eq!(names(own), ["First", "Third", "Second"]);
}
