//! Collection: what nothing needs goes, what something needs never does, whoever pushes the same bytes meanwhile.

use std::sync::Arc;

use chrono::TimeDelta;
use executor_hub::{
    app::App,
    domain::{Clock as _, SystemClock, clock::FixedClock},
};
use serde_json::json;

use super::{person, pushed, subject};
use crate::support::{
    bucket::Bucket,
    client::Client,
    hub::{TestHub, Wanted},
    package::{Package, package},
};

fn version(n: usize) -> Package {
    package("Hello").with("README.md", &format!("# Version {n}\n"))
}

async fn timed() -> (TestHub, Arc<FixedClock>) {
    // Near the machine's own time: objects are as old as their store says.
    let clock = Arc::new(FixedClock::at(SystemClock.now()));
    let wanted = Wanted { set: vec!["builds.mode=off"], clock: Some(clock.clone()), ..Wanted::default() };
    (TestHub::start_with(wanted).await, clock)
}

/// What a tag's package has, downloaded as clients do; `None` when there is no such tag.
async fn downloaded(client: &Client, reference: &str, tag: &str) -> Option<Vec<u8>> {
    let answer = client.rpc("executor.getPackage", json!({"id": reference, "tag": tag})).await;
    if answer.status == 404 {
        return None;
    }
    let address = answer.json()["data"]["package"]["download"].as_str().unwrap().to_owned();
    let package = client.get(&address).await;
    assert_eq!(package.status, 200, "a row without its bytes");
    Some(package.body.to_vec())
}

#[tokio::test]
async fn bytes_go_after_their_last_commit_is_purged_and_their_grace_is_over() {
    let (hub, clock) = timed().await;
    let (alice, client) = person(&hub, "alice").await;
    let first = pushed(&client, &[("tags", "a")], &version(1)).await;
    pushed(&client, &[("tags", "b")], &version(2)).await;
    // The same bytes in another Executor: kept for it.
    let shared = package("Hello").with("README.md", "# Shared\n");
    let third = pushed(&client, &[("tags", "c")], &shared).await;
    pushed(&client, &[("id", "Other"), ("tags", "c")], &shared).await;
    assert_eq!(hub.stored_files().len(), 3);
    let use_cases = hub.app.hub();
    use_cases.delete_commit(&alice, &subject("Hello"), first).await.unwrap();
    use_cases.delete_commit(&alice, &subject("Hello"), third).await.unwrap();
    assert_eq!(use_cases.collect().await.unwrap().packages.objects, 0, "the undo window is open");
    clock.advance(TimeDelta::days(8));
    use_cases.purge_deleted().await.unwrap();
    let preview = use_cases.preview_collection().await.unwrap();
    assert_eq!((preview.packages.objects, preview.waiting.objects), (0, 1));
    assert_eq!(use_cases.collect().await.unwrap().packages.objects, 0, "the time of grace begins");
    clock.advance(TimeDelta::hours(25));
    let preview = use_cases.preview_collection().await.unwrap();
    assert_eq!(preview.packages.objects, 1);
    assert_eq!(hub.stored_files().len(), 3, "a preview changes nothing");
    let done = use_cases.collect().await.unwrap();
    assert_eq!(done.packages, preview.packages);
    assert!(done.packages.bytes > 0);
    assert_eq!(hub.stored_files().len(), 2);
    assert!(
        downloaded(&client, "Hello", "b").await.is_some()
            && downloaded(&client, "Other", "c").await.is_some()
    );
    assert_eq!(use_cases.collect().await.unwrap().packages.objects, 0);
    // The same bytes come back as if they had never been here.
    pushed(&client, &[("tags", "a")], &version(1)).await;
    assert!(downloaded(&client, "Hello", "a").await.is_some());
}

