//! What if the disk is full, at whatever point of a push? The answer says so, reads and deletions go on, and all is well when
//! there is room again.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::pulled;
use crate::support::{
    hub::{TestHub, Wanted},
    package::{noise, package},
};

const DISK_KIB: usize = 4096;

/// A small disk of its own; taken away when dropped.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={DISK_KIB}k,mode=0755");
        let place = folder.path().to_str().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs", place])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("left out: a small disk needs the right to mount one");
            return None;
        }
        Some(Self { folder })
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    /// What lies on it, the filler left out.
    fn files(&self) -> Vec<String> {
        let mut folders = vec![self.folder.path().to_owned()];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path != self.filler() {
                    found.push(path.display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    /// Fills the disk but for so many KiB.
    fn leave(&self, kib: usize) {
        let _ = fs::remove_file(self.filler());
        let free = nix::sys::statvfs::statvfs(self.folder.path()).unwrap();
        let free = usize::try_from(free.blocks_available() * free.fragment_size()).unwrap();
        fs::write(self.filler(), vec![1; free.saturating_sub(kib << 10)]).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_else_suffers() {
    let Some(disk) = Disk::new() else { return };
    let folder: &'static str = format!("blobs.directory={}", disk.folder.path().display()).leak();
    let set = vec!["builds.mode=off", "collection.grace=0s", "executors.undo_window=0s", folder];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    let alice = hub.person("alice").await;
    let large = |name: &str, seed: u64| package(name).with_bytes("noise.bin", noise(seed, 400_000));
    assert_eq!(alice.push("executor.push", &[], &large("Kept", 1)).await.last_line()["type"], "complete");
    let kept = pulled(&alice, "Kept").await.unwrap();

    // The upload needs room, and the repacked package once more: none, too little for one, for one only.
    let mut refused = 0;
    for kib in [0, 4, 64, 128, 256, 384, 420, 512, 700, 780] {
        disk.leave(kib);
        let (commits, files) = (hub.count("commits").await, disk.files());
        let answer =
            alice.push("executor.push", &[], &large("Grows", 100 + u64::try_from(kib).unwrap())).await;
        let line = answer.last_line();
        if line["type"] == "complete" {
            continue;
        }
        refused += 1;
        assert_eq!(line["errorCode"], "storage_full", "{kib} KiB: {line}");
        assert_eq!(answer.status, 503);
        assert_eq!(hub.count("commits").await, commits, "{kib} KiB");
        // Large files are let go of on another thread.
        let gone = async {
            while disk.files() != files {
                tokio::task::yield_now().await;
            }
        };
        let gone = tokio::time::timeout(std::time::Duration::from_secs(30), gone).await;
        assert!(gone.is_ok(), "{kib} KiB: {:?}", disk.files());
        assert_eq!(pulled(&alice, "Kept").await.unwrap(), kept, "reads go on");
    }
    assert!(refused >= 4, "{refused}");

    disk.leave(0);
    let deleted = alice.send(http::Method::DELETE, "/api/v1/executors/Kept", &[], Vec::new()).await;
    assert!(deleted.status.is_success(), "{}", String::from_utf8_lossy(&deleted.body));
    hub.app.hub().purge_deleted().await.unwrap();
    // Whoever collects looks once what is not needed, and deletes what was not needed before.
    hub.app.hub().collect().await.unwrap();
    let gone = hub.app.hub().collect().await.unwrap();
    assert_eq!(gone.waiting.objects, 0);
    assert!(pulled(&alice, "Kept").await.is_err());
    fs::remove_file(disk.filler()).unwrap();
    assert_eq!(alice.push("executor.push", &[], &large("After", 7)).await.last_line()["type"], "complete");
}
