//! `GET /api/v1/executors`: what is recent, page by page.

use serde_json::json;

use crate::support::{hub::TestHub, package::package};

#[tokio::test]
async fn the_newest_push_comes_first_and_every_page_follows_the_one_before() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    for n in 0..5 {
        let private = if n == 2 { "True" } else { "False" };
        alice.push("executor.push", &[("private", private)], &package(&format!("E{n}"))).await;
    }
    alice.push("executor.push", &[], &package("E0").with("x.txt", "x")).await;
    let mut names = Vec::new();
    let mut path = "/api/v1/executors?sort=recent&limit=2".to_owned();
    loop {
        let page = hub.anonymous().get(&path).await.json();
        let items = page["executors"].as_array().unwrap();
        assert!(items.len() <= 2);
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/executors?sort=recent&limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(
        names,
        ["E0", "E4", "E3", "E1"],
        "the private one is not there, the pushed-again one is first"
    );
    let own = alice.get("/api/v1/executors?limit=100").await.json();
    assert_eq!(own["executors"].as_array().unwrap().len(), 5);
    let item = &own["executors"][0];
    assert_eq!((&item["owner"], &item["description"]), (&json!("alice"), &json!("Says hello")));
}

#[tokio::test]
async fn nonsense_is_answered_with_problem_details() {
    let hub = TestHub::start().await;
    for (query, code) in [("cursor=abc", "cursor"), ("sort=best", "sort"), ("limit=many", "query")] {
        let answer = hub.anonymous().get(&format!("/api/v1/executors?{query}")).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let body = answer.json();
        assert_eq!(body["code"], code);
        assert_eq!(body["request_id"], answer.headers["x-request-id"].to_str().unwrap());
    }
    for limit in ["-1", "0", "9223372036854775807"] {
        assert_eq!(hub.anonymous().get(&format!("/api/v1/executors?limit={limit}")).await.status, 200);
    }
}
