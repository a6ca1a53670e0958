//! How are blobs pushed? Whole, in pieces, again after a crash, or from another repository.

use http::Method;

use super::{alice, code, header, hub, hub_with, ids, push, put_blob};
use crate::support::{
    client::Client,
    image::{sha256, sha512},
};

const AT: &str = "/v2/alice/box/blobs/uploads/";

async fn begin(client: &Client) -> String {
    let begun = client.send(Method::POST, AT, &[], Vec::new()).await;
    assert_eq!(begun.status, 202);
    assert_eq!(header(&begun, "range"), "0-0");
    assert!(!header(&begun, "docker-upload-uuid").is_empty());
    header(&begun, "location").to_owned()
}

#[tokio::test]
async fn a_blob_comes_by_post_and_put() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let location = begin(&alice).await;
    let digest = sha256(b"whole");
    let done = alice.send(Method::PUT, &format!("{location}?digest={digest}"), &[], b"whole".to_vec()).await;
    assert_eq!(done.status, 201);
    assert_eq!(header(&done, "docker-content-digest"), digest);
    let got = alice.get(header(&done, "location")).await;
    assert_eq!((got.status.as_u16(), got.body.as_ref()), (200, b"whole".as_slice()));
    assert_eq!(header(&got, "content-length"), "5");
}

#[tokio::test]
async fn a_blob_comes_by_one_post() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let digest = put_blob(&alice, "alice/box", b"single").await;
    assert_eq!(alice.get(&format!("/v2/alice/box/blobs/{digest}")).await.body.as_ref(), b"single");
    let wrong = alice.send(Method::POST, &format!("{AT}?digest={digest}"), &[], b"other".to_vec()).await;
    assert_eq!((wrong.status.as_u16(), code(&wrong).as_str()), (400, "DIGEST_INVALID"));
    assert_eq!(hub.count("image_uploads").await, 0);
}

#[tokio::test]
async fn a_blob_comes_in_pieces_and_goes_on_where_it_stands() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let location = begin(&alice).await;
    let first = alice.send(Method::PATCH, &location, &[("content-range", "0-3")], b"0123".to_vec()).await;
    assert_eq!((first.status.as_u16(), header(&first, "range")), (202, "0-3"));
    let asked = alice.get(&location).await;
    assert_eq!((asked.status.as_u16(), header(&asked, "range")), (204, "0-3"));
    let again = alice.send(Method::PATCH, &location, &[("content-range", "0-3")], b"0123".to_vec()).await;
    assert_eq!((again.status.as_u16(), header(&again, "range")), (416, "0-3"), "out of order");
    let lying = alice.send(Method::PATCH, &location, &[("content-range", "4-9")], b"45".to_vec()).await;
    assert_eq!(lying.status, 416, "the range is longer than the body");
    let second = alice.send(Method::PATCH, &location, &[("content-range", "4-5")], b"45".to_vec()).await;
    assert_eq!((second.status.as_u16(), header(&second, "range")), (202, "0-5"));
    let last = format!("{location}?digest={}", sha256(b"01234567"));
    let done = alice.send(Method::PUT, &last, &[("content-range", "6-7")], b"67".to_vec()).await;
    assert_eq!(done.status, 201, "{}", String::from_utf8_lossy(&done.body));
    assert_eq!(alice.get(header(&done, "location")).await.body.as_ref(), b"01234567");
    assert_eq!(
        (alice.get(&location).await.status, hub.count("image_uploads").await),
        (http::StatusCode::NOT_FOUND, 0)
    );
}

#[tokio::test]
async fn an_upload_outlives_what_was_remembered_of_it() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let location = begin(&alice).await;
    alice.send(Method::PATCH, &location, &[], b"before".to_vec()).await;
    // As another process would: it knows the file, and nothing of its hash so far.
    let folder = hub.folder().join("blobs/uploads");
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    std::io::Write::write_all(&mut std::fs::File::options().append(true).open(&file).unwrap(), b"+").unwrap();
    let asked = alice.get(&location).await;
    assert_eq!(header(&asked, "range"), "0-6");
    let last = format!("{location}?digest={}", sha256(b"before+after"));
    let done = alice.send(Method::PUT, &last, &[], b"after".to_vec()).await;
    assert_eq!(done.status, 201, "{}", String::from_utf8_lossy(&done.body));
    assert!(!file.exists(), "it was put into its place");
}

