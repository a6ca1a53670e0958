//! What does an operator read when it cannot start? One line that says what is wrong and what to do.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use executor_hub::postgres::{Launch, LaunchError, PrivatePostgres};
use nix::unistd::Uid;

use super::{
    ground::{Ground, launch, rows, write_row},
    owner,
};
use crate::support::child::Program;

/// Why a start in `ground` is refused, with the folder's name replaced by `DATA`.
async fn refusal(ground: &Ground) -> String {
    let error = ground.try_start().await.unwrap_err().to_string();
    assert!(!error.contains('\n'), "more than one line: {error}");
    error.replace(ground.root().to_str().unwrap(), "DATA")
}

#[tokio::test]
async fn a_second_hub_is_refused_and_the_first_one_works_on() {
    let ground = Ground::new();
    let first = ground.start().await;
    write_row(&first.hub(), 1).await;
    assert_eq!(
        refusal(&ground).await,
        "DATA is in use by another running Hub: stop that one, or give this one a data folder of its own"
    );
    let mut other_process = Program::spawn(owner::command(&ground.root()));
    assert!(other_process.line().contains("is in use by another running Hub"));
    other_process.child.wait().unwrap();
    write_row(&first.hub(), 2).await;
    assert_eq!(rows(&first.hub()).await, [1, 2]);
    first.stop().await;
}

#[tokio::test]
async fn a_cluster_of_another_major_version_is_left_alone() {
    let ground = Ground::new();
    fs::create_dir_all(ground.cluster()).unwrap();
    fs::write(ground.cluster().join("PG_VERSION"), "9\n").unwrap();
    let error = refusal(&ground).await;
    assert!(
        error.starts_with("DATA/postgres was made by PostgreSQL 9, but here is only PostgreSQL "),
        "{error}"
    );
    assert!(error.ends_with(": install PostgreSQL 9 again, or move the data with pg_upgrade"), "{error}");
    assert_eq!(fs::read_dir(ground.cluster()).unwrap().count(), 1);
}

async fn with_binaries(ground: &Ground, dir: &Path) -> LaunchError {
    let launch = Launch { binaries: Some(dir.to_owned()), ..launch(ground.root()) };
    PrivatePostgres::start(launch).await.unwrap_err()
}

#[tokio::test]
async fn a_pg_bin_without_postgres_is_named() {
    let ground = Ground::new();
    let error = with_binaries(&ground, ground.path()).await.to_string();
    let wanted = format!(
        "PG_BIN is {}, but that folder has no `initdb` and `postgres` that can be run: they are not there",
        ground.path().display()
    );
    assert_eq!(error, wanted);
}

/// A folder with a `postgres` that answers `-V` with `version`.
fn pretend(ground: &Ground, version: &str) -> std::path::PathBuf {
    let dir = ground.path().join("bin");
    fs::create_dir(&dir).unwrap();
    for (name, script) in
        [("initdb", "false"), ("postgres", &format!("echo 'postgres (PostgreSQL) {version}'"))]
    {
        fs::write(dir.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(dir.join(name), Permissions::from_mode(0o755)).unwrap();
    }
    dir
}

#[tokio::test]
async fn a_postgres_that_is_too_old_is_none() {
    let ground = Ground::new();
    let dir = pretend(&ground, "14.9");
    let error = with_binaries(&ground, &dir).await.to_string();
    assert!(
        error.starts_with("no DATABASE_URL is set and no PostgreSQL 15 or newer is installed here: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_failing_initdb_leaves_no_cluster() {
    let ground = Ground::new();
    let dir = pretend(&ground, "15.1");
    let error = with_binaries(&ground, &dir).await.to_string();
    assert!(error.contains("PostgreSQL could not create its files in "), "{error}");
    assert!(!ground.cluster().exists());
    ground.start().await.stop().await;
}

#[tokio::test]
async fn something_else_in_the_place_of_the_cluster_is_left_alone() {
    let ground = Ground::new();
    fs::create_dir_all(ground.cluster()).unwrap();
    fs::write(ground.cluster().join("precious"), "").unwrap();
    assert_eq!(
        refusal(&ground).await,
        "DATA/postgres is no PostgreSQL cluster: move it away, or choose another data folder"
    );
    assert!(ground.cluster().join("precious").exists());
}

#[tokio::test]
async fn a_setting_that_postgres_rejects_is_quoted() {
    let ground = Ground::new();
    ground.start().await.stop().await;
    let file = ground.cluster().join("postgresql.conf");
    let settings = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{settings}\nno_such_setting = 1\n")).unwrap();
    let error = refusal(&ground).await;
    assert!(error.starts_with("PostgreSQL ended at its start (exit status: 1): "), "{error}");
    assert!(error.contains("FATAL:  configuration file"), "{error}");
    assert!(error.ends_with(" (more in DATA/postgres-log)"), "{error}");
}

#[tokio::test]
async fn session_options_from_the_environment_are_refused() {
    let ground = Ground::new();
    let mut command = owner::command(&ground.root());
    command.env("PGOPTIONS", "-c default_transaction_read_only=on");
    let said = Program::spawn(command).line();
    assert_eq!(
        said,
        "PGOPTIONS is set and would change how the Hub's own database behaves: unset it for the Hub"
    );
}

#[tokio::test]
async fn a_folder_that_postgres_cannot_reach_is_named() {
    if !Uid::effective().is_root() {
        eprintln!("NOT TESTED: only root runs postgres as somebody else");
        return;
    }
    let ground = Ground::new();
    let closed = ground.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let error = PrivatePostgres::start(launch(closed.join("data"))).await.unwrap_err().to_string();
    let door = closed.display();
    assert!(error.contains(&format!("may not enter {door}: choose a data folder elsewhere")), "{error}");
    assert!(error.ends_with(&format!("or `chmod o+x {door}`")), "{error}");
}
