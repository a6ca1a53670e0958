//! What becomes of builds when the server is killed? All that was accepted is there after a restart, is built, and
//! `jina hub status` tells.

use std::{fs, os::unix::fs::symlink};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{NEWEST, assert_pulled, base_image, newest_task};
use crate::{
    docker::front::{Front, Sessions},
    support::{
        gate::Gate,
        package::package,
        real_client::Person,
        server::{Installation, engine_socket},
    },
};

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
async fn an_engine_that_is_killed_in_mid_build_delays_the_build_and_shows_nothing_half_done() {
    let front = Front::open(Sessions::Known);
    let installation = Installation::new().await;
    let socket = installation.path().join("docker.sock");
    symlink(front.socket(), &socket).unwrap();
    let installation = installation.with("BUILDS__ENGINE", &format!("unix://{}", socket.display()));
    let server = installation.serve().await;
    let token = installation.person("alice");
    let gate = Gate::new().await;
    let alice = Person::new(NEWEST, &server.url).with_token(&token);
    let package = gate.package(package("Hello"), &base_image());
    let push = alice.start(&["push", &alice.folder("hello", &package)]);
    let held = gate.held().await;
    front.cut();
    drop(held);
    for uri in ["jinaai://alice/Hello", "jinaai+docker://alice/Hello"] {
        alice.run(&["pull", uri]).await.error();
    }

    // It comes back as another process at the same address.
    fs::remove_file(&socket).unwrap();
    symlink(engine_socket(), &socket).unwrap();
    gate.held().await.let_through().await;
    tokio::spawn(gate.stand_open());
    let pushed = push.end().await;
    assert_eq!(pushed.result()["name"], "Hello");
    assert_pulled(alice.run(&["pull", "jinaai://alice/Hello"]).await.result(), &package);
}

#[tokio::test]
async fn a_postgres_that_is_killed_in_mid_build_loses_no_build() {
    // The worker tries to hand its task back for as long as its lease.
    let installation = Installation::with_private_postgres().with("BUILDS__LEASE", "3s");
    let server = installation.serve().await;
    let token = installation.person("alice");
    let gate = Gate::new().await;
    let alice = Person::new(NEWEST, &server.url).with_token(&token);
    let package = gate.package(package("Hello"), &base_image());
    let _following = alice.start(&["push", &alice.folder("hello", &package)]);
    let held = gate.held().await;
    let task = newest_task(&server.anonymous().with_token(&token), "Hello").await;
    let postmaster = fs::read_to_string(installation.path().join("data/postgres/postmaster.pid")).unwrap();
    let postmaster = Pid::from_raw(postmaster.lines().next().unwrap().parse().unwrap());
    kill(postmaster, Signal::SIGKILL).unwrap();
    // The Hub starts it again, and goes on with the build or begins it anew.
    server.says("the private Postgres runs again").await;
    let status = alice.start(&["status", "--id", &task, "--replay", "--verbose"]);
    held.let_through().await;
    tokio::spawn(gate.stand_open());
    assert_eq!(status.end().await.result()["name"], "Hello");
    assert_pulled(alice.run(&["pull", "jinaai://alice/Hello"]).await.result(), &package);
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
