//! Where do the files of the private Postgres lie, and who may enter? Everything is below one root that one process
//! holds; what postgres writes belongs to the user who runs it, closed to everybody else.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::ErrorKind,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{AT_FDCWD, AtFlags},
    unistd::{Uid, fchownat},
};

use super::{LaunchError, run_as::Account};

/// Held by whoever uses the folder.
const LOCK: &str = "postgres.lock";
/// Part of the socket's name; nothing listens on it as a network port.
pub(super) const PORT: u16 = 5432;

/// What `sockaddr_un` holds, less its closing NUL.
const LONGEST_SOCKET_PATH: usize = 107;

/// The parts of the root folder.
#[derive(Debug)]
pub(super) struct Folder {
    /// Canonical, so that it can be compared with what the kernel says of other processes.
    pub(super) root: PathBuf,
    pub(super) data: PathBuf,
    pub(super) unfinished: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) logs: PathBuf,
}

impl Folder {
    /// Makes the root where it is missing and takes it for this process. The lock ends with the file handle, so also when
    /// the process is killed.
    pub(super) fn take(root: &Path) -> Result<(Self, File), LaunchError> {
        if !root.exists() {
            fs::create_dir_all(root).map_err(LaunchError::io("create", root))?;
            // Others may pass through but not look around: postgres, when root starts it, is one of those others.
            fs::set_permissions(root, Permissions::from_mode(0o711))
                .map_err(LaunchError::io("open up", root))?;
        }
        let root = root.canonicalize().map_err(LaunchError::io("find", root))?;
        let lock = lock(&root)?;
        let folder = Self {
            data: root.join("postgres"),
            unfinished: root.join("postgres.new"),
            socket: socket_dir(&root)?,
            logs: root.join("postgres-log"),
            root,
        };
        Ok((folder, lock))
    }

    /// The value of postgres' `-k`: a list, so the path is quoted, and quotes inside it are doubled.
    pub(super) fn socket_argument(&self) -> OsString {
        let mut quoted = vec![b'"'];
        for &byte in self.socket.as_os_str().as_bytes() {
            quoted.push(byte);
            if byte == b'"' {
                quoted.push(byte);
            }
        }
        quoted.push(b'"');
        OsString::from_vec(quoted)
    }
}

/// Whether there was a Postgres below `root` that nobody uses any more.
pub fn is_unused(root: &Path) -> bool {
    let lock = OpenOptions::new().write(true).open(root.join(LOCK));
    lock.is_ok_and(|lock| lock.try_lock().is_ok())
}

fn lock(root: &Path) -> Result<File, LaunchError> {
    let path = root.join(LOCK);
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(LaunchError::io("open", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(LaunchError::InUse(root.to_owned())),
        Err(TryLockError::Error(error)) => Err(LaunchError::io("lock", &path)(error)),
    }
}

/// Beside the cluster, or below `/tmp` where the path would be too long for a socket or (the client needs text) is no
/// UTF-8. The name below `/tmp` follows from the root, so that every start finds the same one.
pub(super) fn socket_dir(root: &Path) -> Result<PathBuf, LaunchError> {
    let beside = root.join("postgres.sock");
    let longest = beside.as_os_str().len() + format!("/.s.PGSQL.{PORT}").len();
    if longest <= LONGEST_SOCKET_PATH && beside.to_str().is_some() {
        return Ok(beside);
    }
    let found = fs::metadata(root).map_err(LaunchError::io("look at", root))?;
    Ok(PathBuf::from(format!("/tmp/.executor-hub-{:x}-{:x}", found.dev(), found.ino())))
}

/// Makes `dir`, or takes it over from an earlier start, for `account` (`None`: for ourselves) alone.
///
/// In `/tmp` anybody may have made something of this name first, so neither a link nor a stranger's folder is touched.
pub(super) fn private_dir(dir: &Path, account: Option<Account>) -> Result<(), LaunchError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(LaunchError::io("create", dir)(error));
        }
        Ok(()) | Err(_) => {}
    }
    let found = fs::symlink_metadata(dir).map_err(LaunchError::io("look at", dir))?;
    let us = Uid::effective();
    let wanted = account.map_or(us, |account| account.uid);
    if !found.is_dir() || ![us.as_raw(), wanted.as_raw()].contains(&found.uid()) {
        return Err(LaunchError::Foreign(dir.to_owned()));
    }
    if let Some(account) = account {
        fchownat(AT_FDCWD, dir, Some(account.uid), Some(account.gid), AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(|error| LaunchError::io("hand over", dir)(error.into()))?;
    }
    fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(LaunchError::io("close", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_the_path_does_not_end_the_list_item() {
        let top = tempfile::tempdir().unwrap();
        let (folder, _lock) = Folder::take(&top.path().join(r#"a"b, c"#)).unwrap();
        let argument = folder.socket_argument().into_string().unwrap();
        assert!(argument.ends_with(r#"/a""b, c/postgres.sock""#), "{argument}");
    }

    #[test]
    fn a_path_too_long_for_a_socket_moves_it_to_the_same_place_every_time() {
        let top = tempfile::tempdir().unwrap();
        let root = top.path().join("x".repeat(100));
        let first = Folder::take(&root).unwrap().0.socket;
        assert!(first.starts_with("/tmp"), "{first:?}");
        assert_eq!(Folder::take(&root).unwrap().0.socket, first);
    }

    #[test]
    fn a_link_in_place_of_our_folder_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let target = top.path().join("target");
        fs::create_dir(&target).unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o755)).unwrap();
        let link = top.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(matches!(private_dir(&link, None), Err(LaunchError::Foreign(dir)) if dir == link));
        assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, 0o755);
    }
}
