//! What becomes of builds when the server is killed? All that was accepted is there after a restart, is built, and
//! `jina hub status` tells.

use super::{NEWEST, assert_pulled, base_image, newest_task};
use crate::support::{gate::Gate, package::package, real_client::Person, server::Installation};

#[tokio::test]
async fn a_killed_server_builds_what_it_accepted_after_its_restart() {
    let installation = Installation::with_private_postgres();
    let server = installation.serve().await;
    let token = installation.person("alice");
    let gate = Gate::new().await;
    let alice = Person::new(NEWEST, &server.url).with_token(&token);
    let (running, waiting) = (gate.package(package("Running"), &base_image()), package("Waiting"));
    let (running_folder, waiting_folder) =
        (alice.folder("running", &running), alice.folder("waiting", &waiting));

    let first_push = alice.start(&["push", &running_folder]);
    let held = gate.held().await;
    let second_push = alice.start(&["push", &waiting_folder]);
    let person = server.anonymous().with_token(&token);
    let (builds, waits) = (newest_task(&person, "Running").await, newest_task(&person, "Waiting").await);
    server.kill();
    for push in [first_push, second_push] {
        push.end().await.error();
    }

    let server = installation.serve().await;
    let alice = alice.moved_to(&server.url);
    let mut status = alice.start(&["status", "--id", &builds, "--replay", "--verbose"]);
    status.shows("extractZip").await;
    // The engine may join the new build to what is left of the old one.
    held.let_through().await;
    tokio::spawn(gate.stand_open());
    assert_eq!(status.end().await.result()["name"], "Running");
    assert_eq!(alice.run(&["status", "--id", &waits]).await.result()["name"], "Waiting");
    for (folder, package, uri) in [
        (&running_folder, &running, "jinaai://alice/Running"),
        (&waiting_folder, &waiting, "jinaai://alice/Waiting"),
    ] {
        alice.run(&["status", folder]).await.result();
        assert_pulled(alice.run(&["pull", uri]).await.result(), package);
    }
}

#[tokio::test]
async fn what_was_published_before_a_kill_is_there_afterwards() {
    let installation = Installation::with_private_postgres();
    let server = installation.serve().await;
    let token = installation.person("alice");
    let alice = Person::new(NEWEST, &server.url).with_token(&token);
    let package = package("Hello");
    let folder = alice.folder("hello", &package);
    let pushed = alice.run(&["push", &folder, "-t", "v1", "-t", "latest"]).await;
    server.kill();

    let server = installation.serve().await;
    let alice = alice.moved_to(&server.url);
    let status = alice.run(&["status", &folder]).await;
    assert_eq!(status.result(), pushed.result());
    for uri in ["jinaai://alice/Hello", "jinaai://alice/Hello:v1"] {
        assert_pulled(alice.run(&["pull", uri]).await.result(), &package);
    }
}
