//! `createAsync` and `queryProgress`: the story of a build, replayed and live.

use http::Method;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::{client::legacy::Client as HyperClient, rt::TokioExecutor};
use serde_json::{Value, json};

use crate::support::{engine::Script, hub::TestHub, package::package};

#[tokio::test]
async fn the_story_is_replayed_with_console_lines_only_when_asked_for() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let accepted = alice.push("executor.createAsync", &[], &package("Hello")).await.json();
    let task = accepted["data"]["_id"].as_str().unwrap();
    let story = async |replay: &str, verbose: &str| {
        let body = format!("id={task}&replay={replay}&verbose={verbose}");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        alice.send(Method::POST, "/v2/rpc/executor.queryProgress", &headers, body.into_bytes()).await.lines()
    };
    // The first look follows it to its end, so the others see a task that is over.
    let live = story("True", "True").await;
    let consoles =
        |lines: &[Value]| lines.iter().filter(|line| line["data"]["data"]["type"] == "console").count();
    assert_eq!(consoles(&live), 3);
    let numbers: Vec<i64> = live.iter().filter_map(|line| line["data"]["sn"].as_i64()).collect();
    assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<i64>>(), "each event once, in order");
    let last = live.last().unwrap();
    assert_eq!((&last["type"], &last["status"]), (&json!("report"), &json!("succeeded")));
    assert_eq!(last["result"]["name"], "Hello");
    assert_eq!(last["result"]["owner"]["name"], "alice");
    assert!(last["result"].get("secret").is_none());
    assert_eq!(consoles(&story("True", "False").await), 0);
    let late = story("False", "True").await;
    assert_eq!(late.len(), 1, "a task that is over still reports how it ended");
    assert_eq!(late[0]["status"], "succeeded");
}

#[tokio::test]
async fn a_follower_sees_lines_while_the_build_runs() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    hub.engine.next(Script::Waits);
    let accepted = alice.push("executor.createAsync", &[], &package("Hello")).await.json();
    let task = accepted["data"]["_id"].as_str().unwrap();
    let token = hub
        .app
        .auth()
        .issue_personal_token(hub.app.auth().find_user("alice").await.unwrap().id, "follower", Some(1))
        .await
        .unwrap();
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(format!("{}/v2/rpc/executor.queryProgress?id={task}&replay=True&verbose=True", hub.url))
        .header("authorization", format!("token {}", token.expose()))
        .body(Empty::<axum::body::Bytes>::new())
        .unwrap();
    let client = HyperClient::builder(TokioExecutor::new()).build_http();
    let mut body = client.request(request).await.unwrap().into_body();
    let mut text = String::new();
    let mut is_released = false;
    while let Some(frame) = body.frame().await {
        text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
        if !is_released && text.contains("hello from the build") {
            assert!(!text.contains(r#""status":"succeeded""#));
            hub.engine.release();
            is_released = true;
        }
    }
    assert!(is_released && text.contains(r#""status":"succeeded""#), "{text}");
}

#[tokio::test]
async fn a_push_stream_shows_steps_and_with_verbose_every_line() {
    let hub = TestHub::start().await;
    let quiet = hub.anonymous().push("executor.create", &[], &package("A")).await.lines();
    assert!(quiet.iter().all(|line| line["type"] != "console"));
    assert!(quiet.iter().any(|line| line["legacyMessage"]["status"] == "#1 (1/2) FROM base"));
    let verbose =
        hub.anonymous().push("executor.create", &[("verbose", "True")], &package("B")).await.lines();
    let consoles: Vec<&Value> = verbose.iter().filter(|line| line["type"] == "console").collect();
    assert_eq!(consoles.len(), 3);
    assert!(consoles.iter().all(|line| line["payload"].is_string()), "clients take nothing else");
    assert!(verbose.iter().all(|line| line.get("legacyMessage").is_none_or(|message| !message.is_null())));
}
