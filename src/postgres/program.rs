//! How does a program of Postgres run? As its own user, with an environment of ours, outside our process group, and
//! never longer than we live.

use std::{
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::{death_signal, run_as::Account};

/// How often a child is asked whether it has ended or got ready.
pub(super) const GLANCE: Duration = Duration::from_millis(5);

/// A command that runs as `account` (`None`: as ourselves) and gets `on_our_death` when the thread that spawns it ends.
///
/// Nothing of our environment reaches it: `PGDATA`, `PGPORT` and their like would change what it does, and our
/// secrets are none of its business. Ctrl-C in a terminal does not reach it either, or it would end before our last
/// request.
pub(super) fn command(program: &Path, account: Option<Account>, on_our_death: Signal) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")])
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null());
    if let Some(account) = account {
        // This also leaves all of root's other groups.
        command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
    }
    death_signal::send_on_our_death(&mut command, on_our_death);
    command
}

/// Runs a command that prints less than a pipe holds (64 KiB), and kills it when it takes longer than `limit`.
pub(super) fn output_within(mut command: Command, limit: Duration) -> io::Result<Output> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let end = Instant::now() + limit;
    while child.try_wait()?.is_none() {
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("not done after {limit:?}")));
        }
        thread::sleep(GLANCE);
    }
    child.wait_with_output()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_killed() {
        let mut sleep = command(Path::new("/bin/sleep"), None, Signal::SIGKILL);
        sleep.arg("60");
        let refused = output_within(sleep, Duration::from_millis(20)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn nothing_of_our_environment_reaches_it() {
        let printed =
            output_within(command(Path::new("/usr/bin/env"), None, Signal::SIGKILL), Duration::from_mins(1));
        let printed = String::from_utf8(printed.unwrap().stdout).unwrap();
        let mut lines: Vec<_> = printed.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "TZ=UTC"]);
    }
}
