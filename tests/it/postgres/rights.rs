//! Who may do what? Postgres has no more rights than it needs, the Hub has fewer, strangers have none.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    process::Command,
};

use executor_hub::postgres::PrivatePostgres;
use nix::unistd::{Uid, chown};
use sqlx::ConnectOptions;

use super::{
    ground::{Ground, ask, launch, someone_else},
    owner,
};
use crate::support::child::Program;

#[tokio::test]
async fn the_hub_is_no_superuser() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    let rights = "select concat_ws(' ', rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls) \
                  from pg_roles where rolname = current_user";
    assert_eq!(ask(&postgres.hub(), rights).await, "f f f f f");
    let mut connection = postgres.hub().connect().await.unwrap();
    for statement in
        ["copy (select 1) to program 'true'", "create role other", "select pg_read_file('postmaster.pid')"]
    {
        let refused = sqlx::query(statement).execute(&mut connection).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{statement}");
    }
    postgres.stop().await;
}

#[tokio::test]
async fn the_hub_may_create_its_extensions_and_tables() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    let mut connection = postgres.hub().connect().await.unwrap();
    for statement in ["create extension pg_trgm", "create extension pgcrypto", "create table t (n int)"] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    postgres.stop().await;
}

#[tokio::test]
async fn nothing_listens_on_the_network() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    let postmaster = ground.postmaster();
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{postmaster}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok()?.to_str().map(str::to_owned))
        .filter_map(|target| Some(target.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    assert!(!sockets.is_empty());
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let connections = fs::read_to_string(table).unwrap_or_default();
        let inodes: Vec<&str> =
            connections.lines().filter_map(|line| line.split_whitespace().nth(9)).collect();
        assert!(sockets.iter().all(|socket| !inodes.contains(&socket.as_str())), "{table}: {connections}");
    }
    postgres.stop().await;
}

#[tokio::test]
async fn what_postgres_keeps_is_closed_to_others() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    let runs_it = fs::metadata(format!("/proc/{}", ground.postmaster())).unwrap().uid();
    assert_ne!(runs_it, 0, "postgres must not run as root");
    for part in ["postgres", "postgres.sock", "postgres-log"] {
        let found = fs::metadata(ground.root().join(part)).unwrap();
        assert_eq!((found.mode() & 0o777, found.uid()), (0o700, runs_it), "{part}");
    }
    postgres.stop().await;
}

#[tokio::test]
async fn the_environment_of_the_hub_changes_nothing() {
    let ground = Ground::new();
    let mut command = owner::command(&ground.root());
    for (name, value) in [
        ("PGDATA", "/nonexistent"),
        ("PGHOST", "nowhere.example"),
        ("PGHOSTADDR", "192.0.2.1"),
        ("PGPORT", "1"),
        ("PGUSER", "stranger"),
        ("PGDATABASE", "elsewhere"),
        ("PGPASSWORD", "wrong"),
        ("PGSSLMODE", "verify-full"),
        ("PGSSLROOTCERT", "/nonexistent"),
        ("PGPASSFILE", "/nonexistent"),
        ("PGTZ", "Mars/Olympus"),
        ("LC_ALL", "xx_XX"),
        ("TZ", "Mars/Olympus"),
    ] {
        command.env(name, value);
    }
    let mut hub = Program::spawn(command);
    assert_eq!(hub.line(), "ready as hub in hub");
    drop(hub.child.stdin.take());
    assert_eq!(hub.line(), "stopped");
    hub.child.wait().unwrap();
}

#[tokio::test]
async fn someone_who_is_not_root_can_run_it() {
    let ground = Ground::new();
    let user = someone_else();
    fs::create_dir(ground.root()).unwrap();
    if Uid::effective().is_root() {
        chown(&ground.root(), Some(user.uid), Some(user.gid)).unwrap();
    }
    // The second time after a kill, the third time after a proper end.
    for is_killed in [true, false, false] {
        let mut hub = Program::spawn(owner::command_as(&user, &ground.root()));
        assert_eq!(hub.line(), "ready as hub in hub");
        assert_eq!(fs::metadata(format!("/proc/{}", ground.postmaster())).unwrap().uid(), user.uid.as_raw());
        if is_killed {
            hub.kill();
        } else {
            drop(hub.child.stdin.take());
            assert_eq!(hub.line(), "stopped");
            hub.child.wait().unwrap();
        }
    }
}

#[tokio::test]
async fn root_takes_over_a_cluster_as_its_owner() {
    if !Uid::effective().is_root() {
        eprintln!("NOT TESTED: only root can run a cluster as somebody else");
        return;
    }
    let ground = Ground::new();
    let user = someone_else();
    fs::create_dir(ground.root()).unwrap();
    chown(&ground.root(), Some(user.uid), Some(user.gid)).unwrap();
    let mut hub = Program::spawn(owner::command_as(&user, &ground.root()));
    assert_eq!(hub.line(), "ready as hub in hub");
    hub.kill();
    let postgres = ground.start().await;
    assert_eq!(fs::metadata(format!("/proc/{}", ground.postmaster())).unwrap().uid(), user.uid.as_raw());
    postgres.stop().await;
}

#[tokio::test]
async fn a_stranger_on_the_machine_cannot_connect() {
    if !Uid::effective().is_root() {
        eprintln!("NOT TESTED: only root can play two users");
        return;
    }
    let ground = Ground::new();
    let postgres = PrivatePostgres::start(launch(ground.root())).await.unwrap();
    let socket = postgres.hub().get_socket().unwrap().join(".s.PGSQL.5432");
    let mut look = Command::new("test");
    look.arg("-S").arg(&socket);
    assert!(look.status().unwrap().success());
    look.uid(someone_else().uid.as_raw());
    assert!(!look.status().unwrap().success(), "{} can be reached", socket.display());
    postgres.stop().await;
}
