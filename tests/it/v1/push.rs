//! Pushes by the REST of jina 2.x: every line as those clients read it.

use executor_hub::domain::task::FaultKind;
use http::Method;
use serde_json::{Value, json};

use super::push;
use crate::support::{
    client::Answer,
    engine::Script,
    hub::{TestHub, Wanted},
    package::package,
};

/// Reads the lines as jina 2.1 to 2.6 do: `stream`, else `status`, else `result`, which ends the reading.
fn result(answer: &Answer) -> Value {
    for line in answer.lines() {
        if line.get("stream").is_none() && line.get("status").is_none() && line.get("result").is_some() {
            return line["result"].clone();
        }
    }
    panic!("Unknown Error: {}", String::from_utf8_lossy(&answer.body));
}

/// What those clients raise, when they do.
fn raised(answer: &Answer) -> String {
    let result = result(answer);
    assert!(result["data"].is_null(), "{result}");
    result["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn trap_1_the_last_line_of_a_push_has_a_result_and_neither_status_nor_stream() {
    let hub = TestHub::start().await;
    let answer = push(&hub.anonymous(), Method::POST, &[("tags", "v1,latest")], &package("Hello")).await;
    assert_eq!(answer.status, 200);
    let mut lines = answer.lines();
    let last = lines.pop().unwrap();
    assert_eq!(last.as_object().unwrap().keys().collect::<Vec<_>>(), ["result"]);
    let result = &last["result"];
    assert!((200..300).contains(&result["statusCode"].as_i64().unwrap()));
    let executor = &result["data"]["executors"][0];
    for mandatory in ["id", "secret", "visibility", "name", "alias"] {
        assert!(executor[mandatory].as_str().is_some_and(|text| !text.is_empty()), "{mandatory}: {executor}");
    }
    assert!(lines.iter().all(|line| line["stream"].is_string() || line["ping"] == true), "{lines:?}");
    assert!(
        lines.iter().any(|line| line["stream"] == "#2 0.1 hello from the build in [ /workspace]"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_remembered_id_and_secret_update_by_put() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    let first = result(&push(&client, Method::POST, &[("private", "True")], &package("Hello")).await);
    let executor = &first["data"]["executors"][0];
    assert_eq!(executor["visibility"], "private");
    let (id, secret) = (executor["id"].as_str().unwrap(), executor["secret"].as_str().unwrap());
    for name in [id, "Hello"] {
        let changed = package("Hello").with("README.md", &format!("# Changed by {name}\n"));
        let fields = [("force", name), ("secret", secret)];
        let second = result(&push(&client, Method::PUT, &fields, &changed).await);
        assert_eq!(second["data"]["executors"][0], *executor);
    }
    assert_eq!(hub.count("commits").await, 3);
    assert_eq!(hub.count("executors").await, 1);
}

#[tokio::test]
async fn every_refusal_is_a_result_without_data_and_stores_nothing() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    push(&client, Method::POST, &[], &package("Hello")).await;
    let files = hub.stored_files();
    let changed = package("Hello").with("README.md", "# Changed\n");
    for (method, fields, package, cause) in [
        (Method::POST, vec![], &changed, "The name 'Hello' is taken."),
        (Method::PUT, vec![("force", "Hello"), ("secret", "wrong")], &changed, "The secret does not fit"),
        (Method::PUT, vec![("force", "Hello")], &changed, "You may not update"),
        (Method::PUT, vec![("force", "Nowhere"), ("secret", "x")], &changed, "No such executor: Nowhere."),
        (Method::PUT, vec![], &changed, "'force'"),
        (Method::POST, vec![("tags", "not a tag")], &changed, "is no tag"),
        (Method::POST, vec![("md5sum", "00")], &package("Other"), "MD5"),
        (Method::POST, vec![("dockerfile", "nowhere.Dockerfile")], &package("Other"), "nowhere.Dockerfile"),
    ] {
        let answer = push(&client, method, &fields, package).await;
        assert!(answer.status.is_client_error(), "{fields:?}: {}", answer.status);
        assert!(raised(&answer).contains(cause), "{fields:?}: {}", raised(&answer));
    }
    assert_eq!(hub.count("commits").await, 1);
    assert_eq!(hub.stored_files(), files);
}

#[tokio::test]
async fn a_failed_build_is_told_in_the_words_that_the_client_answers_with_advice() {
    let hub = TestHub::start().await;
    hub.engine.next(Script::Fails(FaultKind::Step));
    let answer = push(&hub.anonymous(), Method::POST, &[], &package("Hello")).await;
    let text = raised(&answer);
    assert!(text.contains("failed on purpose"), "{text}");
    assert!(text.contains("Process(docker) exited on non-zero code"), "{text}");
    assert_eq!(hub.anonymous().get("/v1/executors/Hello/").await.status, 404);
}

#[tokio::test]
async fn a_hub_that_builds_nothing_ends_the_push_at_once() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    let answer = push(&hub.anonymous(), Method::POST, &[], &package("Hello")).await;
    assert_eq!(result(&answer)["data"]["executors"][0]["name"], "Hello");
    assert_eq!(
        answer.lines()[0]["stream"],
        json!("This Hub builds no images; the package is ready to be pulled.")
    );
}

#[tokio::test]
async fn what_these_clients_push_every_other_surface_serves() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    push(&client, Method::POST, &[], &package("Hello")).await;
    let pulled = client.rpc("executor.getPackage", json!({"id": "Hello"})).await.json();
    assert_eq!(pulled["data"]["name"], "Hello");
    let listed = client.get("/api/v1/executors").await.json();
    assert_eq!(listed["executors"][0]["name"], "Hello");
}
