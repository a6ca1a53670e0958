//! What a push says and does when nothing can build it.

use serde_json::json;

use crate::support::{
    hub::{TestHub, Wanted},
    package::package,
};

#[tokio::test]
async fn without_an_engine_the_package_is_ready_at_once_and_the_push_says_so() {
    let hub = TestHub::start_with(Wanted { engine_is_away: true, ..Wanted::default() }).await;
    let answer = hub.anonymous().push("executor.create", &[], &package("Hello")).await;
    let lines = answer.lines();
    assert_eq!(lines[0]["type"], "warning");
    let last = lines.last().unwrap();
    assert_eq!(last["type"], "complete");
    assert!(last["warning"].as_str().unwrap().contains("No Docker Engine answers"), "{last}");
    let pulled = hub
        .anonymous()
        .rpc("executor.getPackage", json!({"id": "Hello", "include": ["code", "docker"]}))
        .await;
    assert_eq!(pulled.json()["data"]["package"]["containers"], json!([]));
    let ready = hub.anonymous().get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["builds"]), (200, &json!("no engine")));
}

#[tokio::test]
async fn the_image_follows_when_an_engine_appears() {
    let hub =
        TestHub::start_with(Wanted { engine_is_away: true, without_worker: true, ..Wanted::default() }).await;
    let pushed = hub.anonymous().push("executor.create", &[], &package("Hello")).await.last_line();
    hub.engine.set_away(false);
    assert!(hub.worker.run_next().await.unwrap(), "the task was waiting");
    let pulled = hub.anonymous().rpc("executor.getPackage", json!({"id": "Hello"})).await.json();
    let image = pulled["data"]["package"]["containers"][0].as_str().expect("an image");
    assert!(image.contains(pushed["payload"]["id"].as_str().unwrap()));
    assert_eq!(pulled["data"]["commit"]["id"], pushed["payload"]["commit"]["id"]);
}

#[tokio::test]
async fn a_hub_that_builds_nothing_still_tells_how_a_push_went() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    let alice = hub.person("alice").await;
    assert_eq!(alice.push("executor.push", &[], &package("Hello")).await.last_line()["type"], "complete");
    let tasks = alice.rpc("executor.listAsyncTasks", json!({"id": "Hello"})).await.json();
    let story =
        alice.rpc("executor.queryProgress", json!({"id": tasks["data"][0]["_id"], "replay": true})).await;
    assert_eq!(story.last_line()["status"], "succeeded");
}

#[tokio::test]
async fn a_hub_that_requires_images_makes_the_push_wait_for_an_engine() {
    let wanted = Wanted {
        set: vec!["builds.mode=required"],
        engine_is_away: true,
        without_worker: true,
        ..Wanted::default()
    };
    let hub = TestHub::start_with(wanted).await;
    let alice = hub.person("alice").await;
    let answer = alice.push("executor.createAsync", &[], &package("Hello")).await;
    let body = answer.json();
    assert_eq!((answer.status.as_u16(), &body["code"], &body["status"]), (202, &json!(202), &json!(20200)));
    assert_eq!(alice.rpc("executor.getPackage", json!({"id": "Hello"})).await.status, 404, "not usable yet");
    hub.engine.set_away(false);
    assert!(hub.worker.run_next().await.unwrap());
    assert_eq!(alice.rpc("executor.getPackage", json!({"id": "Hello"})).await.status, 200);
}
