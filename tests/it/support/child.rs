//! How does a test get a process that it may kill? It runs this very binary again, as one of the programs below.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Command, Stdio},
};

use super::keeper;
use crate::postgres::owner;

const PROGRAM: &str = "EXECUTOR_HUB_TEST_PROGRAM";

/// A command that runs `program`. What it has to say comes on its error output, since the other one is the test
/// runner's.
pub fn command(program: &str) -> Command {
    // By this link and not by its path: it may lie where another user cannot go.
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["--exact", "support::child::programs", "--ignored", "--nocapture", "--test-threads=1"])
        .env(PROGRAM, program)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

#[tokio::test]
#[ignore = "no test: the programs that other tests run"]
async fn programs() {
    match setting(PROGRAM).as_deref() {
        Some("keeper") => keeper::run().await,
        Some("owner") => owner::run().await,
        Some(other) => panic!("no such program: {other}"),
        None => eprintln!("nothing to do: no test asked for a program"),
    }
}

/// What a test told its program, or a person told the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "the Hub's settings come from its config, those of its tests from here"
)]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A running program and what it says.
pub struct Program {
    pub child: Child,
    lines: BufReader<ChildStderr>,
}

impl Program {
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Self { child, lines }
    }

    /// The next line that it says, waiting for it; empty when it has ended.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// As `kill -9` does: it gets no chance to tidy up.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
