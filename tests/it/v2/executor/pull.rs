//! Pulls: what is told, what is hidden, and the bytes.

use http::Method;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use crate::support::{client::Client, hub::TestHub, package::package};

async fn meta(client: &Client, parameters: Value) -> Value {
    let answer = client.rpc("executor.getPackage", parameters).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["data"].clone()
}

#[tokio::test]
async fn the_package_is_fetched_without_credentials_by_head_get_and_range() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[("private", "True")], &package("Hello")).await;
    let data = meta(&alice, json!({"id": "alice/Hello"})).await;
    let address = data["package"]["download"].as_str().unwrap();
    let stranger = hub.anonymous();

    let head = stranger.send(Method::HEAD, address, &[], Vec::new()).await;
    let whole = stranger.get(address).await;
    assert_eq!((head.status.as_u16(), whole.status.as_u16()), (200, 200));
    assert_eq!(head.headers["content-length"], whole.headers["content-length"]);
    assert_eq!(head.headers["content-length"], whole.body.len().to_string());
    assert_eq!(head.headers["accept-ranges"], "bytes");
    assert!(whole.headers.get("content-encoding").is_none());
    assert_eq!(whole.headers["cache-control"], "private, no-store");
    assert_eq!(data["package"]["md5"], hex::encode(Md5::digest(&whole.body)));

    // As a client that resumes: it appends whatever comes.
    let range = stranger.send(Method::GET, address, &[("range", "bytes=100-")], Vec::new()).await;
    assert_eq!(range.status, 206);
    assert_eq!(
        range.headers["content-range"],
        format!("bytes 100-{}/{}", whole.body.len() - 1, whole.body.len())
    );
    assert_eq!([&whole.body[..100], &range.body[..]].concat(), &whole.body[..]);
    let past = stranger.send(Method::GET, address, &[("range", "bytes=9999999-")], Vec::new()).await;
    assert_eq!(past.status, 416);
}

#[tokio::test]
async fn a_changed_or_expired_address_gives_nothing() {
    let hub = TestHub::start().await;
    hub.anonymous().push("executor.create", &[], &package("Hello")).await;
    let data = meta(&hub.anonymous(), json!({"id": "Hello"})).await;
    let address = data["package"]["download"].as_str().unwrap();
    let (path, query) = address.split_once('?').unwrap();
    let flipped = query.replace("expires=1", "expires=2");
    for bad in [
        path.to_owned(),
        format!("{path}?{flipped}"),
        format!("{path}?{query}0"),
        address.replace(".zip", ""),
    ] {
        assert_ne!(bad, address);
        assert_eq!(hub.anonymous().get(&bad).await.status, 404, "{bad}");
    }
    let hub = TestHub::start_with(crate::support::hub::Wanted {
        set: vec!["auth.download_address_life=0s"],
        ..Default::default()
    })
    .await;
    hub.anonymous().push("executor.create", &[], &package("Hello")).await;
    let data = meta(&hub.anonymous(), json!({"id": "Hello"})).await;
    // It is good until its second is over.
    let address = data["package"]["download"].as_str().unwrap().to_owned();
    let expires: i64 = address.split("expires=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
    while chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp() <= expires {
        tokio::task::yield_now().await;
    }
    assert_eq!(hub.anonymous().get(&address).await.status, 404);
}

#[tokio::test]
async fn a_private_executor_is_hidden_without_secret() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    for client in [&bob, &hub.anonymous()] {
        for (hidden, missing) in [("alice/Hidden", "alice/Nothing"), ("Hidden", "Nothing")] {
            let one = client.rpc("executor.getPackage", json!({"id": hidden})).await;
            let other = client.rpc("executor.getPackage", json!({"id": missing})).await;
            assert_eq!((one.status.as_u16(), other.status.as_u16()), (404, 404));
            let same = |answer: &crate::support::client::Answer, name: &str| {
                let mut body = answer.json();
                body["requestId"] = json!(null);
                body.to_string().replace(name, "NAME")
            };
            assert_eq!(same(&one, hidden), same(&other, missing), "byte for byte");
            let headers = |answer: &crate::support::client::Answer| {
                answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>()
            };
            assert_eq!(headers(&one), headers(&other));
        }
    }
    assert_eq!(hub.anonymous().get("/api/v1/executors").await.json()["executors"], json!([]));
    assert_eq!(bob.get("/api/v1/executors").await.json()["executors"], json!([]));
    assert_eq!(alice.get("/api/v1/executors").await.json()["executors"][0]["name"], "Hidden");
}

#[tokio::test]
async fn without_a_tag_a_pull_means_latest_or_the_tag_pushed_last() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let push = async |tags: &str, text: &str| {
        let package = package("Hello").with("README.md", text);
        let line =
            alice.push("executor.push", &[("id", "Hello"), ("tags", tags)], &package).await.last_line();
        line["payload"]["commit"]["id"].clone()
    };
    push("v1", "1").await;
    let second = push("v2,b", "2").await;
    let pulled = meta(&alice, json!({"id": "Hello"})).await;
    assert_eq!(pulled["commit"]["id"], second);
    assert_eq!(pulled["commit"]["tags"], json!(["b", "v2"]), "never empty, the one that was found first");
    let latest = push("latest", "3").await;
    push("v4", "4").await;
    assert_eq!(meta(&alice, json!({"id": "Hello"})).await["commit"]["id"], latest);
    assert_eq!(meta(&alice, json!({"id": "Hello", "tag": "v2"})).await["commit"]["tags"], json!(["v2", "b"]));
    let unknown = alice.rpc("executor.getPackage", json!({"id": "Hello", "tag": "v9"})).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.json()["readableMessage"].as_str().unwrap().starts_with("No such executor: Hello"));
}

#[tokio::test]
async fn the_get_form_of_old_clients_always_names_an_image() {
    let hub =
        TestHub::start_with(crate::support::hub::Wanted { engine_is_away: true, ..Default::default() }).await;
    hub.anonymous().push("executor.create", &[], &package("Hello")).await;
    let answer = hub.anonymous().get("/v2/rpc/executor.getPackage?id=Hello&secret=&tag=").await;
    let data = &answer.json()["data"];
    assert_eq!(data["package"]["containers"].as_array().unwrap().len(), 1);
    assert_eq!(data["commit"]["tags"], json!(["latest"]));
    assert!(data["commit"]["commitParams"].is_object() && data.get("owner").is_none());
}
