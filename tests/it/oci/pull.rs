//! What does a pull get? Manifests and blobs as they came, whole or in part, by the Executor's tags, by commit and by digest.

use http::Method;
use serde_json::json;

use super::{alice, code, header, hub, ids, push, put_blob};
use crate::support::image::{IMAGE, build_image, sha256};

#[tokio::test]
async fn tags_of_images_follow_the_tags_of_the_executor() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[("tags", "v1")]).await;
    let (id, first) = ids(&alice, "Box").await;
    let nothing = alice.get("/v2/alice/box/manifests/v1").await;
    assert_eq!((nothing.status.as_u16(), code(&nothing).as_str()), (404, "MANIFEST_UNKNOWN"), "no image yet");
    let one = build_image(&hub, &id, &first, b"one").await;
    let pulled = hub.anonymous().get("/v2/alice/box/manifests/v1").await;
    assert_eq!((pulled.status.as_u16(), header(&pulled, "docker-content-digest")), (200, one.as_str()));
    assert_eq!((header(&pulled, "content-type"), sha256(&pulled.body)), (IMAGE, one.clone()));
    let moved = alice
        .push(
            "executor.update",
            &[("id", "Box"), ("tags", "v1")],
            &crate::support::package::package("Box").with("more.txt", "x"),
        )
        .await;
    assert!(moved.status.is_success());
    let (_, second) = ids(&alice, "Box").await;
    assert_ne!(first, second);
    assert_eq!(alice.get("/v2/alice/box/manifests/v1").await.status, 404, "its commit has no image");
    let two = build_image(&hub, &id, &second, b"two").await;
    assert_eq!(header(&alice.get("/v2/alice/box/manifests/v1").await, "docker-content-digest"), two);
    // What was remembered of the first commit is as true as before.
    let by_commit = alice.get(&format!("/v2/{id}/manifests/commit-{first}")).await;
    assert_eq!(header(&by_commit, "docker-content-digest"), one);
    assert_eq!(alice.get(&format!("/v2/alice/box/manifests/{one}")).await.status, 200);
}

#[tokio::test]
async fn head_answers_what_get_would() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let (id, commit) = ids(&alice, "Box").await;
    let digest = build_image(&hub, &id, &commit, b"layer").await;
    for path in [
        "/v2/alice/box/manifests/latest".to_owned(),
        format!("/v2/alice/box/manifests/{digest}"),
        format!("/v2/alice/box/blobs/{}", sha256(b"layer")),
    ] {
        let (got, head) = (alice.get(&path).await, alice.send(Method::HEAD, &path, &[], Vec::new()).await);
        assert_eq!((got.status.as_u16(), head.status.as_u16(), head.body.len()), (200, 200, 0), "{path}");
        for name in [
            "content-length",
            "content-type",
            "docker-content-digest",
            "etag",
            "docker-distribution-api-version",
        ] {
            assert_eq!(header(&got, name), header(&head, name), "{path}");
        }
        assert_eq!(header(&got, "content-length"), got.body.len().to_string());
    }
    let missing =
        alice.send(Method::HEAD, &format!("/v2/alice/box/blobs/{}", sha256(b"none")), &[], Vec::new()).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn a_range_of_a_blob_is_all_that_comes() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let digest = put_blob(&alice, "alice/box", b"0123456789").await;
    let path = format!("/v2/alice/box/blobs/{digest}");
    let part = alice.send(Method::GET, &path, &[("range", "bytes=2-4")], Vec::new()).await;
    assert_eq!((part.status.as_u16(), part.body.as_ref()), (206, b"234".as_slice()));
    assert_eq!((header(&part, "content-range"), header(&part, "content-length")), ("bytes 2-4/10", "3"));
    let rest = alice.send(Method::GET, &path, &[("range", "bytes=7-")], Vec::new()).await;
    assert_eq!((rest.status.as_u16(), rest.body.as_ref()), (206, b"789".as_slice()));
    let beyond = alice.send(Method::GET, &path, &[("range", "bytes=10-")], Vec::new()).await;
    assert_eq!((beyond.status.as_u16(), header(&beyond, "content-range")), (416, "bytes */10"));
}