#[tokio::test]
async fn an_object_whose_row_was_lost_is_found_and_one_that_is_needed_is_not_taken() {
    let (hub, clock) = timed().await;
    let (_, client) = person(&hub, "alice").await;
    pushed(&client, &[("tags", "a")], &version(1)).await;
    let kept = hub.stored_files().remove(0);
    let (folder, name) = kept.rsplit_once('/').unwrap();
    let root = folder.strip_suffix(&format!("packages/sha256/{}", &name[..2])).unwrap();
    for kind in ["packages", "artifacts"] {
        let ending = if kind == "packages" { ".zip" } else { "" };
        let lost = format!("{root}{kind}/sha256/ab");
        std::fs::create_dir_all(&lost).unwrap();
        std::fs::write(format!("{lost}/ab{}{ending}", "0".repeat(62)), b"lost").unwrap();
    }
    std::fs::write(format!("{root}packages/a-note.txt"), b"somebody else's").unwrap();
    let use_cases = hub.app.hub();
    let young = use_cases.collect().await.unwrap();
    assert_eq!((young.orphans.objects, young.packages.objects, young.artifacts.objects), (2, 0, 0));
    clock.advance(TimeDelta::days(2));
    let preview = use_cases.preview_collection().await.unwrap();
    assert_eq!(preview.orphans.bytes, 8);
    let done = use_cases.collect().await.unwrap();
    assert_eq!((done.packages.objects, done.artifacts.objects), (1, 1), "{done:?}");
    let left = hub.stored_files();
    assert!(left.contains(&kept) && left.iter().any(|file| file.ends_with("a-note.txt")), "{left:?}");
    assert_eq!(left.len(), 2);
}

#[tokio::test]
async fn what_a_crash_left_of_an_upload_goes_and_what_is_being_received_stays() {
    let (hub, _) = timed().await;
    let staged = hub.app.hub().stage_upload().unwrap();
    let old = staged.path().with_file_name("part-of-a-crash");
    std::fs::write(&old, b"half").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(48);
    std::fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(hub.app.hub().preview_collection().await.unwrap().uploads.bytes, 4);
    assert_eq!(hub.app.hub().collect().await.unwrap().uploads.objects, 1);
    assert!(!old.exists() && staged.path().exists());
    // Nor does a command beside the server touch it.
    let (settings, store) = (hub.app.settings().clone(), hub.app.store().clone());
    App::beside(settings, store, Arc::new(SystemClock)).unwrap();
    assert!(staged.path().exists());
}

#[tokio::test]
async fn a_worker_in_a_servers_folder_clears_away_its_own_leftovers_alone() {
    let (hub, _) = timed().await;
    let received = hub.app.hub().stage_upload().unwrap();
    let start = || {
        let (settings, store) = (hub.app.settings().clone(), hub.app.store().clone());
        App::for_worker(settings, store, Arc::new(SystemClock)).unwrap()
    };
    let worker = start();
    assert!(received.path().exists(), "a server receives it just now");
    let staged = worker.hub().stage_upload().unwrap();
    assert_ne!(staged.path().parent(), received.path().parent());
    start();
    assert!(!staged.path().exists() && received.path().exists(), "that worker is dead: its lock is taken");
}

#[tokio::test]
async fn of_replicas_that_collect_by_themselves_one_does_and_not_too_often() {
    let (hub, clock) = timed().await;
    assert!(hub.app.hub().collect_if_due().await.unwrap().is_some());
    assert!(hub.app.hub().collect_if_due().await.unwrap().is_none());
    clock.advance(TimeDelta::hours(25));
    let both = tokio::join!(hub.app.hub().collect_if_due(), hub.app.hub().collect_if_due());
    assert_eq!([both.0, both.1].iter().filter(|done| done.as_ref().unwrap().is_some()).count(), 1);
}

