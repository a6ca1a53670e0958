//! What if the disk is full, at whatever point of a push? The answer says so, reads and deletions go on, and all is well when
//! there is room again.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use executor_hub::postgres::running_in;
use http::Method;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use sqlx::ConnectOptions as _;

use super::pulled;
use crate::support::{
    client::{Answer, Client},
    hub::{TestHub, Wanted},
    image::{self, sha256},
    package::{Package, noise, package},
    server::Installation,
};

/// A small disk of its own in the place of an empty folder; taken away when dropped.
struct Disk {
    folder: PathBuf,
}

impl Disk {
    fn at(folder: &Path, mib: usize) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m,mode=0755"), "tmpfs"])
            .arg(folder)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("left out: a small disk needs the right to mount one");
            return None;
        }
        Some(Self { folder: folder.to_owned() })
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }

    /// What lies on it, the filler left out.
    fn files(&self) -> Vec<String> {
        let mut folders = vec![self.folder.clone()];
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
        self.make_room();
        let free = nix::sys::statvfs::statvfs(&self.folder).unwrap();
        let free = usize::try_from(free.blocks_available() * free.fragment_size()).unwrap();
        fs::write(self.filler(), vec![1; free.saturating_sub(kib << 10)]).unwrap();
    }

    fn make_room(&self) {
        let _ = fs::remove_file(self.filler());
    }

    /// Waits until nothing but this lies on it: large files are let go of on another thread.
    async fn holds(&self, files: &[String]) {
        let gone = async {
            while self.files() != files {
                tokio::task::yield_now().await;
            }
        };
        let gone = tokio::time::timeout(Duration::from_secs(30), gone).await;
        assert!(gone.is_ok(), "{:?}", self.files());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

/// A Hub whose objects lie on a small disk, to be filled to its last byte.
async fn cramped_hub(disk: &Disk) -> TestHub {
    let folder: &'static str = format!("blobs.directory={}", disk.folder.display()).leak();
    let off =
        ["builds.mode=off", "collection.grace=0s", "executors.undo_window=0s", "blobs.min_free_space=0B"];
    let set = off.into_iter().chain([folder]).collect();
    TestHub::start_with(Wanted { set, ..Wanted::default() }).await
}

fn large(name: &str, seed: u64) -> Package {
    package(name).with_bytes("noise.bin", noise(seed, 400_000))
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_else_suffers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::at(folder.path(), 4) else { return };
    let hub = cramped_hub(&disk).await;
    let alice = hub.person("alice").await;
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
        disk.holds(&files).await;
        assert_eq!(pulled(&alice, "Kept").await.unwrap(), kept, "reads go on");
    }
    assert!(refused >= 4, "{refused}");

    disk.leave(0);
    let deleted = alice.send(Method::DELETE, "/api/v1/executors/Kept", &[], Vec::new()).await;
    assert!(deleted.status.is_success(), "{}", String::from_utf8_lossy(&deleted.body));
    hub.app.hub().purge_deleted().await.unwrap();
    // Whoever collects looks once what is not needed, and deletes what was not needed before.
    hub.app.hub().collect().await.unwrap();
    let gone = hub.app.hub().collect().await.unwrap();
    assert_eq!(gone.waiting.objects, 0);
    assert!(pulled(&alice, "Kept").await.is_err());
    disk.make_room();
    assert_eq!(alice.push("executor.push", &[], &large("After", 7)).await.last_line()["type"], "complete");
}

