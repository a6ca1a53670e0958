//! Who runs Postgres? We ourselves, unless we are root: Postgres refuses root, so root hands it to someone with
//! fewer rights, and that someone must be able to reach the folder.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use nix::unistd::{Gid, Uid, User};

use super::LaunchError;

/// Another user to run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
}

/// Whom to run as: `None` unless we are root; then the owner of the cluster, else `postgres`, else `nobody`.
pub(super) fn choose(data: &Path) -> Result<Option<Account>, LaunchError> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    match fs::metadata(data) {
        Ok(found) if found.uid() != 0 => {
            return Ok(Some(Account { uid: Uid::from_raw(found.uid()), gid: Gid::from_raw(found.gid()) }));
        }
        _ => {}
    }
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| User::from_name(name).ok().flatten())
        .map(|user| Some(Account { uid: user.uid, gid: user.gid }))
        .ok_or(LaunchError::NoUser)
}

/// `initdb` looks its user up by id and gives up when there is no such entry, as with `docker run --user 12345`.
pub(super) fn check_name(account: Option<Account>) -> Result<(), LaunchError> {
    let uid = account.map_or_else(Uid::effective, |account| account.uid);
    match User::from_uid(uid) {
        Ok(None) => Err(LaunchError::NamelessUser(uid.as_raw())),
        // A user directory that does not answer is for initdb to complain about.
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

/// Checks that `account` may walk down to `root`, which `/root` with its 0700 would forbid.
pub(super) fn check_way(root: &Path, account: Account) -> Result<(), LaunchError> {
    for dir in root.ancestors() {
        let found = fs::metadata(dir).map_err(LaunchError::io("look at", dir))?;
        let may_enter = if found.uid() == account.uid.as_raw() {
            0o100
        } else if found.gid() == account.gid.as_raw() {
            0o010
        } else {
            0o001
        };
        if found.mode() & may_enter == 0 {
            return Err(LaunchError::ClosedFolder { dir: dir.to_owned(), uid: account.uid.as_raw() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_closed_folder_on_the_way_is_named() {
        let top = tempfile::tempdir().unwrap();
        let closed = top.path().join("closed");
        let root = closed.join("root");
        fs::create_dir_all(&root).unwrap();
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o711)).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o770)).unwrap();
        let stranger = Account { uid: Uid::from_raw(54321), gid: Gid::from_raw(54321) };
        match check_way(&root, stranger) {
            Err(LaunchError::ClosedFolder { dir, uid: 54321 }) => assert_eq!(dir, closed),
            other => panic!("{other:?}"),
        }
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o771)).unwrap();
        check_way(&root, stranger).unwrap();
    }

    #[test]
    fn rights_of_the_group_count_for_its_members_only() {
        let top = tempfile::tempdir().unwrap();
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o710)).unwrap();
        let group = Gid::from_raw(fs::metadata(top.path()).unwrap().gid());
        check_way(top.path(), Account { uid: Uid::from_raw(54321), gid: group }).unwrap();
        let stranger = Account { uid: Uid::from_raw(54321), gid: Gid::from_raw(54321) };
        assert!(check_way(top.path(), stranger).is_err());
    }

    #[test]
    fn a_user_without_a_name_is_refused() {
        let nameless = Account { uid: Uid::from_raw(4_000_000_001), gid: Gid::from_raw(4_000_000_001) };
        assert!(matches!(check_name(Some(nameless)), Err(LaunchError::NamelessUser(4_000_000_001))));
    }
}
