//! `/api/v1/tokens`: tokens that reach no further than they have to, on every surface.

use http::Method;
use serde_json::{Value, json};

use crate::support::{client::Client, hub::TestHub, package::package};

async fn create(client: &Client, body: Value) -> (u16, Value) {
    let headers = [("content-type", "application/json")];
    let answer = client.send(Method::POST, "/api/v1/tokens", &headers, body.to_string().into_bytes()).await;
    (answer.status.as_u16(), answer.json())
}

async fn limited(
    hub: &TestHub,
    client: &Client,
    name: &str,
    scope: &str,
    executors: Option<&[&str]>,
) -> Client {
    let (status, body) =
        create(client, json!({"name": name, "scope": scope, "executors": executors, "days": 1})).await;
    assert_eq!(status, 201, "{body}");
    hub.anonymous().with_token(body["secret"].as_str().unwrap())
}

#[tokio::test]
async fn a_token_is_made_listed_and_revoked() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let token = limited(&hub, &alice, "ci", "write", None).await;
    let list = alice.get("/api/v1/tokens").await.json();
    let made = &list["tokens"][0];
    assert_eq!((&made["name"], &made["scope"]), (&json!("ci"), &json!("write")));
    assert!(!list.to_string().contains("ehub_"), "no list shows the text of a token");
    assert_eq!(token.get("/api/v1/me").await.json()["scope"], "write");
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    let bob = hub.person("bob").await;
    assert_eq!(bob.send(Method::DELETE, &path, &[], Vec::new()).await.status, 404);
    assert_eq!(alice.send(Method::DELETE, &path, &[], Vec::new()).await.status, 204);
    assert_eq!(token.get("/api/v1/me").await.status, 401);
    assert_eq!(alice.send(Method::DELETE, &path, &[], Vec::new()).await.status, 404);
}

#[tokio::test]
async fn a_token_neither_widens_nor_prolongs_itself() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    for scope in ["read", "write"] {
        let token = limited(&hub, &alice, scope, scope, None).await;
        let (status, body) = create(&token, json!({"name": "more", "scope": "read", "days": 1})).await;
        assert_eq!((status, &body["code"]), (403, &json!("token_too_weak")));
        assert_eq!(token.get("/api/v1/tokens").await.status, 403);
        let old = token.rpc("user.pat.create", json!({"name": "more", "expirationDays": 1})).await;
        assert_eq!(old.status, 403, "nor on the surface of the old clients");
    }
    let (_, body) = create(&alice, json!({"name": "long", "scope": "admin", "days": 3650})).await;
    let own = alice.get("/api/v1/tokens").await.json();
    let first =
        own["tokens"].as_array().unwrap().iter().find(|token| token["name"] == "test").unwrap().clone();
    assert_eq!(
        body["token"]["expires_at"], first["expires_at"],
        "it ends with the token that it was made with"
    );
}

#[tokio::test]
async fn a_read_token_pulls_what_is_private_and_pushes_nothing() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[("private", "True")], &package("Mine")).await;
    let token = limited(&hub, &alice, "reader", "read", None).await;
    assert_eq!(token.get("/api/v1/executors/alice%2FMine").await.status, 200);
    assert_eq!(token.get("/api/v1/executors").await.json()["executors"][0]["name"], "Mine");
    assert_eq!(token.rpc("executor.getPackage", json!({"id": "alice/Mine"})).await.status, 200);
    let stored = hub.stored_files().len();
    for (method, fields) in [
        ("executor.push", vec![]),
        ("executor.push", vec![("id", "Mine")]),
        ("executor.create", vec![]),
        ("executor.update", vec![("id", "alice/Mine")]),
    ] {
        let answer = token.push(method, &fields, &package("Mine").with("more.txt", "x")).await;
        assert_eq!(answer.status, 403, "{method}");
    }
    assert_eq!(hub.count("commits").await, 1);
    assert_eq!(hub.stored_files().len(), stored, "nothing of a refused push is kept");
    let headers = [("content-type", "application/json")];
    let change = json!({"visibility": "public"}).to_string().into_bytes();
    let answer = token.send(Method::PATCH, "/api/v1/executors/alice%2FMine", &headers, change).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_token_for_one_executor_knows_of_no_other() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    for name in ["One", "Two"] {
        alice.push("executor.push", &[("private", "True")], &package(name)).await;
    }
    let token = limited(&hub, &alice, "ci", "write", Some(&["alice/One"])).await;
    assert_eq!(token.get("/api/v1/executors/alice%2FOne").await.status, 200);
    assert_eq!(token.get("/api/v1/executors/alice%2FTwo").await.status, 404);
    assert_eq!(token.rpc("executor.getPackage", json!({"id": "alice/Two"})).await.status, 404);
    let listed = token.get("/api/v1/executors").await.json();
    assert_eq!(listed["executors"].as_array().unwrap().len(), 1);
    let pushes = [("One", 200), ("Two", 403), ("New", 403)];
    for (name, status) in pushes {
        let answer = token.push("executor.push", &[], &package(name).with("more.txt", "x")).await;
        assert_eq!(answer.status, status, "{name}");
    }
    for (name, status) in pushes {
        let again = package(name).with("again.txt", "x");
        let answer = token.push("executor.push", &[("id", name)], &again).await;
        assert_eq!(answer.status, status, "{name}, by its name");
    }
    assert_eq!(hub.count("executors").await, 2);
    let (status, _) =
        create(&alice, json!({"name": "x", "scope": "admin", "executors": ["One"], "days": 1})).await;
    assert_eq!(status, 400, "the scope 'admin' is about more than Executors");
    let (status, _) = create(&alice, json!({"name": "y", "scope": "read", "executors": [], "days": 1})).await;
    assert_eq!(status, 400);
    let bob = hub.person("bob").await;
    let (status, _) =
        create(&bob, json!({"name": "z", "scope": "read", "executors": ["alice/One"], "days": 1})).await;
    assert_eq!(status, 404);
}
