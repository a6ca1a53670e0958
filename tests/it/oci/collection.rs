//! What of images goes, when, and what never does while somebody needs it or is about to?

use std::sync::Arc;

use chrono::TimeDelta;
use executor_hub::domain::{Clock as _, SystemClock, clock::FixedClock, user::Role};
use http::Method;
use serde_json::json;

use super::{ids, index, push, put_as, put_blob, put_manifest, put_parts};
use crate::support::{
    client::Client,
    hub::{TestHub, Wanted},
    image::{INDEX, build_image, manifest, sha256},
};

async fn timed() -> (TestHub, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::at(SystemClock.now()));
    let wanted = Wanted { set: vec!["builds.mode=off"], clock: Some(clock.clone()), ..Wanted::default() };
    (TestHub::start_with(wanted).await, clock)
}

/// Alice, whose token outlasts every grace, and her Executor.
async fn alice(hub: &TestHub, name: &str) -> Client {
    let user = hub.app.auth().create_user("alice", None, Role::Member).await.unwrap();
    let token = hub.app.auth().issue_personal_token(user.id, "test", Some(1000)).await.unwrap();
    let alice = hub.anonymous().with_token(token.expose());
    push(&alice, name, &[]).await;
    alice
}

/// Collects twice with the time of grace between, since what one finds unneeded the next takes away.
async fn collect(hub: &TestHub, clock: &FixedClock) -> u64 {
    hub.app.hub().collect().await.unwrap();
    clock.advance(TimeDelta::days(2));
    hub.app.hub().collect().await.unwrap().images.objects
}

fn image_files(hub: &TestHub) -> usize {
    hub.stored_files().iter().filter(|path| path.contains("/images/")).count()
}

#[tokio::test]
async fn a_push_that_never_ends_leaves_nothing() {
    let (hub, clock) = timed().await;
    let alice = alice(&hub, "Box").await;
    put_blob(&alice, "alice/box", b"never named").await;
    let begun = alice.send(Method::POST, "/v2/alice/box/blobs/uploads/", &[], Vec::new()).await;
    let location = begun.headers["location"].to_str().unwrap().to_owned();
    alice.send(Method::PATCH, &location, &[], b"half".to_vec()).await;
    hub.app.hub().collect().await.unwrap();
    assert_eq!(image_files(&hub), 1, "its time of grace is not over");
    assert_eq!(alice.get(&location).await.status, 204);
    clock.advance(TimeDelta::days(2));
    collect(&hub, &clock).await;
    assert_eq!(
        (image_files(&hub), hub.count("image_blobs").await, hub.count("image_bytes").await),
        (0, 0, 0)
    );
    assert_eq!(alice.get(&location).await.status, 404);
    assert!(!hub.stored_files().iter().any(|path| path.contains("/uploads/")));
}

#[tokio::test]
async fn what_a_push_was_told_is_here_stays_until_it_names_it() {
    let (hub, clock) = timed().await;
    let alice = alice(&hub, "Box").await;
    put_parts(&alice, "alice/box", b"layer").await;
    clock.advance(TimeDelta::hours(23));
    let path = format!("/v2/alice/box/blobs/{}", sha256(b"layer"));
    assert_eq!(alice.send(Method::HEAD, &path, &[], Vec::new()).await.status, 200);
    clock.advance(TimeDelta::hours(23));
    hub.app.hub().collect().await.unwrap();
    assert_eq!(alice.send(Method::HEAD, &path, &[], Vec::new()).await.status, 200);
    assert_eq!(hub.count("image_blobs").await, 1, "what nobody asked about is gone");
    put_blob(&alice, "alice/box", crate::support::image::CONFIG).await;
    assert_eq!(put_manifest(&alice, "alice/box", "mine", &manifest(b"layer", json!({}))).await.status, 201);
}