/// Pushes, deletions and collections of the same few bytes, all at once; at the end nothing that is there lacks its bytes.
async fn race(backend: &[&'static str]) {
    let off = ["builds.mode=off", "collection.grace=0s", "executors.undo_window=0s"];
    let set = off.iter().chain(backend).copied().collect();
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    let (alice, client) = person(&hub, "alice").await;
    for round in 0..8 {
        pushed(&client, &[("tags", "start")], &version(round)).await;
        let pushers: Vec<_> = (0..3)
            .map(|n| {
                let client = client.clone();
                tokio::spawn(async move {
                    let name = format!("Racer{n}");
                    pushed(&client, &[("id", &name), ("tags", "t")], &version(round)).await
                })
            })
            .collect();
        let collectors: Vec<_> = (0..2)
            .map(|_| {
                let (hub, alice) = (hub.app.hub().clone(), alice.clone());
                tokio::spawn(async move {
                    let _ = hub.delete_executor(&alice, &subject("Hello")).await;
                    for _ in 0..4 {
                        hub.purge_deleted().await.unwrap();
                        hub.collect().await.unwrap();
                    }
                })
            })
            .collect();
        for pushing in pushers {
            pushing.await.unwrap();
        }
        for collecting in collectors {
            collecting.await.unwrap();
        }
        for n in 0..3 {
            assert!(downloaded(&client, &format!("Racer{n}"), "t").await.is_some(), "{backend:?} {round}");
        }
    }
    hub.app.hub().purge_deleted().await.unwrap();
    for n in 0..3 {
        hub.app.hub().delete_executor(&alice, &subject(&format!("Racer{n}"))).await.unwrap();
    }
    hub.app.hub().purge_deleted().await.unwrap();
    hub.app.hub().collect().await.unwrap();
    assert_eq!((hub.count("package_bytes").await, hub.count("package_uploads").await), (0, 0));
    assert_eq!(hub.app.hub().preview_collection().await.unwrap().orphans.objects, 0);
    assert_eq!(hub.stored_files(), Vec::<String>::new());
}

#[tokio::test]
async fn racing_pushes_and_collections_of_the_same_bytes_lose_nothing_on_disk() {
    race(&["blobs.backend=directory"]).await;
}

#[tokio::test]
async fn racing_pushes_and_collections_of_the_same_bytes_lose_nothing_in_a_store_of_objects() {
    race(&["blobs.backend=memory"]).await;
}

#[tokio::test]
async fn racing_pushes_and_collections_of_the_same_bytes_lose_nothing_in_a_bucket() {
    let bucket = Bucket::new().await;
    let endpoint: &'static str = format!("blobs.s3_endpoint=http://127.0.0.1:{}", bucket.port).leak();
    race(&[
        "blobs.backend=s3",
        "blobs.s3_bucket=hub-bytes",
        "blobs.s3_access_key_id=test",
        "blobs.s3_secret_access_key=test",
        "blobs.s3_allow_http=true",
        endpoint,
    ])
    .await;
    assert_eq!(bucket.objects().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_space_is_told_by_person_and_executor() {
    let (hub, _) = timed().await;
    let (alice, client) = person(&hub, "alice").await;
    let root = super::admin(&hub, "root").await;
    pushed(&client, &[], &version(1)).await;
    pushed(&client, &[], &version(2)).await;
    pushed(&client, &[("id", "Other")], &version(1)).await;
    let loose = hub.anonymous().push("executor.create", &[], &package("Loose")).await.last_line();
    assert_eq!(loose["type"], "complete");
    let own = hub.app.hub().usage(&alice).await.unwrap();
    let by_name: Vec<_> =
        own.by_executor.iter().map(|e| (e.name.as_ref().unwrap().as_str(), e.commits)).collect();
    assert_eq!(by_name, [("Hello", 2), ("Other", 1)]);
    let (hello, other) = (own.by_executor[0].package_bytes, own.by_executor[1].package_bytes);
    assert_eq!((own.executors, own.package_bytes), (2, hello), "the same bytes count once for a person");
    let on_disk: u64 = hub.stored_files().iter().map(|file| std::fs::metadata(file).unwrap().len()).sum();
    let all = hub.app.hub().usage_of_all(&root).await.unwrap();
    let told: Vec<_> = all.by_owner.iter().map(|o| (o.login.as_deref(), o.executors)).collect();
    assert_eq!(told, [(Some("alice"), 2), (None, 1)]);
    assert_eq!(all.by_owner.iter().map(|o| o.package_bytes).sum::<u64>(), on_disk);
    assert!(other > 0 && hello > other);
    assert_eq!(hub.app.hub().usage_of_all(&alice).await.unwrap_err().code, "admins_only");
}