#[tokio::test]
async fn a_blob_may_be_known_by_its_sha512() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let location = begin(&alice).await;
    let digest = sha512(b"strong");
    let done = alice.send(Method::PUT, &format!("{location}?digest={digest}"), &[], b"strong".to_vec()).await;
    assert_eq!((done.status.as_u16(), header(&done, "docker-content-digest")), (201, digest.as_str()));
    assert_eq!(alice.get(&format!("/v2/alice/box/blobs/{digest}")).await.body.as_ref(), b"strong");
    let by_sha256 = alice.get(&format!("/v2/alice/box/blobs/{}", sha256(b"strong"))).await;
    assert_eq!(by_sha256.status, 404, "nobody pushed it by that");
}

#[tokio::test]
async fn an_upload_can_be_given_up() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let location = begin(&alice).await;
    assert_eq!(alice.send(Method::DELETE, &location, &[], Vec::new()).await.status, 204);
    let gone = alice.send(Method::PATCH, &location, &[], b"x".to_vec()).await;
    assert_eq!((gone.status.as_u16(), code(&gone).as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
    assert!(
        hub.stored_files().is_empty() || !hub.stored_files().iter().any(|path| path.contains("uploads/"))
    );
}

#[tokio::test]
async fn a_wrong_digest_ends_the_upload_and_leaves_nothing() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    let location = begin(&alice).await;
    let wrong = format!("{location}?digest={}", sha256(b"other"));
    let answer = alice.send(Method::PUT, &wrong, &[], b"these".to_vec()).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (400, "DIGEST_INVALID"));
    let location = begin(&alice).await;
    let nonsense = alice.send(Method::PUT, &format!("{location}?digest=sha1:00"), &[], b"x".to_vec()).await;
    assert_eq!((nonsense.status.as_u16(), code(&nonsense).as_str()), (400, "DIGEST_INVALID"));
    assert_eq!((hub.count("image_bytes").await, hub.count("image_blobs").await), (0, 0));
}

#[tokio::test]
async fn a_blob_is_mounted_only_from_where_the_caller_may_read() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[("private", "True")]).await;
    let bob = hub.person("bob").await;
    push(&bob, "Bin", &[]).await;
    let digest = put_blob(&alice, "alice/box", b"shared").await;
    let mount = format!("/v2/bob/bin/blobs/uploads/?mount={digest}&from=alice/box");
    let refused = bob.send(Method::POST, &mount, &[], Vec::new()).await;
    assert_eq!(refused.status, 202, "an upload begins instead, as for what never was");
    push(&alice, "Chest", &[]).await;
    put_blob(&alice, "alice/chest", b"shared").await;
    let mount = format!("/v2/bob/bin/blobs/uploads/?mount={digest}&from=alice/chest");
    let mounted = bob.send(Method::POST, &mount, &[], Vec::new()).await;
    assert_eq!(mounted.status, 201);
    assert_eq!(header(&mounted, "docker-content-digest"), digest);
    assert_eq!(bob.get(header(&mounted, "location")).await.body.as_ref(), b"shared");
    assert_eq!(hub.count("image_bytes").await, 1, "the bytes are kept once");
}

#[tokio::test]
async fn a_blob_is_read_only_where_it_was_pushed() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[("private", "True")]).await;
    push(&alice, "Chest", &[]).await;
    let digest = put_blob(&alice, "alice/box", b"private bytes").await;
    let elsewhere = alice.get(&format!("/v2/alice/chest/blobs/{digest}")).await;
    assert_eq!((elsewhere.status.as_u16(), code(&elsewhere).as_str()), (404, "BLOB_UNKNOWN"));
}

#[tokio::test]
async fn a_layer_that_is_too_large_is_refused() {
    let hub = hub_with(&["images.max_layer=10B"]).await;
    let alice = alice(&hub, "Box", &[]).await;
    let path = format!("{AT}?digest={}", sha256(b"eleven bytes"));
    let answer = alice.send(Method::POST, &path, &[], b"eleven bytes".to_vec()).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (413, "SIZE_INVALID"));
}

#[tokio::test]
async fn an_upload_is_that_of_its_repository_only() {
    let hub = hub().await;
    let alice = alice(&hub, "Box", &[]).await;
    push(&alice, "Chest", &[]).await;
    let location = begin(&alice).await.replace("alice/box", "alice/chest");
    let answer = alice.send(Method::PATCH, &location, &[], b"x".to_vec()).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
    let (id, _) = ids(&alice, "Box").await;
    let by_id = alice.send(Method::POST, &format!("/v2/{id}/blobs/uploads/"), &[], Vec::new()).await;
    assert_eq!(by_id.status, 202, "a repository has its Executor's id for a name as well");
}
