//! Is postgres still there, and how is it told to end? A signal goes to our own child or to nobody, never to a process
//! that got its number later.

use std::{
    fs::File,
    process::Child,
    sync::{Mutex, MutexGuard, PoisonError},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::sync::watch;

/// The first process of the cluster, which has all the others.
#[derive(Debug)]
pub(super) struct Postmaster {
    /// `None` once it has been collected: from then on the number may be anybody's.
    pid: Mutex<Option<Pid>>,
    /// How it ended, once it has.
    status: watch::Sender<Option<String>>,
}

impl Postmaster {
    pub(super) fn of(child: &Child) -> Self {
        Self { pid: Mutex::new(Some(pid(child))), status: watch::Sender::new(None) }
    }

    /// Sends `signal`, if it still lives.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = *self.pid() {
            // It can only fail for a process that has just ended.
            let _ = kill(pid, signal);
        }
    }

    /// Resolves when it has ended and its folder is free again.
    pub(super) async fn exited(&self) -> String {
        let mut status = self.status.subscribe();
        let ended = status.wait_for(Option::is_some).await;
        ended.ok().and_then(|status| status.clone()).unwrap_or_default()
    }

    /// Blocks until `child` has ended, then gives `lock` back, then tells everybody.
    pub(super) fn outlast(&self, mut child: Child, lock: File) {
        wait_without_collecting(pid(&child));
        let status = {
            let mut pid = self.pid();
            *pid = None;
            child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
        };
        drop(lock);
        self.status.send_replace(Some(status));
    }

    fn pid(&self) -> MutexGuard<'_, Option<Pid>> {
        self.pid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process number of a child, in the type that signals want.
pub(super) fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

#[cfg(target_os = "linux")]
fn wait_without_collecting(pid: Pid) {
    use nix::{
        errno::Errno,
        sys::wait::{Id, WaitPidFlag, waitid},
    };
    while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
}

/// Elsewhere the wait itself collects, while nobody can send a signal: see the caller.
#[cfg(not(target_os = "linux"))]
fn wait_without_collecting(_: Pid) {}
