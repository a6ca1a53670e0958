//! Does each person keep within the operator's bounds, and is what they use always counted right?

use serde_json::{Value, json};

use super::{data, detail, download, hub_with, objects, refused, upload, uploaded};
use crate::support::{client::Client, hub::TestHub};

async fn usage(client: &Client) -> (i64, i64) {
    let meta = client.rpc("artifact.list", json!({"pageSize": 1})).await.json()["meta"].clone();
    let number = |value: &Value| value.as_i64().unwrap();
    (number(&meta["usage"]["artifacts"]), number(&meta["usage"]["bytes"]))
}

/// What is counted against what is there.
async fn counts_right(hub: &TestHub) {
    let wrong: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM artifact_usage u
         WHERE (u.artifacts, u.bytes) <> (SELECT count(*), coalesce(sum(size), 0)::bigint FROM artifacts WHERE owner_id = u.owner_id)",
    )
    .fetch_one(&hub.pool)
    .await
    .unwrap();
    assert_eq!(wrong, 0);
}

#[tokio::test]
async fn an_upload_over_the_limit_is_refused_and_leaves_nothing() {
    let hub = hub_with(&["artifacts.max_upload=1000B"]).await;
    let alice = hub.person("alice").await;
    let artifact = uploaded(&alice, &[1; 1000], &[]).await;
    for size in [1001, 1999, 2001, 500_000] {
        let answer = upload(&alice, &vec![2; size], &[("name", "big")]).await;
        assert_eq!(refused(&answer), 41301, "{size}");
        assert!(answer.json()["readableMessage"].as_str().unwrap().contains("1000 bytes"));
    }
    assert_eq!((hub.count("artifacts").await, hub.count("artifact_bytes").await, objects(&hub)), (1, 1, 1));
    data(&detail(&alice, &artifact).await);
}

#[tokio::test]
async fn a_person_over_their_quota_is_told_so_and_nobody_else_is() {
    let hub = hub_with(&["artifacts.quota=1000B"]).await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    let first = uploaded(&alice, &[1; 600], &[("name", "first")]).await;
    let answer = upload(&alice, &[2; 401], &[("name", "second")]).await;
    assert_eq!(refused(&answer), 41302);
    let text = answer.json()["readableMessage"].as_str().unwrap().to_owned();
    assert!(text.contains("1001 bytes") && text.contains("1000"), "{text}");
    assert_eq!(refused(&upload(&alice, &[3; 1001], &[("name", "first")]).await), 41302);
    assert!(download(&hub, &alice, &first).await == [1; 600], "what could not be replaced is still there");
    assert_eq!(objects(&hub), 1);
    // What is replaced makes room.
    uploaded(&alice, &[4; 1000], &[("name", "first")]).await;
    uploaded(&bob, &[4; 1000], &[]).await;
    assert_eq!((usage(&alice).await, usage(&bob).await), ((1, 1000), (1, 1000)));
    data(&alice.rpc("artifact.delete", json!({"name": "first"})).await);
    assert_eq!(usage(&alice).await, (0, 0));
    uploaded(&alice, &[5; 1000], &[]).await;
    counts_right(&hub).await;
}

#[tokio::test]
async fn of_two_uploads_that_fit_only_one_by_one_one_is_refused() {
    let hub = hub_with(&["artifacts.quota=1000B"]).await;
    let alice = hub.person("alice").await;
    for round in 0..5_u8 {
        let uploads = (0..4_u8).map(|i| {
            let alice = alice.clone();
            async move { upload(&alice, &[round * 4 + i; 900], &[]).await }
        });
        let answers = futures_util::future::join_all(uploads).await;
        let (stored, over): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((stored.len(), over.len()), (1, 3));
        assert!(over.iter().all(|answer| refused(answer) == 41302));
        data(&alice.rpc("artifact.delete", json!({"id": data(stored[0])["_id"]})).await);
        counts_right(&hub).await;
    }
    assert_eq!((hub.count("artifact_bytes").await, objects(&hub)), (0, 0));
}

#[tokio::test]
async fn a_person_may_have_only_so_many() {
    let hub = hub_with(&["artifacts.max_count=2"]).await;
    let alice = hub.person("alice").await;
    uploaded(&alice, b"a", &[("name", "a")]).await;
    uploaded(&alice, b"b", &[]).await;
    assert_eq!(refused(&upload(&alice, b"", &[]).await), 41302);
    uploaded(&alice, b"c", &[("name", "a")]).await;
    assert_eq!(usage(&alice).await, (2, 2));
}
