//! What does an author notice of a Docker Engine that is away?

use std::os::unix::fs::symlink;

use super::{ANONYMOUS, NEWEST, assert_pulled, newest_task};
use crate::support::{
    package::package,
    real_client::Person,
    server::{Installation, engine_socket},
};

#[tokio::test]
async fn without_an_engine_a_push_says_so_and_its_package_is_pulled() {
    let installation = Installation::new().await.with("BUILDS__ENGINE", "unix:///nowhere/docker.sock");
    let server = installation.serve().await;
    assert_eq!(server.anonymous().get("/readyz").await.json()["builds"], "no engine");
    let alice = Person::new(NEWEST, &server.url).with_token(&installation.person("alice"));
    let author = Person::new(ANONYMOUS, &server.url);
    for (person, name, uri) in
        [(&alice, "Hello", "jinaai://alice/Hello"), (&author, "Other", "jinahub://Other")]
    {
        let package = package(name);
        let pushed = person.run(&["push", &person.folder(name, &package)]).await;
        pushed.result();
        assert!(pushed.text.contains("No Docker Engine answers"), "{}", pushed.text);
        assert_pulled(person.run(&["pull", uri]).await.result(), &package);
    }
}

#[tokio::test]
async fn a_push_that_must_be_built_waits_for_an_engine() {
    let installation = Installation::new().await;
    let socket = installation.path().join("docker.sock");
    let installation = installation
        .with("BUILDS__ENGINE", &format!("unix://{}", socket.display()))
        .with("BUILDS__MODE", "required");
    let server = installation.serve().await;
    let token = installation.person("alice");
    let alice = Person::new(NEWEST, &server.url).with_token(&token);
    let folder = alice.folder("hello", &package("Hello"));
    let push = alice.start(&["push", &folder]);
    let task = newest_task(&server.anonymous().with_token(&token), "Hello").await;
    let mut status = alice.start(&["status", "--id", &task, "--replay", "--verbose"]);
    status.shows("extractZip").await;
    symlink(engine_socket(), &socket).unwrap();
    assert_eq!(status.end().await.result()["name"], "Hello");
    let pushed = push.end().await;
    assert_eq!(pushed.result()["name"], "Hello");
    assert!(pushed.text.contains("No Docker Engine answers: waiting for one."), "{}", pushed.text);
}
