//! `/api/v1/executors`: lists, page by page, in each order and under each filter; one Executor and what belongs to it.

use http::Method;
use serde_json::{Value, json};

use crate::support::{client::Client, hub::TestHub, package::package};

/// The names of a list, page by page of two.
pub async fn names(client: &Client, query: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let answer = client.get(&format!("/api/v1/executors?limit=2{query}{cursor}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.json());
        let page = answer.json();
        let items = page["executors"].as_array().unwrap();
        assert!(items.len() <= 2);
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return names,
        }
    }
}

async fn patch(client: &Client, path: &str, headers: &[(&str, &str)], body: Value) -> (u16, Value) {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    let answer = client.send(Method::PATCH, path, &all, body.to_string().into_bytes()).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn the_newest_push_comes_first_and_every_page_follows_the_one_before() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    for n in 0..5 {
        let private = if n == 2 { "True" } else { "False" };
        alice.push("executor.push", &[("private", private)], &package(&format!("E{n}"))).await;
    }
    alice.push("executor.push", &[], &package("E0").with("x.txt", "x")).await;
    assert_eq!(
        names(&hub.anonymous(), "&sort=recent").await,
        ["E0", "E4", "E3", "E1"],
        "the private one is not there, the pushed-again one is first"
    );
    assert_eq!(names(&hub.anonymous(), "&sort=name").await, ["E0", "E1", "E3", "E4"]);
    let own = alice.get("/api/v1/executors?limit=100").await.json();
    assert_eq!(own["executors"].as_array().unwrap().len(), 5);
    let item = &own["executors"][0];
    assert_eq!((&item["owner"], &item["description"]), (&json!("alice"), &json!("Says hello")));
}

#[tokio::test]
async fn trending_is_what_was_pulled_most_in_these_days() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    for name in ["One", "Two", "Three"] {
        alice.push("executor.push", &[], &package(name)).await;
    }
    for (name, pulls) in [("Two", 3), ("One", 1)] {
        for _ in 0..pulls {
            let pulled =
                hub.anonymous().rpc("executor.getPackage", json!({"id": format!("alice/{name}")})).await;
            assert_eq!(pulled.status, 200);
        }
    }
    hub.app.hub().write_pull_counts().await.unwrap();
    assert_eq!(names(&hub.anonymous(), "&sort=trending").await, ["Two", "One", "Three"]);
    let two = hub.anonymous().get("/api/v1/executors/alice/Two").await.json();
    assert_eq!(two["pulls_last_7_days"], 3);
    // Eight days later nobody has pulled anything lately.
    sqlx::query("UPDATE executor_pulls SET day = day - 7").execute(&hub.pool).await.unwrap();
    hub.app.hub().age_pull_counts().await.unwrap();
    assert_eq!(names(&hub.anonymous(), "&sort=trending").await, ["Three", "Two", "One"]);
}

#[tokio::test]
async fn lists_are_narrowed_by_owner_keyword_and_visibility() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    let with_keyword = |name: &str, word: &str| {
        package(name).with(
            "config.yml",
            &format!(
                "jtype: Hello\nmetas:\n  name: {name}\n  keywords: [{word}]\npy_modules:\n  - executor.py\n"
            ),
        )
    };
    alice.push("executor.push", &[], &with_keyword("A", "Image")).await;
    alice.push("executor.push", &[("private", "True")], &with_keyword("B", "image")).await;
    bob.push("executor.push", &[], &with_keyword("C", "text")).await;
    assert_eq!(names(&alice, "&owner=ALICE").await, ["B", "A"]);
    assert_eq!(names(&bob, "&owner=alice").await, ["A"]);
    assert_eq!(names(&alice, "&keyword=IMAGE").await, ["B", "A"]);
    assert_eq!(names(&alice, "&visibility=private").await, ["B"]);
    assert_eq!(names(&bob, "&visibility=private").await, [""; 0]);
    assert_eq!(names(&alice, "&owner=nobody").await, [""; 0]);
}