#[tokio::test]
async fn artifacts_and_layers_of_images_are_refused_whole_and_go_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::at(folder.path(), 4) else { return };
    let hub = cramped_hub(&disk).await;
    let alice = hub.person("alice").await;
    assert_eq!(alice.push("executor.push", &[], &package("Box")).await.last_line()["type"], "complete");
    let content = image::manifest(b"a small layer", json!({}));
    for blob in [image::CONFIG, b"a small layer"] {
        let path = format!("{UPLOADS}?digest={}", sha256(blob));
        assert_eq!(alice.send(Method::POST, &path, &[], blob.to_vec()).await.status, 201);
    }
    let kind = [("content-type", image::IMAGE)];
    let (manifest, bytes) = ("/v2/alice/box/manifests/small", content.into_bytes());
    assert_eq!(alice.send(Method::PUT, manifest, &kind, bytes.clone()).await.status, 201);

    let layer = noise(5, 400_000);
    let whole = format!("{UPLOADS}?digest={}", sha256(&layer));
    for kib in [0, 4, 64, 300] {
        disk.leave(kib);
        let files = disk.files();
        let refused = alice.send(Method::POST, &whole, &[], layer.clone()).await;
        assert_full(&refused, &format!("a layer with {kib} KiB"));
        disk.holds(&files).await;
        let refused = alice.send(Method::POST, "/v2/rpc/artifact.upload", &FORM, form(&layer)).await;
        assert_full(&refused, &format!("an artifact with {kib} KiB"));
        disk.holds(&files).await;
        let blob = format!("/v2/alice/box/blobs/{}", sha256(&layer));
        assert_eq!(alice.get(&blob).await.status, 404, "{kib} KiB");
        assert_eq!(alice.get(manifest).await.body.as_ref(), bytes, "reads go on");
        assert_eq!((hub.count("artifacts").await, hub.count("image_uploads").await), (0, 0), "{kib} KiB");
    }

    // One that comes in pieces keeps what it has, and goes on from there.
    disk.make_room();
    let begun = alice.send(Method::POST, UPLOADS, &[], Vec::new()).await;
    let location = begun.headers["location"].to_str().unwrap().to_owned();
    let (first, rest) = layer.split_at(100_000);
    assert_eq!(alice.send(Method::PATCH, &location, &[], first.to_vec()).await.status, 202);
    disk.leave(64);
    assert_full(&alice.send(Method::PATCH, &location, &[], rest.to_vec()).await, "a piece");
    disk.make_room();
    let has = alice.get(&location).await.headers["range"].to_str().unwrap().to_owned();
    let has: usize = has.strip_prefix("0-").unwrap().parse::<usize>().unwrap() + 1;
    assert!((first.len()..layer.len()).contains(&has), "{has}");
    let last = format!("{location}?digest={}", sha256(&layer));
    let ended = alice.send(Method::PUT, &last, &[], layer[has..].to_vec()).await;
    assert_eq!(ended.status, 201, "{}", String::from_utf8_lossy(&ended.body));
    let stored = alice.send(Method::POST, "/v2/rpc/artifact.upload", &FORM, form(&layer)).await;
    assert_eq!(stored.status, 200, "{}", String::from_utf8_lossy(&stored.body));
}

const UPLOADS: &str = "/v2/alice/box/blobs/uploads/";
const FORM: [(&str, &str); 1] = [("content-type", "multipart/form-data; boundary=x")];

fn form(bytes: &[u8]) -> Vec<u8> {
    let head = b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    [head.as_slice(), bytes, b"\r\n--x--\r\n"].concat()
}

fn assert_full(answer: &Answer, what: &str) {
    let said = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 503, "{what}: {said}");
    assert!(said.contains("The Hub's disk is full."), "{what}: {said}");
}

#[tokio::test]
async fn the_last_room_of_a_disk_is_left_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::at(folder.path(), 8) else { return };
    let folder: &'static str = format!("blobs.directory={}", disk.folder.display()).leak();
    let set = vec!["builds.mode=off", "blobs.min_free_space=2MiB", folder];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    let alice = hub.person("alice").await;
    assert_eq!(alice.push("executor.push", &[], &large("Kept", 1)).await.last_line()["type"], "complete");
    let kept = pulled(&alice, "Kept").await.unwrap();
    disk.leave(2_500);
    let files = disk.files();
    // It would fit, but for what has to stay free: the look before the last piece finds that.
    let grows = package("Grows").with_bytes("noise.bin", noise(2, 2_100_000));
    assert_full(&alice.push("executor.push", &[], &grows).await, "a package");
    disk.holds(&files).await;
    let mut layer = hub.app.images().stage().unwrap();
    let written = noise(3, 2_100_000).chunks(1 << 16).try_for_each(|piece| layer.write_all(piece));
    assert_eq!(written.unwrap_err().kind(), std::io::ErrorKind::StorageFull, "a layer of a build");
    drop(layer);
    disk.leave(2_000);
    assert_full(&alice.push("executor.push", &[], &package("Small")).await, "a small package");
    let bare =
        alice.send(Method::POST, "/api/v1/executors", &[("content-type", "application/zip")], grows.zip());
    assert_full(&bare.await, "a large package without a form");
    assert_eq!(pulled(&alice, "Kept").await.unwrap(), kept);
    disk.make_room();
    assert_eq!(alice.push("executor.push", &[], &package("Small")).await.last_line()["type"], "complete");
}

