//! `user.identity.passwordLogin`, and how guessing is slowed down.

use serde_json::{Value, json};

use super::{PASSWORD, person_with_password};
use crate::support::{
    client::{Answer, Client},
    hub::{TestHub, Wanted},
};

async fn sign_in(client: &Client, login: &str, password: &str) -> Answer {
    client.rpc("user.identity.passwordLogin", json!({"name": login, "password": password})).await
}

/// Moves every wait into the past, as if its time had gone by.
async fn wait_is_over(hub: &TestHub) {
    sqlx::query("UPDATE sign_in_attempts SET blocked_until = last_at - interval '1 second'")
        .execute(&hub.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_password_is_worth_a_session_token_that_expires() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "Alice").await;
    let answer = sign_in(&hub.anonymous(), "alice", PASSWORD).await.json();
    let token = answer["data"]["token"].as_str().unwrap();
    assert!(token.starts_with("ehub_s_"));
    let alice = hub.anonymous().with_token(token);
    let who = alice.rpc("user.identity.whoami", json!({})).await.json();
    assert_eq!(who["data"]["name"], "Alice");
    sqlx::query("UPDATE tokens SET expires_at = created_at").execute(&hub.pool).await.unwrap();
    assert_eq!(alice.rpc("user.identity.whoami", json!({})).await.status, 401);
}

#[tokio::test]
async fn nothing_kept_gives_a_password_or_token_away() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let answer = sign_in(&hub.anonymous(), "alice", PASSWORD).await.json();
    let token = answer["data"]["token"].as_str().unwrap();
    for table in ["users", "tokens", "sign_in_attempts"] {
        let query =
            sqlx::AssertSqlSafe(format!("SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t"));
        let text: String = sqlx::query_scalar(query).fetch_one(&hub.pool).await.unwrap();
        assert!(!text.contains(PASSWORD) && !text.contains(token), "{table}: {text}");
    }
}

#[tokio::test]
async fn everybody_who_cannot_sign_in_gets_the_same_answer() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    person_with_password(&hub, "gone").await;
    hub.person("tokens-only").await;
    hub.app.auth().disable_user("gone").await.unwrap();
    let mut answers = Vec::new();
    for (login, password) in [
        ("alice", "wrong password"),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("tokens-only", PASSWORD),
        ("a/b", PASSWORD),
    ] {
        let mut answer = sign_in(&hub.anonymous(), login, password).await;
        assert_eq!(answer.status, 401, "{login}");
        let mut body = answer.json();
        body["requestId"] = Value::Null;
        answer.headers.remove("x-request-id");
        answers.push(body);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn guessing_at_an_account_has_to_wait_and_even_the_right_password_with_it() {
    let hub = TestHub::start_with(Wanted { set: vec!["auth.sign_in_attempts=3"], ..Wanted::default() }).await;
    person_with_password(&hub, "alice").await;
    let client = hub.anonymous();
    for _ in 0..4 {
        assert_eq!(sign_in(&client, "alice", "a wrong guess").await.status, 401);
    }
    let refused = sign_in(&client, "ALICE", PASSWORD).await;
    assert_eq!(refused.status, 429);
    let body = refused.json();
    assert_eq!(body["status"], 40301, "a number that hubble.Client knows");
    assert!(body["readableMessage"].as_str().unwrap().contains("Try again in"), "{body}");
    wait_is_over(&hub).await;
    assert_eq!(sign_in(&client, "alice", PASSWORD).await.status, 200);
    // A good sign-in starts the count afresh.
    for _ in 0..3 {
        assert_eq!(sign_in(&client, "alice", "a wrong guess").await.status, 401);
    }
    assert_eq!(sign_in(&client, "alice", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn each_wait_is_twice_as_long_up_to_the_longest() {
    let set = vec!["auth.sign_in_attempts=1", "auth.sign_in_longest_wait=5s"];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    let mut waits = Vec::new();
    for _ in 0..5 {
        assert_eq!(sign_in(&hub.anonymous(), "nobody", "a wrong guess").await.status, 401);
        let wait: f64 = sqlx::query_scalar(
            "SELECT extract(epoch FROM blocked_until - last_at)::float8 FROM sign_in_attempts WHERE subject = 'login nobody'",
        )
        .fetch_one(&hub.pool)
        .await
        .unwrap();
        waits.push(wait);
        wait_is_over(&hub).await;
    }
    assert_eq!(waits, [0.0, 2.0, 4.0, 5.0, 5.0]);
}

#[tokio::test]
async fn one_address_cannot_try_many_accounts() {
    let set = vec!["auth.sign_in_attempts_per_address=4"];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    for n in 0..5 {
        assert_eq!(sign_in(&hub.anonymous(), &format!("user{n}"), "a wrong guess").await.status, 401);
    }
    assert_eq!(sign_in(&hub.anonymous(), "another", "a wrong guess").await.status, 429);
}

#[tokio::test]
async fn a_crowd_of_guesses_at_the_same_moment_is_no_way_around() {
    let hub = TestHub::start_with(Wanted { set: vec!["auth.sign_in_attempts=3"], ..Wanted::default() }).await;
    let client = hub.anonymous();
    let guesses = (0..20).map(|_| sign_in(&client, "alice", "a wrong guess"));
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    assert!((1..=4).contains(&looked_at), "{looked_at} guesses were looked at");
}

#[tokio::test]
async fn addresses_count_as_the_trusted_proxy_says_and_nobody_else() {
    let guess = async |hub: &TestHub, from: &str| {
        let body = json!({"name": "nobody", "password": "a wrong guess"}).to_string().into_bytes();
        let headers = [("content-type", "application/json"), ("x-forwarded-for", from)];
        let path = "/v2/rpc/user.identity.passwordLogin";
        hub.anonymous().send(http::Method::POST, path, &headers, body).await;
        let query =
            "SELECT subject FROM sign_in_attempts WHERE subject LIKE 'address%' ORDER BY last_at DESC";
        sqlx::query_scalar::<_, String>(query).fetch_one(&hub.pool).await.unwrap()
    };
    let proxied =
        TestHub::start_with(Wanted { set: vec!["server.trusted_proxies=127.0.0.1"], ..Wanted::default() })
            .await;
    assert_eq!(guess(&proxied, "203.0.113.9, 198.51.100.7").await, "address 198.51.100.7");
    let direct = TestHub::start().await;
    assert_eq!(guess(&direct, "198.51.100.7").await, "address 127.0.0.1");
}
