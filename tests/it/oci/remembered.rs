//! Images that are served from memory: never after a change, whoever made it.

use std::sync::Arc;

use executor_hub::domain::{Clock as _, SystemClock, clock::FixedClock};
use http::Method;
use serde_json::json;

use super::{alice, header, ids, put_manifest};
use crate::support::{
    client::Client,
    hub::{TestHub, Wanted},
    image::{build_image, manifest, sha256},
};

/// Time stands still: nothing is forgotten because it is old.
async fn hub() -> TestHub {
    let clock = Arc::new(FixedClock::at(SystemClock.now()));
    let wanted = Wanted { set: vec!["builds.mode=off"], clock: Some(clock), ..Wanted::default() };
    TestHub::start_with(wanted).await
}

/// Asks until the answer is remembered. While the table is away, nothing else answers.
async fn until_remembered(hub: &TestHub, client: &Client, path: &str) {
    loop {
        assert_eq!(client.get(path).await.status, 200);
        sqlx::query("ALTER TABLE commit_images RENAME TO images_away").execute(&hub.pool).await.unwrap();
        let from_memory = client.get(path).await.status == 200;
        sqlx::query("ALTER TABLE images_away RENAME TO commit_images").execute(&hub.pool).await.unwrap();
        if from_memory {
            return;
        }
    }
}

#[tokio::test]
async fn an_image_is_served_from_memory_until_another_process_changes_it() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let (id, commit) = ids(&alice, "Box").await;
    build_image(&hub, &id, &commit, b"layer").await;
    let other = manifest(b"layer", json!({"annotations": {"n": "2"}}));
    put_manifest(&alice, "alice/box", &sha256(other.as_bytes()), &other).await;
    let (stranger, path) = (hub.anonymous(), "/v2/alice/box/manifests/latest");
    until_remembered(&hub, &stranger, path).await;
    until_remembered(&hub, &stranger, "/v2/alice/box/tags/list").await;
    let change = "UPDATE commit_images SET manifest = $1";
    sqlx::query(change).bind(sha256(other.as_bytes())).execute(&hub.pool).await.unwrap();
    while stranger.get(path).await.body != other {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_became_private_is_hidden_from_the_next_request_on() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let (id, commit) = ids(&alice, "Box").await;
    let digest = build_image(&hub, &id, &commit, b"layer").await;
    let path = "/v2/alice/box/manifests/latest";
    until_remembered(&hub, &hub.anonymous(), path).await;
    assert_eq!(header(&hub.anonymous().get(path).await, "docker-content-digest"), digest);
    let headers = [("content-type", "application/json")];
    let body = json!({"visibility": "private"}).to_string().into_bytes();
    let changed = alice.send(Method::PATCH, "/api/v1/executors/Box", &headers, body).await;
    assert!(changed.status.is_success());
    assert_eq!(hub.anonymous().get(path).await.status, 401);
    assert_eq!(alice.get(path).await.status, 200);
}
