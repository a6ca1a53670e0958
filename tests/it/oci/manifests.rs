//! What may be pushed as a manifest, under which tags, and what may be deleted again?

use http::Method;
use serde_json::json;

use super::{alice, code, header, hub, ids, index, push, put_as, put_blob, put_manifest, put_parts};
use crate::support::image::{CONFIG, INDEX, build_image, manifest, sha256, sha512};

#[tokio::test]
async fn an_image_is_pushed_by_hand_and_pulled_by_tag_and_digest() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    put_parts(&alice, "alice/box", b"layer").await;
    let content = manifest(b"layer", json!({}));
    let put = put_manifest(&alice, "alice/box", "mine", &content).await;
    assert_eq!(
        (put.status.as_u16(), header(&put, "docker-content-digest")),
        (201, sha256(content.as_bytes()).as_str())
    );
    for path in ["/v2/alice/box/manifests/mine", header(&put, "location")] {
        assert_eq!(hub.anonymous().get(path).await.body, content, "{path}");
    }
    assert_eq!(alice.get("/v2/alice/box/tags/list").await.json()["tags"], json!(["mine"]));
    let other = manifest(b"layer", json!({"annotations": {"version": "2"}}));
    assert_eq!(put_manifest(&alice, "alice/box", "mine", &other).await.status, 201);
    assert_eq!(alice.get("/v2/alice/box/manifests/mine").await.body, other, "it moves");
}

#[tokio::test]
async fn a_manifest_needs_everything_that_it_names() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    put_blob(&alice, "alice/box", CONFIG).await;
    let content = manifest(b"layer", json!({}));
    let missing = put_manifest(&alice, "alice/box", "mine", &content).await;
    assert_eq!((missing.status.as_u16(), code(&missing).as_str()), (404, "MANIFEST_BLOB_UNKNOWN"));
    let orphan = index(&[(sha256(b"nothing"), 7)], json!({}));
    let missing = put_as(&alice, "alice/box", "all", &orphan, INDEX).await;
    assert_eq!((missing.status.as_u16(), code(&missing).as_str()), (404, "MANIFEST_BLOB_UNKNOWN"));
    // What another repository has does not count.
    push(&alice, "Chest", &[]).await;
    put_blob(&alice, "alice/chest", b"layer").await;
    assert_eq!(put_manifest(&alice, "alice/box", "mine", &content).await.status, 404);
    assert_eq!(hub.count("image_manifests").await, 0);
}

#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    put_parts(&alice, "alice/box", b"layer").await;
    let good = manifest(b"layer", json!({}));
    for bad in [
        "",
        "{}",
        "not json",
        r#"{"schemaVersion": 1}"#,
        r#"{"schemaVersion": 2, "layers": [{"digest": "x"}]}"#,
    ] {
        let answer = put_manifest(&alice, "alice/box", "mine", bad).await;
        assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (400, "MANIFEST_INVALID"), "{bad}");
    }
    let kind = manifest(b"layer", json!({"artifactType": "x".repeat(256)}));
    let denied = put_manifest(&alice, "alice/box", "mine", &kind).await;
    assert_eq!((denied.status.as_u16(), code(&denied).as_str()), (400, "MANIFEST_INVALID"));
    let denied = put_as(&alice, "alice/box", "mine", &good, INDEX).await;
    assert_eq!(
        (denied.status.as_u16(), code(&denied).as_str()),
        (400, "MANIFEST_INVALID"),
        "it says that it is something else"
    );
    let digest = put_manifest(&alice, "alice/box", &sha256(b"other"), &good).await;
    assert_eq!((digest.status.as_u16(), code(&digest).as_str()), (400, "DIGEST_INVALID"));
    let tag = put_manifest(&alice, "alice/box", "-no-tag", &good).await;
    assert_eq!((tag.status.as_u16(), code(&tag).as_str()), (400, "TAG_INVALID"));
    let large = manifest(b"layer", json!({"annotations": {"x": "y".repeat(4 << 20)}}));
    let large = put_manifest(&alice, "alice/box", "mine", &large).await;
    assert_eq!((large.status.as_u16(), code(&large).as_str()), (413, "SIZE_INVALID"));
}

