//! Is the data folder a safe place? Its rights, its kind of file system, and the key in it.

use std::{
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use nix::sys::statfs::{FsType, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, statfs};

use super::report::Report;
use crate::{auth::Keys, config::Settings};

pub(super) fn check(settings: &Settings, report: &mut Report) {
    let folder = &settings.server.data_dir;
    check_folder(folder, report);
    check_key(settings, report);
}

fn check_folder(folder: &Path, report: &mut Report) {
    let shown = folder.display();
    let facts = match std::fs::metadata(folder) {
        Ok(facts) => facts,
        Err(error) => {
            report.fault(
                "data_folder",
                format!("{shown}: {error}"),
                "Start the Hub once, or set `server.data_dir` to a folder that its user may write.",
            );
            return;
        }
    };
    let own = nix::unistd::Uid::effective();
    if facts.permissions().mode() & 0o022 != 0 {
        report.fault(
            "data_folder",
            format!("others may write into {shown}, and so replace the key and every package"),
            format!("chmod go-w {shown}"),
        );
    } else if !own.is_root() && facts.uid() != own.as_raw() {
        report.fault(
            "data_folder",
            format!("{shown} belongs to another user ({})", facts.uid()),
            format!("Run this as the Hub's user, or chown -R {own} {shown}"),
        );
    } else {
        report.good("data_folder", format!("only its owner writes into {shown}"));
    }
    let volatile: [(FsType, &str); 2] =
        [(TMPFS_MAGIC, "memory (tmpfs)"), (OVERLAYFS_SUPER_MAGIC, "a container's own layer (overlay)")];
    let kind = statfs(folder).ok().map(|told| told.filesystem_type());
    match volatile.iter().find(|(magic, _)| Some(*magic) == kind) {
        Some((_, name)) => report.warn(
            "durability",
            format!("{shown} lies in {name}: everything is gone with it"),
            "Mount a volume there, or set `server.data_dir` to a folder on a disk.",
        ),
        None => report.good("durability", format!("{shown} lies on a file system that stays")),
    }
}

fn check_key(settings: &Settings, report: &mut Report) {
    let path = settings.server.data_dir.join("master.key");
    let fix = "Give all servers and workers the same 64 hexadecimal digits in `auth.master_key` (HUB_AUTH__MASTER_KEY_FILE).";
    if !settings.auth.master_key.is_empty() {
        match Keys::load(&settings.auth.master_key, &settings.server.data_dir) {
            Ok(_) => report.good("master_key", "it is set"),
            Err(error) => report.fault("master_key", error.to_string(), fix),
        }
        return;
    }
    let shared = !settings.database.url.is_empty();
    match std::fs::metadata(&path) {
        Ok(facts) if facts.permissions().mode() & 0o077 != 0 => report.fault(
            "master_key",
            format!("others may read {}", path.display()),
            format!("chmod 600 {}", path.display()),
        ),
        Ok(_) if shared => report.warn(
            "master_key",
            "it is a file of this machine, but the database may have other servers and workers",
            fix,
        ),
        Ok(_) => report.good("master_key", format!("{} is its owner's alone; keep a copy", path.display())),
        Err(_) => report.warn(
            "master_key",
            format!("there is none yet; the first start makes {}", path.display()),
            "Nothing to do with a single server.",
        ),
    }
}