/// Pushes until it is taken; what is refused meanwhile is refused for a while only.
async fn pushed_when_it_is_back(client: &Client, package: &Package) {
    let pushing = async {
        loop {
            let answer = client.push("executor.push", &[], package).await;
            let line = answer.last_line();
            if line["type"] == "complete" {
                break;
            }
            assert_eq!(answer.status, 503, "{line}");
            assert!(answer.headers.contains_key("retry-after"));
        }
    };
    tokio::time::timeout(Duration::from_mins(2), pushing).await.expect("it comes back");
}

/// The private Postgres on the same disk, and somebody else who fills it: first the tables cannot grow, then the log of
/// changes cannot, which ends Postgres.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_postgres_whose_disk_was_full_serves_again_without_a_restart_of_the_hub() {
    let installation =
        Installation::without_builds_with_private_postgres().with("BLOBS__MIN_FREE_SPACE", "0B");
    let Some(disk) = Disk::at(installation.path(), 256) else { return };
    let hub = installation.serve().await;
    let alice = hub.anonymous().with_token(&installation.person("alice"));
    assert_eq!(alice.push("executor.push", &[], &large("Kept", 1)).await.last_line()["type"], "complete");
    let kept = pulled(&alice, "Kept").await.unwrap();

    disk.leave(0);
    assert_eq!(pulled(&alice, "Kept").await.unwrap(), kept, "reads go on");
    assert_full(&alice.push("executor.push", &[], &large("Grows", 2)).await, "a package");

    let options = running_in(&installation.path().join("data")).unwrap();
    let mut noise = options.connect().await.unwrap();
    let filling = async {
        // What is only written to the log of changes.
        let message = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000))";
        while sqlx::query(message).execute(&mut noise).await.is_ok() {}
    };
    tokio::time::timeout(Duration::from_mins(1), filling).await.expect("the log of changes fills the disk");
    assert!(sqlx::query("SELECT 1").execute(&mut noise).await.is_err(), "Postgres has ended, or begins anew");
    disk.make_room();
    pushed_when_it_is_back(&alice, &large("After", 3)).await;
    assert_eq!(pulled(&alice, "Kept").await.unwrap(), kept);
    let checked = installation.run(&["check", "--deep"]);
    assert_eq!(checked.lines().last(), Some("problems\t0"), "{checked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_postgres_that_was_killed_serves_again_without_a_restart_of_the_hub() {
    let installation = Installation::without_builds_with_private_postgres();
    let hub = installation.serve().await;
    let alice = hub.anonymous().with_token(&installation.person("alice"));
    assert_eq!(alice.push("executor.push", &[], &package("Kept")).await.last_line()["type"], "complete");
    let kept = pulled(&alice, "Kept").await.unwrap();
    for round in 1..=2 {
        let pid = fs::read_to_string(installation.path().join("data/postgres/postmaster.pid")).unwrap();
        let pid: i32 = pid.lines().next().unwrap().parse().unwrap();
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        pushed_when_it_is_back(&alice, &package("After")).await;
        assert_eq!(pulled(&alice, "Kept").await.unwrap(), kept);
        // It takes connections a moment before it is all prepared.
        let told = async {
            while hub.said().matches("the private Postgres runs again").count() < round {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), told).await.expect("the Hub tells it");
    }
}