#[tokio::test]
async fn an_index_names_images_and_holds_them() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    put_parts(&alice, "alice/box", b"layer").await;
    let child = manifest(b"layer", json!({}));
    let digest = sha256(child.as_bytes());
    assert_eq!(put_manifest(&alice, "alice/box", &digest, &child).await.status, 201);
    let all = index(&[(digest.clone(), child.len())], json!({}));
    let put = put_as(&alice, "alice/box", "all", &all, INDEX).await;
    assert_eq!(put.status, 201);
    let got = alice.get("/v2/alice/box/manifests/all").await;
    assert_eq!((header(&got, "content-type"), got.body.as_ref()), (INDEX, all.as_bytes()));
    let path = format!("/v2/alice/box/manifests/{digest}");
    let held = alice.send(Method::DELETE, &path, &[], Vec::new()).await;
    assert_eq!((held.status.as_u16(), code(&held).as_str()), (403, "DENIED"));
    let of_index = format!("/v2/alice/box/manifests/{}", sha256(all.as_bytes()));
    assert_eq!(alice.send(Method::DELETE, &of_index, &[], Vec::new()).await.status, 202);
    assert_eq!(alice.get("/v2/alice/box/manifests/all").await.status, 404, "its tag goes with it");
    assert_eq!(alice.send(Method::DELETE, &path, &[], Vec::new()).await.status, 202);
}

#[tokio::test]
async fn a_manifest_may_be_known_by_its_sha512() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    put_parts(&alice, "alice/box", b"layer").await;
    let content = manifest(b"layer", json!({}));
    let digest = sha512(content.as_bytes());
    assert_eq!(put_manifest(&alice, "alice/box", &digest, &content).await.status, 201);
    assert_eq!(alice.get(&format!("/v2/alice/box/manifests/{digest}")).await.body, content);
}

#[tokio::test]
async fn the_executors_own_tags_and_those_of_commits_are_not_pushed_by_hand() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[("tags", "v1")]).await;
    let (id, commit) = ids(&alice, "Box").await;
    let built = build_image(&hub, &id, &commit, b"layer").await;
    let own = alice.get("/v2/alice/box/manifests/v1").await;
    let other = manifest(b"layer", json!({"annotations": {"by": "hand"}}));
    for tag in ["v1", &format!("commit-{commit}"), "commit-0193c0de000070008000000000000000"] {
        let denied = put_manifest(&alice, "alice/box", tag, &other).await;
        assert_eq!((denied.status.as_u16(), code(&denied).as_str()), (403, "DENIED"), "{tag}");
        let path = format!("/v2/alice/box/manifests/{tag}");
        let kept = alice.send(Method::DELETE, &path, &[], Vec::new()).await;
        assert!(matches!(kept.status.as_u16(), 403 | 404), "{tag}");
    }
    assert_eq!(header(&alice.get("/v2/alice/box/manifests/v1").await, "docker-content-digest"), built);
    let same = String::from_utf8(own.body.to_vec()).unwrap();
    assert_eq!(put_manifest(&alice, "alice/box", "v1", &same).await.status, 201, "it is there already");
    let missing = alice.get(&format!("/v2/alice/box/manifests/{}", sha256(other.as_bytes()))).await;
    assert_eq!(missing.status, 404, "nothing of what was refused is kept");
}

#[tokio::test]
async fn a_tag_that_a_rule_protects_is_not_pushed_by_hand() {
    let hub = super::hub_with(&["executors.protected_tags=v*"]).await;
    let alice = alice(&hub, "Box", &[]).await;
    put_parts(&alice, "alice/box", b"layer").await;
    let content = manifest(b"layer", json!({}));
    let denied = put_manifest(&alice, "alice/box", "v7", &content).await;
    assert_eq!((denied.status.as_u16(), code(&denied).as_str()), (403, "DENIED"));
    assert_eq!(put_manifest(&alice, "alice/box", "x7", &content).await.status, 201);
    // A rule that comes later holds what is there.
    sqlx::query("UPDATE executors SET protected_tags = '{x*}'").execute(&hub.pool).await.unwrap();
    let other = manifest(b"layer", json!({"annotations": {"n": "2"}}));
    assert_eq!(put_manifest(&alice, "alice/box", "x7", &other).await.status, 403);
    let path = format!("/v2/alice/box/manifests/{}", sha256(content.as_bytes()));
    for path in ["/v2/alice/box/manifests/x7", path.as_str()] {
        assert_eq!(alice.send(Method::DELETE, path, &[], Vec::new()).await.status, 403, "{path}");
    }
    assert_eq!(alice.get("/v2/alice/box/manifests/x7").await.body, content);
}

