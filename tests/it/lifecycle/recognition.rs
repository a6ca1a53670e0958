//! The same bytes pushed again: the same result, and nothing is built twice.

use http::Method;
use serde_json::json;

use super::{person, pulled, push, pushed};
use crate::support::{
    engine::Script,
    hub::{TestHub, Wanted},
    package::{Package, package},
};

fn version(n: u32) -> Package {
    package("Hello").with("README.md", &format!("# Version {n}\n"))
}

#[tokio::test]
async fn the_same_bytes_again_are_the_same_commit_whose_tags_move() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    let first = pushed(&client, &[], &version(1)).await;
    let second = pushed(&client, &[], &version(2)).await;
    let again = push(&client, &[("tags", "latest,old")], &version(1)).await;
    assert_eq!(again["payload"]["commit"]["id"], json!(first.to_string()), "{again}");
    assert_eq!(again["payload"]["commit"]["tags"], json!(["latest", "old"]));
    assert!(again["warning"].as_str().unwrap().contains("built before"), "{again}");
    assert_eq!(pulled(&client, "Hello", "latest").await, Some(first), "the last push has the tag");
    assert_eq!(pushed(&client, &[], &version(2)).await, second);
    assert_eq!((hub.count("commits").await, hub.engine.built().len()), (2, 2));
}

#[tokio::test]
async fn whoever_wants_no_cache_gets_a_new_build() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    let first = pushed(&client, &[], &version(1)).await;
    let second = pushed(&client, &[("buildWithNoCache", "True")], &version(1)).await;
    assert_ne!(first, second);
    assert_eq!(pushed(&client, &[], &version(1)).await, second, "the newest of the same");
    assert_eq!(hub.engine.built().len(), 2);
}

#[tokio::test]
async fn every_build_parameter_counts_and_values_are_not_kept() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    let with_variable =
        version(1).with("requirements.txt", "six @ git+https://${TOKEN}@example.com/six.git\n");
    let with = |value: &str| format!(r#"{{"TOKEN": "{value}"}}"#);
    let (one, other) = (with("hunter2hunter2"), with("hunter3hunter3"));
    let first = pushed(&client, &[("buildEnv", &one)], &with_variable).await;
    assert_eq!(pushed(&client, &[("buildEnv", &one)], &with_variable).await, first);
    let second = pushed(&client, &[("buildEnv", &other)], &with_variable).await;
    assert_ne!(first, second, "another value is another build");
    let third = pushed(&client, &[("buildEnv", &one), ("platform", "linux/arm64")], &with_variable).await;
    assert!(third != first && third != second, "another platform is another build");
    let plain: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM commits c WHERE position('hunter2' IN c::text) > 0
                        OR position(encode('hunter2', 'hex') IN c::text) > 0)",
    )
    .fetch_one(&hub.pool)
    .await
    .unwrap();
    assert!(!plain);
}

#[tokio::test]
async fn an_asynchronous_push_of_the_same_bytes_gets_the_task_that_built_them() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    let start = async |tags: &str| {
        let answer =
            client.push("executor.createAsync", &[("id", "Hello"), ("tags", tags)], &version(1)).await;
        answer.json()["data"]["_id"].as_str().unwrap().to_owned()
    };
    pushed(&client, &[], &version(2)).await;
    let follow =
        async |task: &str| client.rpc("executor.queryProgress", json!({"id": task, "replay": true})).await;
    let first = start("a").await;
    let story = follow(&first).await;
    let second = start("b").await;
    assert_eq!(first, second);
    let (told, again) = (story.last_line(), follow(&second).await.last_line());
    assert_eq!(told["result"]["commit"]["tags"], json!(["a"]));
    assert_eq!(again["status"], "succeeded", "its story is told again, to its end: {again}");
    assert_eq!(again["result"]["commit"]["tags"], json!(["a", "b"]));
    assert_eq!(hub.engine.built().len(), 2);
    assert!(pulled(&client, "Hello", "b").await.is_some());
}

#[tokio::test]
async fn the_same_push_during_its_build_waits_for_that_build() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    hub.engine.next(Script::Waits);
    let start = |fields: &'static [(&'static str, &'static str)]| {
        let client = client.clone();
        tokio::spawn(async move { push(&client, fields, &version(1)).await })
    };
    let first = start(&[("tags", "v1")]);
    hub.engine.has_started().await;
    let task: String = sqlx::query_scalar("SELECT id::text FROM tasks").fetch_one(&hub.pool).await.unwrap();
    let again =
        client.push("executor.createAsync", &[("id", "Hello"), ("tags", "v1")], &version(1)).await.json();
    assert_eq!(again["data"]["_id"], json!(task.replace('-', "")));
    // Other tags are another wish, and it has a build of its own.
    let other = client.push("executor.createAsync", &[("id", "Hello"), ("tags", "v2")], &version(1)).await;
    assert_ne!(other.json()["data"]["_id"], again["data"]["_id"]);
    hub.engine.release();
    assert_eq!(first.await.unwrap()["type"], "complete");
    assert_eq!(hub.count("commits").await, 2);
}

#[tokio::test]
async fn what_failed_is_built_again() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    hub.engine.next(Script::Fails(executor_hub::domain::task::FaultKind::Step));
    assert_eq!(push(&client, &[], &version(1)).await["type"], "error");
    pushed(&client, &[], &version(1)).await;
    assert_eq!(hub.count("commits").await, 2);
}

#[tokio::test]
async fn the_same_bytes_pushed_privately_are_hidden_at_once_and_stay_so() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    pushed(&client, &[], &version(1)).await;
    hub.engine.next(Script::Waits);
    let late = {
        let client = client.clone();
        tokio::spawn(async move { push(&client, &[("public", "True")], &version(2)).await })
    };
    hub.engine.has_started().await;
    let hidden = push(&client, &[("private", "True")], &version(1)).await;
    assert_eq!(hidden["payload"]["visibility"], "private", "{hidden}");
    assert_eq!(pulled(&hub.anonymous(), "alice/Hello", "latest").await, None);
    hub.engine.release();
    late.await.unwrap();
    assert_eq!(pulled(&hub.anonymous(), "alice/Hello", "latest").await, None, "decided after that push");
}

#[tokio::test]
async fn a_hub_that_builds_nothing_recognises_by_rest_of_old_as_well() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    let client = hub.anonymous();
    let send = async |method: Method, fields: &[(&str, &str)]| {
        let zip = version(1).zip();
        let answer = client.push_to(method, "/v1/executors", fields, &zip).await;
        answer.lines().pop().unwrap()["result"]["data"]["executors"][0].clone()
    };
    let first = send(Method::POST, &[]).await;
    let (id, secret) = (first["id"].as_str().unwrap(), first["secret"].as_str().unwrap());
    let second = send(Method::PUT, &[("force", id), ("secret", secret), ("tags", "again")]).await;
    assert_eq!((second["id"].as_str(), second["secret"].as_str()), (Some(id), Some(secret)));
    assert_eq!(second["tags"], json!(["again"]));
    assert_eq!(hub.count("commits").await, 1);
}
