//! Tags, deletions, builds and usage, as scripts use them.

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    client::{Answer, Client},
    hub::TestHub,
    package::package,
};

async fn send(client: &Client, method: Method, path: &str, body: Value) -> Answer {
    client.send(method, path, &[("content-type", "application/json")], body.to_string().into_bytes()).await
}

async fn ask(client: &Client, method: Method, path: &str) -> u16 {
    send(client, method, path, Value::Null).await.status.as_u16()
}

async fn newest(client: &Client) -> String {
    let shown = client.get("/api/v1/executors/Hello").await.json();
    shown["newest_commit"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_tag_rolls_back_is_protected_and_tells_its_history() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    alice.push("executor.push", &[], &package("Hello")).await;
    let first = newest(&alice).await;
    alice.push("executor.push", &[], &package("Hello").with("README.md", "# Two\n")).await;
    let second = newest(&alice).await;
    assert_ne!(first, second);
    let tag = "/api/v1/executors/Hello/tags/latest";
    assert_eq!(send(&bob, Method::PUT, tag, json!({"commit": first})).await.status, 403);
    let moved = send(&alice, Method::PUT, tag, json!({"commit": first})).await;
    assert_eq!((moved.status.as_u16(), &moved.json()["commit"]), (200, &json!(first)));
    assert_eq!(ask(&alice, Method::DELETE, tag).await, 204);
    assert_eq!(ask(&alice, Method::POST, &format!("{tag}/undelete")).await, 200);
    let protected = send(&alice, Method::PUT, &format!("{tag}/protection"), Value::Null).await;
    assert_eq!(protected.json()["protected"], true);
    let refused = send(&alice, Method::PUT, tag, json!({"commit": second})).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (409, &json!("tag_protected")));
    let history = bob.get(&format!("{tag}/history")).await.json();
    let told: Vec<_> = history["changes"].as_array().unwrap().iter().map(|c| c["change"].clone()).collect();
    assert_eq!(told, ["protected", "created", "deleted", "moved", "moved", "created"]);
    assert_eq!(history["changes"][3]["to"], json!(first));
    let all = bob.get("/api/v1/executors/Hello/tag-history?limit=2").await.json();
    assert_eq!((all["changes"].as_array().unwrap().len(), all["next_cursor"].is_string()), (2, true));
}

#[tokio::test]
async fn rules_protect_tags_until_they_are_given_back() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[], &package("Hello")).await;
    let (rules, commit) = ("/api/v1/executors/Hello/tag-rules", newest(&alice).await);
    let set = send(&alice, Method::PUT, rules, json!({"patterns": ["v*"]})).await;
    assert_eq!(set.json(), json!({"patterns": ["v*"], "are_own": true}));
    let tag = "/api/v1/executors/Hello/tags/v1";
    assert_eq!(send(&alice, Method::PUT, tag, json!({"commit": commit})).await.json()["protected"], true);
    assert_eq!(ask(&alice, Method::DELETE, tag).await, 409);
    assert_eq!(send(&alice, Method::PUT, rules, json!({"patterns": ["a b"]})).await.status, 400);
    assert_eq!(send(&alice, Method::PUT, rules, json!({})).await.json()["are_own"], false);
}

#[tokio::test]
async fn an_executor_and_its_commits_are_deleted_and_brought_back() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    alice.push("executor.push", &[], &package("Hello")).await;
    let id = alice.get("/api/v1/executors/Hello").await.json()["id"].as_str().unwrap().to_owned();
    let (one, commit) = (format!("/api/v1/executors/{id}"), newest(&alice).await);
    let commit = format!("{one}/commits/{commit}");
    assert_eq!(ask(&alice, Method::DELETE, &commit).await, 204);
    assert_eq!(alice.get(&commit).await.status, 404);
    assert_eq!(ask(&alice, Method::POST, &format!("{commit}/undelete")).await, 204);
    assert_eq!(alice.get(&commit).await.status, 200);
    assert_eq!(ask(&bob, Method::DELETE, &one).await, 403);
    let deleted = send(&alice, Method::DELETE, &one, Value::Null).await;
    assert_eq!((deleted.status.as_u16(), &deleted.json()["id"]), (200, &json!(id)));
    assert_eq!(alice.get(&one).await.status, 404);
    assert_eq!(alice.get("/api/v1/usage").await.json()["executors"], 1, "until it is purged");
    assert_eq!(ask(&bob, Method::POST, &format!("{one}/undelete")).await, 404);
    assert_eq!(ask(&alice, Method::POST, &format!("{one}/undelete")).await, 204);
    assert_eq!(alice.get(&one).await.status, 200);
}

#[tokio::test]
async fn a_build_is_steered_by_those_who_may_push() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    alice.push("executor.push", &[], &package("Hello")).await;
    let tasks = alice.get("/api/v1/executors/Hello/tasks").await.json();
    let task = format!("/api/v1/tasks/{}", tasks["tasks"][0]["id"].as_str().unwrap());
    assert_ne!(ask(&bob, Method::POST, &format!("{task}/cancel")).await, 200);
    let over = send(&alice, Method::POST, &format!("{task}/cancel"), Value::Null).await.json();
    assert_eq!(over["state"], "succeeded", "one that is over stays as it ended");
    let again = send(&alice, Method::POST, &format!("{task}/retry"), Value::Null).await;
    assert_eq!((again.status.as_u16(), &again.json()["code"]), (409, &json!("build_succeeded")));
}
