//! `user.pat.*`.

use serde_json::{Value, json};

use crate::support::{client::Client, hub::TestHub};

async fn create(client: &Client, parameters: Value) -> Value {
    client.rpc("user.pat.create", parameters).await.json()
}

async fn names(client: &Client) -> Vec<String> {
    let body = client.rpc("user.pat.list", json!({})).await.json();
    let tokens = body["data"]["personal_access_tokens"].as_array().unwrap();
    tokens.iter().map(|token| token["name"].as_str().unwrap().to_owned()).collect()
}

/// How many days a token of this name lives.
async fn days(hub: &TestHub, name: &str) -> i64 {
    let query = "SELECT (extract(epoch FROM expires_at - created_at) / 86400)::int8 FROM tokens \
                 WHERE name = $1 AND revoked_at IS NULL";
    sqlx::query_scalar(query).bind(name).fetch_one(&hub.pool).await.unwrap()
}

#[tokio::test]
async fn a_token_is_made_listed_used_and_deleted() {
    let hub = TestHub::start().await;
    let alice = hub.session("alice").await;
    let made = create(&alice, json!({"name": "ci"})).await;
    let token = hub.anonymous().with_token(made["data"]["token"].as_str().unwrap());
    assert_eq!(token.rpc("user.identity.whoami", json!({})).await.json()["data"]["name"], "alice");
    assert_eq!((names(&alice).await, days(&hub, "ci").await), (vec!["ci".to_owned()], 30));
    let listed = alice.rpc("user.pat.list", json!({})).await.json();
    let listed = &listed["data"]["personal_access_tokens"][0];
    for field in ["_id", "name", "type", "createdAt", "expireAt", "updatedAt"] {
        assert!(listed[field].is_string(), "{field} of {listed}: the client's table breaks on anything else");
    }
    assert!(listed.get("token").is_none());
    // A token may delete itself.
    assert_eq!(token.rpc("user.pat.delete", json!({"name": "ci"})).await.json()["code"], 200);
    assert_eq!(token.rpc("user.identity.whoami", json!({})).await.status, 401);
    assert_eq!(names(&alice).await, Vec::<String>::new());
}

#[tokio::test]
async fn tokens_of_others_are_neither_seen_nor_deleted() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.session("alice").await, hub.session("bob").await);
    create(&alice, json!({"name": "ci"})).await;
    assert_eq!(names(&bob).await, Vec::<String>::new());
    let deleted = bob.rpc("user.pat.delete", json!({"name": "ci"})).await.json();
    assert_eq!(deleted["status"], 40403);
    assert_eq!(names(&alice).await, ["ci"]);
}

#[tokio::test]
async fn a_name_is_taken_until_its_token_is_deleted_or_expired() {
    let hub = TestHub::start().await;
    let alice = hub.session("alice").await;
    assert_eq!(create(&alice, json!({"name": "ci", "expirationDays": 7})).await["code"], 200);
    assert_eq!(days(&hub, "ci").await, 7);
    assert_eq!(create(&alice, json!({"name": "ci"})).await["status"], 42202);
    sqlx::query("UPDATE tokens SET expires_at = created_at WHERE name = 'ci'")
        .execute(&hub.pool)
        .await
        .unwrap();
    assert_eq!(names(&alice).await, Vec::<String>::new(), "an expired token is not shown");
    assert_eq!(create(&alice, json!({"name": "ci"})).await["code"], 200);
    assert_eq!(alice.rpc("user.pat.delete", json!({"name": "ci"})).await.json()["code"], 200);
    assert_eq!(create(&alice, json!({"name": "ci"})).await["code"], 200);
}

#[tokio::test]
async fn a_token_cannot_prolong_itself() {
    let hub = TestHub::start().await;
    let alice = hub.session("alice").await;
    let made = create(&alice, json!({"name": "short", "expirationDays": 3})).await;
    let token = hub.anonymous().with_token(made["data"]["token"].as_str().unwrap());
    // Its last hour.
    let last_hour = "UPDATE tokens SET expires_at = now() + interval '1 hour' WHERE name = 'short'";
    sqlx::query(last_hour).execute(&hub.pool).await.unwrap();
    assert_eq!(create(&token, json!({"name": "longer", "expirationDays": 3650})).await["code"], 200);
    let ends = "SELECT count(DISTINCT expires_at) FROM tokens WHERE kind = 'personal'";
    let ends: i64 = sqlx::query_scalar(ends).fetch_one(&hub.pool).await.unwrap();
    assert_eq!(ends, 1, "both end together");
}

#[tokio::test]
async fn bad_parameters_are_refused_by_a_number_that_the_client_knows() {
    let hub = TestHub::start().await;
    let alice = hub.session("alice").await;
    for bad in [
        json!({}),
        json!({"name": " "}),
        json!({"name": "a\nb"}),
        json!({"name": "x".repeat(201)}),
        json!({"name": "x", "expirationDays": 0}),
        json!({"name": "x", "expirationDays": -1}),
        json!({"name": "x", "expirationDays": 99999}),
        json!({"name": "x", "expirationDays": "soon"}),
    ] {
        assert_eq!(create(&alice, bad.clone()).await["status"], 40001, "{bad}");
    }
    for method in ["user.pat.create", "user.pat.list", "user.pat.delete"] {
        assert_eq!(
            hub.anonymous().rpc(method, json!({"name": "x"})).await.json()["status"],
            40103,
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_token_in_its_last_hours_cannot_make_one_that_lives_on() {
    let hub = TestHub::start().await;
    let alice = hub.session("alice").await;
    let made = create(&alice, json!({"name": "old"})).await;
    let old = hub.anonymous().with_token(made["data"]["token"].as_str().unwrap());
    let statement = "UPDATE tokens SET expires_at = now() + interval '1 hour' WHERE name = 'old'";
    sqlx::query(statement).execute(&hub.pool).await.unwrap();
    assert_eq!(create(&old, json!({"name": "new", "expirationDays": 30})).await["code"], 200);
    let query = "SELECT count(DISTINCT expires_at) FROM tokens WHERE name IN ('old', 'new')";
    let ends: i64 = sqlx::query_scalar(query).fetch_one(&hub.pool).await.unwrap();
    assert_eq!(ends, 1);
}
