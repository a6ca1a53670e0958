//! Tags, deletions, builds and usage, as scripts use them.

use executor_hub::domain::user::Role;
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

#[tokio::test]
async fn what_can_be_brought_back_is_listed_until_it_is_there_again() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    alice.push("executor.push", &[("tags", "v1,v2")], &package("Hello")).await;
    alice.push("executor.push", &[], &package("Hello").with("README.md", "# Two\n")).await;
    let (one, first) = ("/api/v1/executors/alice%2FHello", newest(&alice).await);
    let list = format!("{one}/deleted");
    assert_eq!(alice.get(&list).await.json(), json!({"commits": [], "tags": []}));
    assert_eq!(bob.get(&list).await.status, 403);
    assert_eq!(ask(&alice, Method::DELETE, &format!("{one}/tags/v1")).await, 204);
    assert_eq!(ask(&alice, Method::DELETE, &format!("{one}/tags/v2")).await, 204);
    assert_eq!(ask(&alice, Method::DELETE, &format!("{one}/commits/{first}")).await, 204);
    let told = alice.get(&list).await.json();
    let names: Vec<_> = told["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
    assert_eq!(names, ["v2", "v1"], "not 'latest', which comes back with its commit");
    assert_eq!((&told["commits"][0]["id"], told["commits"].as_array().unwrap().len()), (&json!(first), 1));
    assert!(told["tags"][0]["until"].as_str() > told["tags"][0]["deleted_at"].as_str(), "{told}");
    assert_eq!(ask(&alice, Method::POST, &format!("{one}/tags/v1/undelete")).await, 200);
    assert_eq!(ask(&alice, Method::POST, &format!("{one}/commits/{first}/undelete")).await, 204);
    let told = alice.get(&list).await.json();
    assert_eq!((&told["commits"], &told["tags"][0]["name"]), (&json!([]), &json!("v2")));

    let deleted = send(&alice, Method::DELETE, one, Value::Null).await.json();
    assert_eq!(hub.anonymous().get("/api/v1/deleted").await.status, 401);
    assert_eq!(bob.get("/api/v1/deleted").await.json(), json!({"executors": []}));
    assert_eq!(alice.get("/api/v1/deleted").await.json(), json!({"executors": [deleted]}));
    assert_eq!(ask(&alice, Method::POST, &format!("{one}/undelete")).await, 204);
    assert_eq!(alice.get("/api/v1/deleted").await.json(), json!({"executors": []}));
}

#[tokio::test]
async fn admins_see_what_everybody_takes() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let root = hub.app.auth().create_user("root", None, Role::Admin).await.unwrap();
    let token = hub.app.auth().issue_personal_token(root.id, "test", Some(1)).await.unwrap();
    let root = hub.anonymous().with_token(token.expose());
    alice.push("executor.push", &[], &package("Hello")).await;
    hub.anonymous().push("executor.create", &[], &package("Loose").with("README.md", "Of nobody\n")).await;
    assert_eq!(alice.get("/api/v1/usage/hub").await.status, 403);
    let usage = root.get("/api/v1/usage/hub").await.json();
    let own = alice.get("/api/v1/usage").await.json();
    let owners = usage["by_owner"].as_array().unwrap();
    let hers = owners.iter().find(|owner| owner["login"] == "alice").unwrap();
    assert_eq!((&hers["executors"], &hers["package_bytes"]), (&json!(1), &own["package_bytes"]));
    assert!(owners.iter().any(|owner| owner["login"].is_null() && owner["executors"] == 1), "{usage}");
    let executors = usage["by_executor"].as_array().unwrap();
    let told: Vec<_> = executors.iter().map(|one| (one["owner"].clone(), one["name"].clone())).collect();
    assert!(told.contains(&(json!("alice"), json!("Hello"))), "{usage}");
    assert!(told.contains(&(Value::Null, json!("Loose"))), "{usage}");
}
