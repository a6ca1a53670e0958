//! Publishing by the API: the package as the body or in a form, by the same rules as every push.

use http::Method;
use serde_json::json;

use crate::support::{
    hub::{TestHub, Wanted},
    package::{md5, package},
};

const ZIP: (&str, &str) = ("content-type", "application/zip");

#[tokio::test]
async fn a_package_is_published_as_the_body_and_pulled_back() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let zip = package("Hello").zip();
    let path = format!("/api/v1/executors?tags=v1,v2&visibility=private&md5={}", md5(&zip));
    let answer = alice.send(Method::POST, &path, &[ZIP], zip).await;
    assert_eq!(answer.status, 202, "{}", answer.json());
    let published = answer.json();
    assert_eq!((&published["owner"], &published["name"]), (&json!("alice"), &json!("Hello")));
    assert_eq!(published["tags"], json!(["v1", "v2"]));
    // The location's events tell when it is done.
    let task = answer.headers["location"].to_str().unwrap();
    let headers = [("accept", "application/x-ndjson")];
    let story = alice.send(Method::GET, &format!("{task}/events"), &headers, Vec::new()).await;
    assert_eq!(story.last_line()["state"], "succeeded");
    let pulled = alice.rpc("executor.getPackage", json!({"id": "alice/Hello", "tag": "v2"})).await.json();
    assert_eq!(pulled["data"]["commit"]["id"], published["commit"]);
    assert_eq!(hub.anonymous().get("/api/v1/executors/alice%2FHello").await.status, 404);
}

#[tokio::test]
async fn a_form_publishes_a_new_commit_of_an_executor_for_whoever_holds_its_secret() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    let anonymous = hub.anonymous();
    let first = anonymous.send(Method::POST, "/api/v1/executors", &[ZIP], package("Free").zip()).await.json();
    let (id, secret) = (first["executor"].as_str().unwrap(), first["secret"].as_str().unwrap());
    let path = format!("/api/v1/executors/{id}/commits");
    let next = package("Free").with("more.txt", "x").zip();
    assert_eq!(anonymous.send(Method::POST, &path, &[ZIP], next.clone()).await.status, 403);
    let wrong = [ZIP, ("x-executor-secret", "wrong")];
    assert_eq!(anonymous.send(Method::POST, &path, &wrong, next.clone()).await.status, 403);
    let boundary = "abc";
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\nv2\r\n--{boundary}\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"p.zip\"\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(&next);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let headers = [("content-type", "multipart/form-data; boundary=abc"), ("x-executor-secret", secret)];
    let answer = anonymous.send(Method::POST, &path, &headers, body).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["tags"]), (202, &json!(["v2"])));
    let commits = anonymous.get(&path).await.json();
    assert_eq!(commits["commits"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_accepted_leaves_nothing_behind() {
    let hub =
        TestHub::start_with(Wanted { set: vec!["packages.max_upload=64KiB"], ..Wanted::default() }).await;
    let alice = hub.person("alice").await;
    let good = package("Hello").zip();
    let zeros = vec![0; 128 << 10];
    for (path, content_type, body, status, code) in [
        ("", "application/zip", b"no zip".to_vec(), 422, None),
        ("?md5=00000000000000000000000000000000", "application/zip", good.clone(), 400, None),
        ("?tags=a%20b", "application/zip", good.clone(), 400, Some("tag")),
        ("?tag=a", "application/zip", good.clone(), 400, Some("query")),
        ("", "text/plain", good.clone(), 400, Some("content_type")),
        ("", "multipart/form-data", good, 400, Some("not_multipart")),
        ("", "application/zip", zeros, 413, Some("upload_too_large")),
    ] {
        let headers = [("content-type", content_type)];
        let answer = alice.send(Method::POST, &format!("/api/v1/executors{path}"), &headers, body).await;
        assert_eq!(answer.status, status, "{path} {content_type} {}", answer.json());
        if let Some(code) = code {
            assert_eq!(answer.json()["code"], code);
        }
    }
    assert_eq!((hub.count("executors").await, hub.count("commits").await), (0, 0));
    assert_eq!(hub.stored_files(), [""; 0]);
}
