//! How does the cluster get from files to a running postgres? In plain blocking steps on one thread of its own, which
//! then sits out postgres' life: the kernel tells postgres of our death when that very thread ends.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
    process::Child,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::{Signal, kill};
use tokio::sync::oneshot;

use super::{
    Launch, LaunchError, PrivatePostgres, Purpose, binaries,
    folder::{self, Folder, PORT},
    logs,
    postmaster::{self, Postmaster},
    predecessor, program,
    run_as::{self, Account},
};

/// Appended once to `postgresql.conf`, where an operator may change it; what stands on the command line cannot be
/// changed. Small buffers because the Hub shares its machine with builds; no parallel workers because they need more
/// shared memory than a container has (64 MB); no JIT because it costs more than short queries take.
const SETTINGS: &str = "
# Chosen by Executor Hub when it created this cluster; yours to change.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 32MB
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
jit = off
logging_collector = on
log_directory = '../postgres-log'
log_filename = 'postgresql-%a.log'
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %u '
";

/// For data that nobody will miss.
const THROWAWAY: [&str; 6] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_wal_size=4GB",
    "max_connections=200",
];

/// `initdb` syncs 40 MB of small files: under a second, or minutes on a disk that is slow and busy.
const INITDB_PATIENCE: Duration = Duration::from_mins(10);

/// Recovery after a crash replays at most `max_wal_size` (1 GB); to break it off would only make it begin again.
const READY_PATIENCE: Duration = Duration::from_mins(15);

/// Starts a thread that keeps the cluster, and waits until postgres is ready or has failed. Dropping the future makes the
/// thread stop what it has started.
pub(super) async fn start(launch: Launch) -> Result<PrivatePostgres, LaunchError> {
    let (ready, started) = oneshot::channel();
    thread::Builder::new()
        .name("postgres".to_owned())
        .spawn(move || keep(&launch, ready))
        .map_err(LaunchError::io("start a thread for", "postgres"))?;
    started.await.unwrap_or(Err(LaunchError::Interrupted("the thread that keeps it broke off")))
}

fn keep(launch: &Launch, ready: oneshot::Sender<Result<PrivatePostgres, LaunchError>>) {
    match bring_up(launch, &ready) {
        Ok((folder, lock, child)) => {
            let postmaster = Arc::new(Postmaster::of(&child));
            let handle = PrivatePostgres { postmaster: Arc::clone(&postmaster), socket: folder.socket };
            // Nobody may wait for the handle any more; dropped, it tells postgres to end.
            drop(ready.send(Ok(handle)));
            postmaster.outlast(child, lock);
        }
        Err(error) => drop(ready.send(Err(error))),
    }
}

/// From a folder to a postgres that is ready.
fn bring_up<T>(launch: &Launch, caller: &oneshot::Sender<T>) -> Result<(Folder, File, Child), LaunchError> {
    let (folder, lock) = Folder::take(&launch.root)?;
    let account = run_as::choose(&folder.data)?;
    if let Some(account) = account {
        run_as::check_way(&folder.root, account)?;
    }
    let binaries = binaries::find(launch, &folder.data, account)?;
    folder::private_dir(&folder.logs, account)?;
    folder::private_dir(&folder.socket, account)?;
    if !folder.data.join("PG_VERSION").exists() {
        create(&folder, &binaries, account)?;
    }

    predecessor::wait_for_end(&folder.data)?;
    predecessor::forget(&folder.data.join("postmaster.pid"))?;
    predecessor::forget(&folder.socket.join(format!(".s.PGSQL.{PORT}.lock")))?;

    let log = logs::start_log(&folder.logs)?;
    let mut postgres = program::command(&binaries.join("postgres"), account, Signal::SIGINT);
    postgres.arg("-D").arg(&folder.data).arg("-k").arg(folder.socket_argument());
    postgres.args(["-h", "", "-p", &PORT.to_string()]);
    if launch.purpose == Purpose::Throwaway {
        postgres.args(THROWAWAY.iter().flat_map(|setting| ["-c", setting]));
    }
    let clone = log.try_clone().map_err(LaunchError::io("write to", &folder.logs))?;
    let mut child = postgres
        .stdout(clone)
        .stderr(log)
        .spawn()
        .map_err(LaunchError::io("run", binaries.join("postgres")))?;
    match wait_until_ready(&mut child, &folder, caller) {
        Ok(()) => Ok((folder, lock, child)),
        Err(error) => {
            end(child);
            Err(error)
        }
    }
}

