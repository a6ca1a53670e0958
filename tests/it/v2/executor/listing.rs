//! `executor.list` and `executor.getMeta`: what the public Hub's portal and deployment programs called.

use serde_json::{Value, json};

use crate::support::{
    client::Client,
    hub::{TestHub, Wanted},
    package::package,
};

async fn hub() -> TestHub {
    TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await
}

/// Names in the answer to a search by POST, and the total.
async fn search(client: &Client, parameters: Value) -> (Vec<String>, i64) {
    let answer = client.rpc("executor.list", parameters).await.json();
    assert_eq!(answer["code"], 200, "{answer}");
    let names = answer["data"].as_array().unwrap().iter();
    let names = names.map(|item| item["name"].as_str().unwrap_or("").to_owned()).collect();
    (names, answer["meta"]["total"].as_i64().unwrap())
}

#[tokio::test]
async fn the_portals_call_lists_in_numbered_pages_with_a_total() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    for name in ["One", "Two", "Three", "Four", "Five"] {
        alice.push("executor.push", &[("id", name)], &package(name)).await;
    }
    alice.push("executor.push", &[("id", "Six"), ("private", "True")], &package("Six")).await;
    hub.anonymous().push("executor.create", &[], &package("Ownerless")).await;
    let call = |page: i64| {
        json!({
            "sort": "-activities.metaMatched", "pageIndex": page, "pageSize": 2, "search": "", "author": "",
            "keywords": [], "withAnonymous": true,
        })
    };
    let stranger = hub.anonymous();
    assert_eq!(search(&stranger, call(1)).await, (vec!["Ownerless".into(), "Five".into()], 6));
    assert_eq!(search(&stranger, call(3)).await, (vec!["Two".into(), "One".into()], 6));
    assert_eq!(search(&stranger, call(4)).await, (vec![], 6));
    assert_eq!(search(&stranger, call(-7)).await.0, ["Ownerless", "Five"], "the first page");
    assert_eq!(
        search(&alice, json!({"pageSize": 1})).await,
        (vec!["Six".into()], 6),
        "their own private one"
    );
    let by_get = stranger.get("/v2/rpc/executor.list?search=wnerl&withAnonymous=true").await.json();
    assert_eq!(by_get["data"][0]["name"], "Ownerless");
    assert_eq!(by_get["meta"]["total"], 1);
}

#[tokio::test]
async fn a_search_looks_at_names_owners_descriptions_and_keywords() {
    let hub = hub().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    let described = package("First").with(
        "manifest.yml",
        "name: First\ndescription: Turns 100% of your pictures into vectors\nkeywords: [image, clip]\n",
    );
    alice.push("executor.push", &[], &described).await;
    bob.push("executor.push", &[], &package("Second")).await;
    let stranger = hub.anonymous();
    for (parameters, found) in [
        (json!({"search": "first"}), vec!["First"]),
        (json!({"search": "100% OF"}), vec!["First"]),
        (json!({"search": "100_ of"}), vec![]),
        (json!({"search": "bob"}), vec!["Second"]),
        (json!({"author": "Alice"}), vec!["First"]),
        (json!({"keywords": ["clip", "other"]}), vec!["First"]),
        (json!({"keywords": ["other"]}), vec![]),
        (json!({}), vec!["Second", "First"]),
    ] {
        assert_eq!(search(&stranger, parameters.clone()).await.0, found, "{parameters}");
    }
}

#[tokio::test]
async fn meta_says_whose_an_executor_is_by_both_spellings() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let pushed = alice.push("executor.push", &[("tags", "v1")], &package("Hello")).await.last_line();
    let id = pushed["payload"]["id"].as_str().unwrap();
    for path in ["/v2/executor/getMeta", "/v2/rpc/executor.getMeta"] {
        let answer = alice.get(&format!("{path}?id={id}&tag=v1")).await;
        assert_eq!(answer.status, 200);
        let meta = answer.json();
        assert_eq!(
            (&meta["data"]["name"], &meta["meta"]["owner"]["name"]),
            (&json!("Hello"), &json!("alice"))
        );
    }
}

#[tokio::test]
async fn meta_is_a_test_of_existence_that_tells_strangers_nothing() {
    let hub = hub().await;
    let client = hub.anonymous();
    let fields = [("private", "True"), ("secret", "chosen-one")];
    client.push("executor.create", &fields, &package("Hidden")).await;
    let with_secret = client.get("/v2/executor/getMeta?id=Hidden&secret=chosen-one").await;
    assert_eq!(with_secret.status, 200);
    assert!(with_secret.json().get("meta").is_none(), "nobody owns it");
    for query in ["id=Hidden", "id=Hidden&secret=wrong", "id=Nothing&secret=wrong"] {
        let answer = client.get(&format!("/v2/executor/getMeta?{query}")).await;
        assert_eq!(answer.status, 404, "{query}");
        assert!(answer.json()["data"].is_null(), "{query}");
    }
}

#[tokio::test]
async fn a_hub_for_signed_in_people_lists_nothing_to_others() {
    let set = vec!["builds.mode=off", "auth.sign_in_required=true"];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    assert_eq!(hub.anonymous().rpc("executor.list", json!({})).await.json()["status"], 40103);
}

#[tokio::test]
async fn a_token_for_certain_executors_lists_those_of_its_owner_and_what_is_public() {
    let hub = hub().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    for name in ["Mine", "Other"] {
        alice.push("executor.push", &[("private", "True")], &package(name)).await;
    }
    bob.push("executor.push", &[], &package("Open")).await;
    bob.push("executor.push", &[("private", "True")], &package("Shut")).await;
    let body = json!({"name": "one", "scope": "read", "executors": ["alice/Mine"], "days": 1}).to_string();
    let headers = [("content-type", "application/json")];
    let made = alice.send(http::Method::POST, "/api/v1/tokens", &headers, body.into_bytes()).await.json();
    let token = hub.anonymous().with_token(made["secret"].as_str().unwrap());
    let (seen, all) = search(&token, json!({})).await;
    assert_eq!((seen, all), (vec!["Open".into(), "Mine".into()], 2), "as in the list of the API");
    let listed = token.get("/api/v1/executors").await.json();
    let listed: Vec<_> =
        listed["executors"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(listed, ["Open", "Mine"]);
    assert_eq!(search(&alice, json!({"search": "the"})).await.1, 1, "words are looked for in what is seen");
}