#[tokio::test]
async fn tags_are_listed_in_order_and_by_pages() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[("tags", "b,a,C,1.0")]).await;
    let empty = alice.get("/v2/alice/box/tags/list").await.json();
    assert_eq!(empty, json!({"name": "alice/box", "tags": []}), "no tag leads to an image");
    let (id, commit) = ids(&alice, "Box").await;
    build_image(&hub, &id, &commit, b"layer").await;
    let all = alice.get("/v2/alice/box/tags/list").await.json();
    assert_eq!(all["tags"], json!(["1.0", "C", "a", "b"]));
    let first = alice.get("/v2/alice/box/tags/list?n=3").await;
    assert_eq!(first.json()["tags"], json!(["1.0", "C", "a"]));
    let link = header(&first, "link").to_owned();
    let next = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
    let second = alice.get(next).await;
    assert_eq!(second.json()["tags"], json!(["b"]));
    assert!(second.headers.get("link").is_none());
    let none = alice.get("/v2/alice/box/tags/list?n=0").await;
    assert_eq!((none.json()["tags"].clone(), none.headers.get("link")), (json!([]), None));
    let unknown = alice.get("/v2/alice/nothing/tags/list").await;
    assert_eq!((unknown.status.as_u16(), code(&unknown).as_str()), (404, "NAME_UNKNOWN"));
}

#[tokio::test]
async fn ten_thousand_tags_come_whole_and_in_order() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let (id, commit) = ids(&alice, "Box").await;
    build_image(&hub, &id, &commit, b"layer").await;
    let many = "INSERT INTO tags (executor_id, name, commit_id, moved_at)
                SELECT $1, 'tag-' || n, $2::uuid, now() FROM generate_series(1, 10500) AS n";
    sqlx::query(many).bind(&id).bind(&commit).execute(&hub.pool).await.unwrap();
    let (mut path, mut all) = ("/v2/alice/box/tags/list".to_owned(), Vec::new());
    let mut pages = 0;
    loop {
        let page = alice.get(&path).await;
        let tags = page.json()["tags"].as_array().unwrap().clone();
        all.extend(tags.into_iter().map(|tag| tag.as_str().unwrap().to_owned()));
        pages += 1;
        let Some(link) = page.headers.get("link") else { break };
        path = link.to_str().unwrap().split(['<', '>']).nth(1).unwrap().to_owned();
    }
    assert_eq!((pages, all.len()), (2, 10_501));
    assert!(all.is_sorted());
}

#[tokio::test]
async fn a_deleted_executor_has_no_images() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let (id, commit) = ids(&alice, "Box").await;
    let digest = build_image(&hub, &id, &commit, b"layer").await;
    assert_eq!(
        alice.send(Method::DELETE, "/api/v1/executors/Box", &[], Vec::new()).await.status.as_u16() / 100,
        2
    );
    for path in
        [format!("{id}/manifests/{digest}"), "alice/box/manifests/latest".into(), format!("{id}/tags/list")]
    {
        assert_eq!(alice.get(&format!("/v2/{path}")).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn what_is_no_name_of_a_repository_is_told_so_and_the_rpc_keeps_its_paths() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let bad = alice.get("/v2/Alice/Box/manifests/latest").await;
    assert_eq!((bad.status.as_u16(), code(&bad).as_str()), (400, "NAME_INVALID"));
    for deep in ["a/b/c", "rpc/executor.push", "a/b/c/d/e"] {
        let none = alice.get(&format!("/v2/{deep}/manifests/latest")).await;
        assert_eq!((none.status.as_u16(), code(&none).as_str()), (404, "NAME_UNKNOWN"), "{deep}");
    }
    let rpc = alice.rpc("executor.noSuchThing", json!({})).await;
    assert_eq!(
        (rpc.status.as_u16(), rpc.json()["code"].as_u64().is_some()),
        (404, true),
        "in the words of the RPC"
    );
    let catalog = alice.get("/v2/_catalog").await;
    assert_eq!((catalog.status.as_u16(), code(&catalog).as_str()), (405, "UNSUPPORTED"));
    push(&alice, "With__Odd.Name", &[]).await;
    assert_eq!(alice.get("/v2/alice/with__odd.name/tags/list").await.status, 200);
}