#[tokio::test]
async fn images_stay_while_a_tag_a_commit_or_an_index_leads_to_them() {
    let (hub, clock) = timed().await;
    let alice = alice(&hub, "Box").await;
    let (id, commit) = ids(&alice, "Box").await;
    let built = build_image(&hub, &id, &commit, b"built").await;
    put_parts(&alice, "alice/box", b"by hand").await;
    let child = manifest(b"by hand", json!({}));
    let child_digest = sha256(child.as_bytes());
    put_manifest(&alice, "alice/box", &child_digest, &child).await;
    let all = index(&[(child_digest.clone(), child.len())], json!({}));
    put_as(&alice, "alice/box", "all", &all, INDEX).await;
    clock.advance(TimeDelta::days(100));
    collect(&hub, &clock).await;
    for reference in [built.as_str(), "latest", "all", &child_digest] {
        assert_eq!(
            alice.get(&format!("/v2/alice/box/manifests/{reference}")).await.status,
            200,
            "{reference}"
        );
    }
    assert_eq!(alice.get(&format!("/v2/alice/box/blobs/{}", sha256(b"by hand"))).await.status, 200);
    alice.send(Method::DELETE, "/v2/alice/box/manifests/all", &[], Vec::new()).await;
    collect(&hub, &clock).await;
    assert_eq!(alice.get(&format!("/v2/alice/box/manifests/{child_digest}")).await.status, 404);
    assert_eq!(alice.get(&format!("/v2/alice/box/manifests/{built}")).await.status, 200);
    clock.advance(TimeDelta::days(2));
    assert_eq!(collect(&hub, &clock).await, 0);
    assert_eq!(image_files(&hub), 2, "configuration and layer of what was built");
}

#[tokio::test]
async fn images_of_a_purged_executor_go_and_shared_bytes_stay() {
    let (hub, clock) = timed().await;
    let alice = alice(&hub, "Box").await;
    push(&alice, "Chest", &[]).await;
    for name in ["Box", "Chest"] {
        let (id, commit) = ids(&alice, name).await;
        build_image(&hub, &id, &commit, b"shared").await;
        put_blob(&alice, &format!("alice/{}", name.to_lowercase()), name.as_bytes()).await;
        let own = manifest(name.as_bytes(), json!({}));
        put_manifest(&alice, &format!("alice/{}", name.to_lowercase()), "own", &own).await;
    }
    assert_eq!(image_files(&hub), 4);
    alice.send(Method::DELETE, "/api/v1/executors/Box", &[], Vec::new()).await;
    assert_eq!(collect(&hub, &clock).await, 0, "it can be brought back");
    clock.advance(TimeDelta::days(8));
    hub.app.hub().purge_deleted().await.unwrap();
    assert_eq!(collect(&hub, &clock).await, 1);
    assert_eq!(image_files(&hub), 3);
    assert_eq!(alice.get("/v2/alice/chest/manifests/latest").await.status, 200);
    let blob = format!("/v2/alice/chest/blobs/{}", sha256(b"shared"));
    assert_eq!(alice.get(&blob).await.body.as_ref(), b"shared");
}

#[tokio::test]
async fn a_known_layer_is_not_compressed_again_and_is_known_no_longer_than_it_is_kept() {
    let (hub, clock) = timed().await;
    let alice = alice(&hub, "Box").await;
    push(&alice, "Chest", &[]).await;
    let (one, other) =
        (ids(&alice, "Box").await.0.parse().unwrap(), ids(&alice, "Chest").await.0.parse().unwrap());
    let images = hub.app.images();
    let diff_id = executor_hub::domain::digest::Sha256([7; 32]);
    assert!(images.known_layer(&one, diff_id).await.unwrap().is_none());
    let mut receiving = images.stage().unwrap();
    std::io::Write::write_all(&mut receiving, b"compressed").unwrap();
    let blob = images.put_blob(&one, receiving.finish()).await.unwrap();
    images.remember_layer(diff_id, &blob).await.unwrap();
    assert_eq!(images.known_layer(&other, diff_id).await.unwrap(), Some(blob));
    assert!(images.knows_blob(&other, &blob.digest).await.unwrap().is_some(), "it is in the repository then");
    clock.advance(TimeDelta::days(2));
    collect(&hub, &clock).await;
    assert!(images.known_layer(&one, diff_id).await.unwrap().is_none());
}

#[tokio::test]
async fn usage_counts_the_bytes_of_images() {
    let (hub, _) = timed().await;
    let alice = alice(&hub, "Box").await;
    let (id, commit) = ids(&alice, "Box").await;
    build_image(&hub, &id, &commit, &[1; 5000]).await;
    let usage = alice.get("/api/v1/usage").await.json();
    let bytes = usage["by_executor"][0]["image_bytes"].as_u64().unwrap_or_else(|| panic!("{usage}"));
    assert!(bytes > 5000 && bytes < 7000, "{usage}");
}
