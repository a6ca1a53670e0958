//! The commands, as an operator types them: the real program over a database of the test's own.

mod audit;
mod config;
mod executors;
mod inspect;
mod people;
mod setup;

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::support::database::TestDatabase;

/// The program with these arguments, over this database and with this data folder.
pub fn command(database: &TestDatabase, data_dir: &Path, arguments: &[&str]) -> Command {
    let options = database.options();
    let (user, name) =
        (options.get_username().to_owned(), options.get_database().unwrap_or_default().to_owned());
    let url = match options.get_socket() {
        Some(socket) => {
            format!("postgres://{user}@localhost/{name}?host={}&sslmode=disable", socket.display())
        }
        None => format!("postgres://{user}@{}:{}/{name}", options.get_host(), options.get_port()),
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_executor-hub"));
    command
        .args(arguments)
        .env_clear()
        .env("HUB_DATABASE__URL", url)
        .env("HUB_SERVER__DATA_DIR", data_dir)
        .env("HUB_BUILDS__MODE", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command to its end: whether it worked, and what it printed.
pub async fn run(database: &TestDatabase, data_dir: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = command(database, data_dir, arguments);
    let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let printed = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(printed).unwrap())
}
