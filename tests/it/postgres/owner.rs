//! A Hub to be killed: a program that owns a private Postgres until its input ends.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use executor_hub::postgres::PrivatePostgres;
use nix::unistd::User;

use super::ground::{ask, launch};
use crate::support::child::{self, setting};

const ROOT: &str = "EXECUTOR_HUB_TEST_ROOT";

/// The program for a Postgres in `root`. It says `ready as <role> in <database>`, or why there is none; then, when its input
/// has ended, `stopped`, or when Postgres has ended by itself, how.
pub fn command(root: &Path) -> Command {
    let mut command = child::command("owner");
    command.env(ROOT, root).stdin(Stdio::piped());
    command
}

/// The same, run by `user`.
pub fn command_as(user: &User, root: &Path) -> Command {
    let mut command = command(root);
    if user.uid != nix::unistd::Uid::effective() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

/// The program `owner`.
pub async fn run() {
    let root = PathBuf::from(setting(ROOT).unwrap());
    let postgres = match PrivatePostgres::start(launch(root)).await {
        Ok(postgres) => postgres,
        Err(error) => {
            eprintln!("{error}");
            return;
        }
    };
    let who = ask(&postgres.hub(), "select format('%s in %s', current_user, current_database())").await;
    eprintln!("ready as {who}");
    let input = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    tokio::select! {
        status = postgres.exited() => {
            eprintln!("{status}");
            // The reading of the input cannot be cancelled and would keep us here.
            std::process::exit(0);
        }
        _ = input => {}
    }
    postgres.stop().await;
    eprintln!("stopped");
}
