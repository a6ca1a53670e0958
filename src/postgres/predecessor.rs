//! Did an earlier start leave something behind? Wait for what still runs, and take away the traces that would make
//! postgres believe that it runs. Only for the holder of the folder's lock.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::{errno::Errno, sys::signal::kill, unistd::Pid};

use super::LaunchError;

/// A fast shutdown after a kill takes milliseconds; a minute is for a disk that has much to write.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until no postgres works in `data` any more. We hold the lock, so one that does has lost its Hub and is ending.
pub(super) fn wait_for_end(data: &Path) -> Result<(), LaunchError> {
    let end = Instant::now() + PATIENCE;
    while let Some(pid) = working_in(data) {
        if Instant::now() >= end {
            return Err(LaunchError::StillRunning { pid, data: data.to_owned() });
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Removes a lock file of postgres when its process number is taken by something else: by another program, or by a
/// zombie, as in a container whose first process does not collect its dead. Postgres would take either for a living
/// postgres and refuse to start.
///
/// Call it after [`wait_for_end`]. Numbers that nobody has are left to postgres itself, which also asks its shared memory.
pub(super) fn forget(lock_file: &Path) -> Result<(), LaunchError> {
    // Paths in it need not be UTF-8.
    let text = fs::read(lock_file).unwrap_or_default();
    let Some(pid) = String::from_utf8_lossy(&text).lines().next().and_then(|line| line.trim().parse().ok())
    else {
        return Ok(());
    };
    if kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH) {
        return Ok(());
    }
    tracing::warn!(pid, file = %lock_file.display(), "removing the lock file of a postgres that is gone");
    match fs::remove_file(lock_file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LaunchError::io("remove", lock_file)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A postgres at work in `data`: each of its processes makes the cluster its working directory. (So may somebody's shell,
/// hence the look at the program's name. Nix calls it `.postgres-wrapped`.)
#[cfg(target_os = "linux")]
fn working_in(data: &Path) -> Option<i32> {
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let process = entry.path();
        let is_there = fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == data);
        let is_postgres =
            || fs::read_to_string(process.join("comm")).is_ok_and(|name| name.contains("postgres"));
        if is_there && is_postgres() { entry.file_name().to_str()?.parse().ok() } else { None }
    })
}

/// Other systems do not tell; there postgres' own lock file must do.
#[cfg(not(target_os = "linux"))]
fn working_in(_: &Path) -> Option<i32> {
    None
}
