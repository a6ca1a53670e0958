//! Builds and their events: as pages, as lines, and as server-sent events, from any number on.

use http::Method;
use serde_json::{Value, json};

use crate::support::{engine::Script, hub::TestHub, package::package};

#[tokio::test]
async fn the_story_is_the_same_in_every_form_and_from_any_number_on() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[], &package("Hello")).await;
    let tasks = alice.get("/api/v1/executors/alice%2FHello/tasks").await.json();
    let task = &tasks["tasks"][0];
    assert_eq!((&task["state"], &task["attempt"]), (&json!("succeeded"), &json!(1)));
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
    assert_eq!(alice.get(&path).await.json(), *task);
    let path = format!("{path}/events");
    let page = alice.get(&path).await.json();
    let events = page["events"].as_array().unwrap().clone();
    assert_eq!((&page["is_complete"], &page["next_after"]), (&json!(true), &task["last_event"]));
    let numbers: Vec<i64> = events.iter().map(|event| event["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
    let get = async |query: &str, headers: &[(&str, &str)]| {
        alice.send(Method::GET, &format!("{path}{query}"), headers, Vec::new()).await
    };
    let lines = get("", &[("accept", "application/x-ndjson")]).await.lines();
    assert_eq!(lines, events);
    let rest = get("?after=2", &[("accept", "application/x-ndjson")]).await.lines();
    assert_eq!(rest, events[2..]);
    let told = |text: &[u8]| -> Vec<Value> {
        let text = String::from_utf8(text.to_vec()).unwrap();
        text.split("\n\n")
            .filter(|piece| piece.starts_with("id: "))
            .map(|piece| {
                let (id, data) = piece.split_once("\ndata: ").unwrap();
                let data: Value = serde_json::from_str(data).unwrap();
                assert_eq!(id, format!("id: {}", data["number"]));
                data
            })
            .collect()
    };
    let sent = get("", &[("accept", "text/event-stream")]).await;
    assert_eq!(sent.headers["content-type"], "text/event-stream");
    assert_eq!(told(&sent.body), events);
    let again = get("", &[("accept", "text/event-stream"), ("last-event-id", "3")]).await;
    assert_eq!(told(&again.body), events[3..]);
    let last = events.len().to_string();
    let over = get("", &[("accept", "text/event-stream"), ("last-event-id", &last)]).await;
    assert_eq!(over.status, 204, "a browser stops asking");
    assert_eq!(get("?after=-1", &[]).await.status, 400);
    assert_eq!(get("", &[("last-event-id", "x")]).await.status, 400);
}

#[tokio::test]
async fn a_build_is_followed_while_it_runs() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    hub.engine.next(Script::Waits);
    let published = alice
        .send(
            Method::POST,
            "/api/v1/executors",
            &[("content-type", "application/zip")],
            package("Hello").zip(),
        )
        .await
        .json();
    hub.engine.has_started().await;
    let path = format!("/api/v1/tasks/{}/events", published["task"].as_str().unwrap());
    assert_eq!(alice.get(&path).await.json()["is_complete"], false);
    let following = tokio::spawn({
        let (alice, path) = (alice.clone(), path.clone());
        async move { alice.send(Method::GET, &path, &[("accept", "text/event-stream")], Vec::new()).await }
    });
    hub.engine.release();
    let told = String::from_utf8(following.await.unwrap().body.to_vec()).unwrap();
    assert!(told.contains("\"state\":\"succeeded\""), "{told}");
    assert_eq!(alice.get(&path).await.json()["is_complete"], true);
}

#[tokio::test]
async fn strangers_know_of_no_build() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    alice.push("executor.push", &[], &package("Hello")).await;
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tasks").fetch_one(&hub.pool).await.unwrap();
    for rest in ["", "/events"] {
        assert_eq!(bob.get(&format!("/api/v1/tasks/{id}{rest}")).await.status, 404);
        assert_eq!(bob.get(&format!("/api/v1/tasks/nonsense{rest}")).await.status, 404);
        assert_eq!(alice.get(&format!("/api/v1/tasks/{id}{rest}")).await.status, 200);
    }
    assert_eq!(
        bob.get("/api/v1/executors/alice%2FHello/tasks").await.status,
        403,
        "it is public, its builds are not"
    );
}