#[tokio::test]
async fn what_a_protected_tag_pulls_never_changes_by_building_again() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let (id, commit) = ids(&alice, "Box").await;
    let first = build_image(&hub, &id, &commit, b"layer").await;
    let protect = "UPDATE tags SET is_protected = true, protected_at = now()";
    sqlx::query(protect).execute(&hub.pool).await.unwrap();
    let again = "UPDATE commit_images SET manifest = $1";
    let error = sqlx::query(again).bind(sha256(b"another")).execute(&hub.pool).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("HUB01"));
    let tag = alice.get("/v2/alice/box/tags/list").await.json()["tags"][0].as_str().unwrap().to_owned();
    let pulled = alice.get(&format!("/v2/alice/box/manifests/{tag}")).await;
    assert_eq!(header(&pulled, "docker-content-digest"), first);
}

#[tokio::test]
async fn tags_and_blobs_are_deleted_only_where_nothing_needs_them() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    put_parts(&alice, "alice/box", b"layer").await;
    let content = manifest(b"layer", json!({}));
    put_manifest(&alice, "alice/box", "mine", &content).await;
    let blob = format!("/v2/alice/box/blobs/{}", sha256(b"layer"));
    let held = alice.send(Method::DELETE, &blob, &[], Vec::new()).await;
    assert_eq!((held.status.as_u16(), code(&held).as_str()), (403, "DENIED"), "an image has it");
    assert_eq!(alice.send(Method::DELETE, "/v2/alice/box/manifests/mine", &[], Vec::new()).await.status, 202);
    let digest = format!("/v2/alice/box/manifests/{}", sha256(content.as_bytes()));
    assert_eq!(alice.get(&digest).await.status, 200, "only the tag is gone");
    assert_eq!(alice.send(Method::DELETE, &digest, &[], Vec::new()).await.status, 202);
    assert_eq!(alice.get(&digest).await.status, 404);
    assert_eq!(alice.send(Method::DELETE, &blob, &[], Vec::new()).await.status, 202);
    for (path, wanted) in [(blob.as_str(), "BLOB_UNKNOWN"), (&digest, "MANIFEST_UNKNOWN")] {
        let again = alice.send(Method::DELETE, path, &[], Vec::new()).await;
        assert_eq!((again.status.as_u16(), code(&again).as_str()), (404, wanted));
    }
}

#[tokio::test]
async fn what_speaks_of_a_manifest_is_listed_by_kind_and_by_pages() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    put_parts(&alice, "alice/box", b"layer").await;
    let subject = sha256(b"not here yet");
    let path = format!("/v2/alice/box/referrers/{subject}");
    let none = alice.get(&path).await;
    assert_eq!((none.status.as_u16(), header(&none, "content-type")), (200, INDEX));
    assert_eq!(none.json()["manifests"], json!([]));
    for n in 0..103 {
        let kind = if n == 0 { "application/vnd.test.one" } else { "application/vnd.test.many" };
        let said = json!({
            "artifactType": kind,
            "annotations": {"n": n.to_string()},
            "subject": {"mediaType": "application/json", "digest": subject, "size": 1},
        });
        let content = manifest(b"layer", said);
        let put = put_manifest(&alice, "alice/box", &sha256(content.as_bytes()), &content).await;
        assert_eq!((put.status.as_u16(), header(&put, "oci-subject")), (201, subject.as_str()));
    }
    let one = alice.get(&format!("{path}?artifactType=application%2Fvnd.test.one")).await;
    assert_eq!(header(&one, "oci-filters-applied"), "artifactType");
    let listed = one.json()["manifests"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed[0]["annotations"]["n"], &listed[0]["artifactType"]),
        (&json!("0"), &json!("application/vnd.test.one"))
    );
    let (mut next, mut found) = (path.clone(), 0);
    loop {
        let page = alice.get(&next).await;
        found += page.json()["manifests"].as_array().unwrap().len();
        let Some(link) = page.headers.get("link") else { break };
        next = link.to_str().unwrap().split(['<', '>']).nth(1).unwrap().to_owned();
    }
    assert_eq!(found, 103);
    let deleted = format!("/v2/alice/box/manifests/{}", listed[0]["digest"].as_str().unwrap());
    assert_eq!(alice.send(Method::DELETE, &deleted, &[], Vec::new()).await.status, 202);
    let one = alice.get(&format!("{path}?artifactType=application%2Fvnd.test.one")).await;
    assert_eq!(one.json()["manifests"], json!([]));
}