#[tokio::test]
async fn an_executor_is_shown_by_every_name_that_it_has() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice
        .push("executor.push", &[("tags", "v1,v2")], &package("Hello").with("requirements.txt", "numpy>=1\n"))
        .await;
    let shown = hub.anonymous().get("/api/v1/executors/alice/Hello").await.json();
    for path in ["Hello", "alice%2FHello", "hello", shown["id"].as_str().unwrap()] {
        assert_eq!(hub.anonymous().get(&format!("/api/v1/executors/{path}")).await.json(), shown, "{path}");
    }
    assert_eq!(shown["tags"][1]["name"], "v2");
    let package = &shown["package"];
    assert_eq!(package["dependencies"][0], json!({"name": "numpy", "line": "numpy>=1"}));
    assert_eq!(package["readme"], "# Hello\n");
    assert_eq!(package["arguments"]["init"]["parameters"][1]["default"], "'hi'");
    assert_eq!(package["arguments"]["endpoints"][0]["on"], json!(["/hello"]));
    assert_eq!(shown["newest_commit"]["images"][0]["platform"], "linux/amd64");
    let commits = hub.anonymous().get("/api/v1/executors/Hello/commits").await.json();
    assert_eq!(commits["commits"], json!([shown["newest_commit"]]));
    let commit = shown["newest_commit"]["id"].as_str().unwrap();
    let detail = hub.anonymous().get(&format!("/api/v1/executors/Hello/commits/{commit}")).await.json();
    assert_eq!(detail["package"], *package);
    let tags = hub.anonymous().get("/api/v1/executors/Hello/tags?limit=1").await.json();
    let rest = format!("/api/v1/executors/Hello/tags?cursor={}", tags["next_cursor"].as_str().unwrap());
    let rest = hub.anonymous().get(&rest).await.json();
    assert_eq!((&tags["tags"][0]["name"], &rest["tags"][0]["name"]), (&json!("v1"), &json!("v2")));
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_private_executor_is_answered_like_one_that_never_was() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    for rest in ["", "/commits", "/tags", "/tasks"] {
        for client in [&bob, &hub.anonymous()] {
            let there = client.get(&format!("/api/v1/executors/alice%2FHidden{rest}")).await;
            let never = client.get(&format!("/api/v1/executors/alice%2FNothing{rest}")).await;
            assert_eq!((there.status, never.status), (404.try_into().unwrap(), 404.try_into().unwrap()));
            let plain = |answer: Value| {
                let mut answer = answer;
                answer["request_id"] = Value::Null;
                answer.to_string().replace("Hidden", "Nothing")
            };
            assert_eq!(plain(there.json()), plain(never.json()), "{rest}");
        }
        assert_eq!(alice.get(&format!("/api/v1/executors/alice%2FHidden{rest}")).await.status, 200);
    }
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[], &package("Hello")).await;
    for path in [
        "/api/v1/executors",
        "/api/v1/executors/Hello",
        "/api/v1/executors/Hello/tags",
        "/api/v1/openapi.json",
    ] {
        let answer = hub.anonymous().get(path).await;
        let tag = answer.headers["etag"].to_str().unwrap().to_owned();
        let again = hub.anonymous().send(Method::GET, path, &[("if-none-match", &tag)], Vec::new()).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{path}");
        assert_eq!(again.headers["etag"], tag.as_str());
        let other =
            hub.anonymous().send(Method::GET, path, &[("if-none-match", "\"other\"")], Vec::new()).await;
        assert_eq!(other.status, 200);
    }
}

#[tokio::test]
async fn its_owner_alone_changes_who_may_see_it_and_only_as_they_saw_it() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    alice.push("executor.push", &[], &package("Hello")).await;
    let path = "/api/v1/executors/alice%2FHello";
    let private = json!({"visibility": "private"});
    assert_eq!(patch(&bob, path, &[], private.clone()).await.0, 403);
    assert_eq!(patch(&hub.anonymous(), path, &[], private.clone()).await.0, 401);
    let (status, body) = patch(&alice, path, &[("if-match", "\"old\"")], private.clone()).await;
    assert_eq!((status, &body["code"]), (412, &json!("changed_meanwhile")));
    let tag = alice.get(path).await.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(patch(&alice, path, &[("if-match", &tag)], private).await.1["visibility"], "private");
    assert_eq!(bob.get(path).await.status, 404);
    assert_eq!(names(&hub.anonymous(), "").await, [""; 0]);
    let (status, body) = patch(&alice, path, &[], json!({"visibilty": "public"})).await;
    assert_eq!((status, &body["code"]), (400, &json!("body")));
}

#[tokio::test]
async fn nonsense_is_answered_with_problem_details() {
    let hub = TestHub::start().await;
    for (query, code) in [
        ("cursor=abc", "cursor"),
        ("cursor=LTMwMDAwMDAwMDAwMDAwMDAwMCBhYmNkZWZnaA", "cursor"),
        ("sort=best", "query"),
        ("limit=many", "query"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limt=5", "query"),
        ("q=%00", "q"),
        ("q=--", "q"),
        ("q=a&sort=name", "sort"),
        ("owner=a%20b", "owner"),
        ("keyword=%00", "keyword"),
    ] {
        let answer = hub.anonymous().get(&format!("/api/v1/executors?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let body = answer.json();
        assert_eq!(body["code"], code, "{query}");
        assert_eq!(body["request_id"], answer.headers["x-request-id"].to_str().unwrap());
    }
}

#[tokio::test]
async fn a_cookie_looks_and_changes_nothing() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[("private", "True")], &package("Hello")).await;
    let user = hub.app.auth().find_user("alice").await.unwrap();
    let token = hub.app.auth().open_session(user.id, "browser").await.unwrap();
    let cookie = format!("st={}", token.expose());
    let headers = [("cookie", cookie.as_str()), ("content-type", "application/json")];
    let path = "/api/v1/executors/alice%2FHello";
    let browser = hub.anonymous();
    assert_eq!(browser.send(Method::GET, path, &headers, Vec::new()).await.status, 200);
    for (method, path) in [
        (Method::PATCH, path),
        (Method::POST, "/api/v1/tokens"),
        (Method::POST, "/api/v1/executors"),
        (Method::DELETE, "/api/v1/tokens/0"),
    ] {
        let answer = browser.send(method.clone(), path, &headers, b"{}".to_vec()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (401, &json!("token_required")),
            "{method} {path}"
        );
    }
}
