//! What happens when something is killed? Nothing is lost, nothing is left running, and the next start just works.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid, User, getpgid, getpgrp},
};

use super::{
    ground::{Ground, lives, rows, until, write_row},
    owner,
};
use crate::support::child::Program;

#[tokio::test]
async fn postgres_ends_with_a_killed_hub_and_loses_nothing() {
    let ground = Ground::new();
    let mut hub = Program::spawn(owner::command(&ground.root()));
    assert_eq!(hub.line(), "ready as hub in hub");
    write_row(&ground.hub(), 1).await;
    let postmaster = ground.postmaster();
    hub.kill();
    until("postgres has ended", || !lives(postmaster)).await;
    // It was told to end, not killed: no recovery is due.
    assert!(!ground.cluster().join("postmaster.pid").exists());
    let postgres = ground.start().await;
    assert_eq!(rows(&postgres.hub()).await, [1]);
    postgres.stop().await;
}

#[tokio::test]
async fn a_start_right_after_a_kill_waits_for_the_predecessor() {
    let ground = Ground::new();
    for n in 1..4 {
        let mut hub = Program::spawn(owner::command(&ground.root()));
        assert_eq!(hub.line(), "ready as hub in hub");
        write_row(&ground.hub(), n).await;
        hub.kill();
    }
    let postgres = ground.start().await;
    assert_eq!(rows(&postgres.hub()).await, [1, 2, 3]);
    postgres.stop().await;
}

#[tokio::test]
async fn a_killed_postgres_is_noticed_and_recovers() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    write_row(&postgres.hub(), 1).await;
    kill(ground.postmaster(), Signal::SIGKILL).unwrap();
    assert_eq!(postgres.exited().await, "signal: 9 (SIGKILL)");
    let postgres = ground.start().await;
    assert_eq!(rows(&postgres.hub()).await, [1]);
    postgres.stop().await;
}

#[tokio::test]
async fn hub_and_postgres_may_be_killed_at_once() {
    let ground = Ground::new();
    let mut hub = Program::spawn(owner::command(&ground.root()));
    assert_eq!(hub.line(), "ready as hub in hub");
    write_row(&ground.hub(), 1).await;
    kill(ground.postmaster(), Signal::SIGKILL).unwrap();
    hub.kill();
    let postgres = ground.start().await;
    assert_eq!(rows(&postgres.hub()).await, [1]);
    postgres.stop().await;
}

#[tokio::test]
async fn a_kill_while_the_cluster_is_made_leaves_nothing_half_made() {
    let ground = Ground::new();
    let hub = Program::spawn(owner::command(&ground.root()));
    let unfinished = ground.root().join("postgres.new");
    until("initdb is at work", || unfinished.join("PG_VERSION").exists()).await;
    hub.kill();
    assert!(!ground.cluster().exists());
    let postgres = ground.start().await;
    assert!(!unfinished.exists());
    write_row(&postgres.hub(), 1).await;
    postgres.stop().await;
}

#[tokio::test]
async fn a_process_number_that_is_taken_is_no_living_postgres() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    let pid_file = ground.cluster().join("postmaster.pid");
    let socket_lock = ground.root().join("postgres.sock/.s.PGSQL.5432.lock");
    let texts = [&pid_file, &socket_lock].map(|file| fs::read_to_string(file).unwrap());
    postgres.stop().await;

    // Nobody collects the first one while this test runs; the second waits for input, as the same user as postgres.
    let mut zombie = Command::new("true").spawn().unwrap();
    let zombie_pid = Pid::from_raw(zombie.id().cast_signed());
    until("the process is a zombie", || !lives(zombie_pid)).await;
    let mut cat = Command::new("cat");
    cat.stdin(Stdio::piped());
    if let Some(user) = User::from_name("postgres").unwrap().filter(|_| Uid::effective().is_root()) {
        cat.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    let mut alien = cat.spawn().unwrap();

    for taken in [zombie.id(), alien.id()] {
        for (file, text) in [&pid_file, &socket_lock].into_iter().zip(&texts) {
            let (_, rest) = text.split_once('\n').unwrap();
            fs::write(file, format!("{taken}\n{rest}")).unwrap();
        }
        ground.start().await.stop().await;
    }
    zombie.wait().unwrap();
    // Still there, and it ends with its input.
    assert!(alien.try_wait().unwrap().is_none());
    alien.wait().unwrap();
}

#[tokio::test]
async fn ctrl_c_does_not_reach_postgres() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    assert_ne!(getpgid(Some(ground.postmaster())).unwrap(), getpgrp());
    postgres.stop().await;
}
