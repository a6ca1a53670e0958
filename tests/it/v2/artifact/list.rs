//! Do lists hold exactly what was asked for, and can a question do anything but ask?

use http::Method;
use serde_json::{Value, json};

use super::{data, hub, refused, uploaded};
use crate::support::{client::Client, hub::TestHub};

/// Five artifacts of Alice's, oldest first, and one of Bob's.
async fn filled() -> (TestHub, Client) {
    let hub = hub().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    for (name, bytes, meta_data, more) in [
        ("a", 5, r#"{"project": "x", "n": 2, "deep": {"er": true}}"#, ("type", "DocArray")),
        ("b", 3, r#"{"project": "x", "n": 10, "tags": ["red", "blue"]}"#, ("public", "True")),
        ("c", 4, r#"{"project": "y", "n": 2}"#, ("type", "DocArray")),
        ("d", 3, r#"{"project": null, "tags": ["blue"], "o": {"p": 1}}"#, ("type", "Other")),
        ("e", 1, "", ("type", "DocArray")),
    ] {
        uploaded(&alice, &vec![0; bytes], &[("name", name), ("metaData", meta_data), more]).await;
    }
    uploaded(&bob, b"bob", &[("name", "f"), ("public", "True"), ("metaData", r#"{"project": "x"}"#)]).await;
    (hub, alice)
}

/// Names in the order of the answer, and how many there are in all.
fn names(answer: &Value) -> (String, u64) {
    let names = answer["data"].as_array().unwrap().iter().map(|artifact| artifact["name"].as_str().unwrap());
    (names.collect(), answer["meta"]["total"].as_u64().unwrap())
}

async fn ask(client: &Client, question: Value) -> (String, u64) {
    let answer = client.rpc("artifact.list", question).await;
    data(&answer);
    names(&answer.json())
}

fn found(names: &str) -> (String, u64) {
    (names.to_owned(), names.len() as u64)
}

#[tokio::test]
async fn a_filter_finds_exactly_what_meets_it() {
    let (_hub, alice) = filled().await;
    for (filter, expected) in [
        (json!({}), "edcba"),
        (json!({"type": "DocArray"}), "eca"),
        (json!({"type": null}), "b"),
        (json!({"name": "c"}), "c"),
        (json!({"visibility": "public"}), "b"),
        (json!({"size": 3}), "db"),
        (json!({"size": "3"}), ""),
        (json!({"metaData.project": "x"}), "ba"),
        (json!({"metaData.project": "x", "type": "DocArray"}), "a"),
        (json!({"metaData.n": 2}), "ca"),
        (json!({"metaData.n": 2.0}), "ca"),
        (json!({"metaData.n": "2"}), ""),
        (json!({"metaData.deep.er": true}), "a"),
        (json!({"metaData.deep": {"er": true}}), "a"),
        (json!({"metaData.deep": {}}), ""),
        (json!({"metaData.project": null}), "ed"),
        (json!({"metaData.tags": "blue"}), "db"),
        (json!({"metaData.tags": ["blue"]}), "d"),
        (json!({"metaData.tags.0": "red"}), "b"),
        (json!({"metaData": null}), "e"),
        (json!({"metaData": {"project": "y", "n": 2}}), "c"),
    ] {
        assert_eq!(ask(&alice, json!({"filter": filter})).await, found(expected), "{filter}");
    }
    let first = alice.rpc("artifact.list", json!({"filter": {"name": "a"}})).await.json()["data"][0].clone();
    assert_eq!(ask(&alice, json!({"filter": {"_id": first["_id"]}})).await, found("a"));
    assert_eq!(ask(&alice, json!({"filter": {"_id": "nonsense"}})).await, found(""));
}

#[tokio::test]
async fn an_order_keeps_the_order_of_its_steps() {
    let (_hub, alice) = filled().await;
    let headers = [("content-type", "application/json")];
    for (sort, expected) in [
        (r#"{"createdAt": 1}"#, "abcde"),
        (r#"{"createdAt": -1}"#, "edcba"),
        (r#"{"size": 1, "name": -1}"#, "edbca"),
        (r#"{"name": -1, "size": 1}"#, "edcba"),
        (r#"{"metaData.n": -1, "name": 1}"#, "bacde"),
        (r#"{"metaData.n": 1, "name": 1}"#, "deacb"),
        (r#"{"type": 1, "metaData.n": 1, "_id": 1}"#, "beacd"),
    ] {
        let body = format!(r#"{{"sort": {sort}}}"#).into_bytes();
        let answer = alice.send(Method::POST, "/v2/rpc/artifact.list", &headers, body).await;
        assert_eq!(names(&answer.json()), found(expected), "{sort}");
    }
}

#[tokio::test]
async fn pages_part_the_list_without_losing_anything() {
    let (_hub, alice) = filled().await;
    let mut all = String::new();
    for page in 1..=4 {
        let (names, total) =
            ask(&alice, json!({"pageIndex": page, "pageSize": 2, "sort": {"size": 1}})).await;
        assert_eq!(total, 5);
        all.push_str(&names);
    }
    // Equals stand newest first, on whatever page.
    assert_eq!(all, "edbca");
    assert_eq!(ask(&alice, json!({"pageIndex": -5, "pageSize": 0})).await, ("e".to_owned(), 5));
    assert_eq!(ask(&alice, json!({"pageIndex": i64::MAX, "pageSize": i64::MAX})).await, (String::new(), 5));
}

#[tokio::test]
async fn forms_queries_and_empty_bodies_ask_as_well() {
    let (_hub, alice) = filled().await;
    let path = "/v2/rpc/artifact.list";
    let empty = alice.send(Method::POST, path, &[], Vec::new()).await;
    assert_eq!(names(&empty.json()), found("edcba"));
    let form = "filter=%7B%22type%22%3A+%22DocArray%22%7D&sort=%7B%22size%22%3A1%7D&pageSize=2";
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = alice.send(Method::POST, path, &headers, form.as_bytes().to_vec()).await;
    assert_eq!(names(&answer.json()), ("ec".to_owned(), 3));
    assert_eq!(names(&alice.get(&format!("{path}?{form}")).await.json()), ("ec".to_owned(), 3));
}

#[tokio::test]
async fn a_question_can_do_nothing_but_ask() {
    let (hub, alice) = filled().await;
    let injections = [
        "name'; DROP TABLE artifacts; --",
        "name\" OR 1=1 --",
        "owner_id",
        "sha256",
        "a.name",
        "(SELECT hash FROM tokens LIMIT 1)",
        "metaDatax",
        "$where",
        "",
    ];
    for field in injections {
        for question in [json!({"filter": {field: "x"}}), json!({"sort": {field: 1}})] {
            assert_eq!(refused(&alice.rpc("artifact.list", question.clone()).await), 40001, "{question}");
        }
    }
    let paths =
        ["'", "\"", "}', '{", "a'::text); DROP TABLE artifacts; --", "{}", ",", "\\", "%", "$1", "ünï"];
    for path in paths.map(|path| format!("metaData.{path}")) {
        assert_eq!(ask(&alice, json!({"filter": {&path: "x"}})).await, found(""), "{path}");
        assert_eq!(ask(&alice, json!({"sort": {&path: -1}})).await, found("edcba"), "{path}");
    }
    for value in ["' OR '1'='1", "x'); DELETE FROM artifacts; --", "$1", "\\", "\"", "%"] {
        assert_eq!(
            ask(&alice, json!({"filter": {"metaData.project": value, "name": value}})).await,
            found("")
        );
    }
    for question in [
        json!({"filter": {"size": {"$gt": 1}}}),
        json!({"filter": {"name": "a\u{0}"}}),
        json!({"filter": {"metaData.a\u{0}": 1}}),
        json!({"filter": {"createdAt": "2022-01-01"}}),
        json!({"filter": "name"}),
        json!({"sort": {"name": 2}}),
        json!({"sort": "name; DROP TABLE artifacts"}),
    ] {
        assert_eq!(refused(&alice.rpc("artifact.list", question.clone()).await), 40001, "{question}");
    }
    assert_eq!(hub.count("artifacts").await, 6);
}