/// Makes the cluster beside its place and moves it there when it is whole, so that a crash in the middle leaves nothing
/// that looks finished. No path is stored inside.
fn create(folder: &Folder, binaries: &Path, account: Option<Account>) -> Result<(), LaunchError> {
    if folder.data.exists() {
        return Err(LaunchError::NotACluster(folder.data.clone()));
    }
    run_as::check_name(account)?;
    let new = &folder.unfinished;
    // A killed initdb leaves a postgres for the moment that it needs to notice.
    predecessor::wait_for_end(new)?;
    if new.exists() {
        fs::remove_dir_all(new).map_err(LaunchError::io("remove", new))?;
    }
    folder::private_dir(new, account)?;

    let mut initdb = program::command(&binaries.join("initdb"), account, Signal::SIGKILL);
    // Trust for the socket only: `--auth=trust` would also trust the network, should somebody ever set
    // listen_addresses.
    initdb.arg("-D").arg(new).args([
        "--username=postgres",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--auth-local=trust",
        "--auth-host=reject",
        "--data-checksums",
    ]);
    let output =
        program::output_within(initdb, INITDB_PATIENCE).map_err(LaunchError::io("run initdb in", new))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let why = said.lines().find(|line| line.contains("error:") || line.contains("FATAL:"));
        let why = why.or_else(|| said.lines().next_back()).unwrap_or("it said nothing").trim().to_owned();
        return Err(LaunchError::NotCreated { data: folder.data.clone(), why });
    }
    append_settings(&new.join("postgresql.conf"))?;
    fs::rename(new, &folder.data).map_err(LaunchError::io("move to its place", new))?;
    File::open(&folder.root).and_then(|root| root.sync_all()).map_err(LaunchError::io("sync", &folder.root))
}

fn append_settings(file: &Path) -> Result<(), LaunchError> {
    OpenOptions::new()
        .append(true)
        .open(file)
        .and_then(|mut file| {
            file.write_all(SETTINGS.as_bytes())?;
            file.sync_all()
        })
        .map_err(LaunchError::io("write", file))
}

/// Reads what postgres says of itself, as `pg_ctl` does; trying to connect would fill its log with refusals.
fn wait_until_ready<T>(
    child: &mut Child,
    folder: &Folder,
    caller: &oneshot::Sender<T>,
) -> Result<(), LaunchError> {
    let end = Instant::now() + READY_PATIENCE;
    let pid = child.id().to_string();
    let pid_file = folder.data.join("postmaster.pid");
    loop {
        if let Some(status) = child.try_wait().map_err(LaunchError::io("wait for", "postgres"))? {
            return Err(LaunchError::Ended {
                status: status.to_string(),
                last_words: logs::last_words(&folder.logs),
                logs: folder.logs.clone(),
            });
        }
        // Line 1 is the process, which may still be that of an earlier start; line 8 is the state. Between them is a
        // path, so it need not be UTF-8.
        let state = fs::read(&pid_file).unwrap_or_default();
        let state = String::from_utf8_lossy(&state);
        let mut lines = state.lines();
        if lines.next() == Some(&pid) && lines.nth(6).map(str::trim) == Some("ready") {
            return Ok(());
        }
        if caller.is_closed() {
            return Err(LaunchError::Interrupted("nobody waits for it any more"));
        }
        if Instant::now() >= end {
            let minutes = READY_PATIENCE.as_secs() / 60;
            return Err(LaunchError::NotReady { minutes, logs: folder.logs.clone() });
        }
        thread::sleep(program::GLANCE);
    }
}

/// Ends a postgres that never got ready; for one that has ended already this does nothing.
fn end(mut child: Child) {
    for (signal, patience) in PrivatePostgres::PATIENCE {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(_)) | Err(_) => return,
            }
            let _ = kill(postmaster::pid(&child), signal);
            thread::sleep(program::GLANCE);
        }
    }
}
