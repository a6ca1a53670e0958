//! Builds that fail: the author is told why, and nothing that anyone pulls changes.

use executor_hub::domain::task::FaultKind;
use serde_json::json;

use crate::support::{engine::Script, hub::TestHub, package::package};

#[tokio::test]
async fn a_failed_update_changes_nothing_that_anyone_pulls() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let good = alice.push("executor.push", &[], &package("Hello")).await.last_line();
    hub.engine.next(Script::Fails(FaultKind::Step));
    let bad = package("Hello").with("Dockerfile", "FROM scratch\nRUN false\n");
    let answer = alice.push("executor.push", &[("private", "True"), ("tags", "latest,v2")], &bad).await;
    let line = answer.last_line();
    assert_eq!((answer.status.as_u16(), &line["type"]), (200, &json!("error")), "the stream had begun");
    assert!(line["message"].as_str().unwrap().contains("failed on purpose"));
    let pulled = hub.anonymous().rpc("executor.getPackage", json!({"id": "alice/Hello"})).await.json();
    assert_eq!(pulled["data"]["commit"]["id"], good["payload"]["commit"]["id"]);
    assert_eq!(pulled["data"]["visibility"], "public", "a failed push changes no visibility either");
    let v2 = hub.anonymous().rpc("executor.getPackage", json!({"id": "alice/Hello", "tag": "v2"})).await;
    assert_eq!(v2.status, 404);
}

#[tokio::test]
async fn a_failed_first_push_without_a_login_gives_the_name_back() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    hub.engine.next(Script::Fails(FaultKind::Dependency));
    let failed = client.push("executor.create", &[], &package("Hello")).await.last_line();
    assert_eq!(failed["type"], "error");
    let listed = client.get("/api/v1/executors?sort=recent").await.json();
    assert_eq!(listed["executors"], json!([]));
    assert_eq!(client.rpc("executor.getPackage", json!({"id": "Hello"})).await.status, 404);
    let again = client.push("executor.create", &[], &package("Hello")).await.last_line();
    assert_eq!(again["type"], "complete", "the name is free again");
    assert_eq!(hub.count("tags").await, 1);
}

#[tokio::test]
async fn a_failed_first_push_with_a_login_is_seen_by_its_author_only() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    hub.engine.next(Script::Fails(FaultKind::Step));
    alice.push("executor.push", &[], &package("Hello")).await;
    let listed = alice.get("/api/v1/executors?sort=recent").await.json();
    assert_eq!(listed["executors"], json!([]));
    let tasks = alice.rpc("executor.listAsyncTasks", json!({"id": "Hello", "pageSize": 1})).await.json();
    let task = tasks["data"][0]["_id"].as_str().expect("the author finds the task").to_owned();
    let told = alice.rpc("executor.queryProgress", json!({"id": task, "replay": "True"})).await;
    let last = told.last_line();
    assert_eq!((&last["type"], &last["status"]), (&json!("report"), &json!("failed")));
    assert!(last["error"]["message"].as_str().unwrap().contains("failed on purpose"));
    let stranger = hub.person("bob").await;
    for client in [&stranger, &hub.anonymous()] {
        let answer = client.rpc("executor.queryProgress", json!({"id": task})).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (404, &json!(40403)));
        let missing =
            client.rpc("executor.queryProgress", json!({"id": "00000000-0000-7000-8000-000000000000"})).await;
        assert_eq!(answer.json()["message"], missing.json()["message"], "hidden looks like missing");
    }
    let fixed = alice.push("executor.push", &[], &package("Hello").with("x.txt", "x")).await.last_line();
    assert_eq!(fixed["type"], "complete");
}

#[tokio::test]
async fn an_engine_fault_is_tried_again_and_the_push_waits() {
    let hub = TestHub::start().await;
    hub.engine.next(Script::Fails(FaultKind::Engine));
    let answer = hub.anonymous().push("executor.create", &[], &package("Hello")).await;
    let lines = answer.lines();
    assert!(lines.iter().any(|line| line.to_string().contains("Trying again")), "{lines:?}");
    assert_eq!(lines.last().unwrap()["type"], "complete");
    let attempts: i32 = sqlx::query_scalar("SELECT attempt FROM tasks").fetch_one(&hub.pool).await.unwrap();
    assert_eq!(attempts, 2);
}
