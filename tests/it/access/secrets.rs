//! Secrets: rotated at once, slow to guess, and no way to find out what exists.

use executor_hub::auth::Caller;
use executor_hub::domain::Secret;
use http::Method;
use serde_json::{Value, json};

use super::{hub, hub_with, person, subject, with_secret};
use crate::support::{client::Client, package::package};

async fn pull(client: &Client, id: &str, secret: &str) -> Value {
    let mut answer = client.rpc("executor.getPackage", json!({"id": id, "secret": secret})).await.json();
    answer["requestId"] = json!(null);
    answer
}

#[tokio::test]
async fn a_rotated_secret_is_dead_at_once_though_it_was_just_used() {
    let hub = hub().await;
    let stranger = hub.anonymous();
    let fields = [("private", "True"), ("secret", "first-secret")];
    stranger.push("executor.create", &fields, &package("Hidden")).await;
    for _ in 0..3 {
        assert_eq!(pull(&stranger, "Hidden", "first-secret").await["code"], 200, "known by now");
    }
    let use_cases = hub.app.hub();
    let by_secret = with_secret("Hidden", "first-secret");
    let made = use_cases.rotate_secret(&Caller::Anonymous, &by_secret, None).await.unwrap();
    assert_eq!(pull(&stranger, "Hidden", "first-secret").await["code"], 404);
    assert_eq!(pull(&stranger, "Hidden", made.expose()).await["code"], 200);
    let again = use_cases.rotate_secret(&Caller::Anonymous, &by_secret, None).await;
    assert_eq!(again.unwrap_err().code, "executor_not_found");
}

#[tokio::test]
async fn a_secret_that_fitted_a_moment_ago_is_neither_counted_nor_hashed_again() {
    let hub = hub().await;
    let stranger = hub.anonymous();
    let fields = [("private", "True"), ("secret", "the-right-one")];
    stranger.push("executor.create", &fields, &package("Hidden")).await;
    assert_eq!(pull(&stranger, "Hidden", "the-right-one").await["code"], 200);
    // Without its rows nothing can be counted, and only what is counted is hashed.
    sqlx::query("DROP TABLE sign_in_attempts").execute(&hub.pool).await.unwrap();
    assert_eq!(pull(&stranger, "Hidden", "the-right-one").await["code"], 200);
    assert_eq!(pull(&stranger, "Hidden", "another-one").await["code"], 500);
}

#[tokio::test]
async fn the_secret_of_an_owned_executor_is_rotated_by_its_owner_alone() {
    let hub = hub().await;
    let (alice, owner) = person(&hub, "alice").await;
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    let use_cases = hub.app.hub();
    let chosen = Some(Secret::new("open-sesame"));
    use_cases.rotate_secret(&owner, &subject("alice/Hidden"), chosen).await.unwrap();
    assert_eq!(pull(&hub.anonymous(), "alice/Hidden", "open-sesame").await["code"], 200);
    let by_secret = with_secret("alice/Hidden", "open-sesame");
    let refused = use_cases.rotate_secret(&Caller::Anonymous, &by_secret, None).await;
    assert_eq!(refused.unwrap_err().code, "change_not_allowed");
    let short = use_cases.rotate_secret(&owner, &subject("alice/Hidden"), Some(Secret::new("short"))).await;
    assert_eq!(short.unwrap_err().code, "secret_too_short");
}

#[tokio::test]
async fn a_short_secret_cannot_be_chosen_but_an_old_one_stays_good() {
    let hub = hub().await;
    let stranger = hub.anonymous();
    let refused = stranger.push("executor.create", &[("secret", "short")], &package("Hello")).await;
    let line = refused.last_line();
    assert_eq!((refused.status.as_u16(), &line["errorCode"]), (400, &json!("secret_too_short")));
    assert!(line["message"].as_str().unwrap().contains("at least 8"), "{line}");
    assert_eq!(hub.count("executors").await, 0);

    stranger.push("executor.create", &[("secret", "long-enough")], &package("Hello")).await;
    let short = executor_hub::auth::passwords::hash(&Secret::new("old")).await.unwrap();
    sqlx::query("UPDATE executors SET secret_hash = $1").bind(short).execute(&hub.pool).await.unwrap();
    let changed = package("Hello").with("README.md", "2");
    let update = stranger.push("executor.update", &[("id", "Hello"), ("secret", "old")], &changed).await;
    assert_eq!(update.status, 200);
}

/// As after many tries: the next one is made, and a minute's wait begins.
async fn tried_often(hub: &crate::support::hub::TestHub) {
    let changed = sqlx::query("UPDATE sign_in_attempts SET attempts = 100").execute(&hub.pool).await.unwrap();
    assert!(changed.rows_affected() > 0, "tries are counted");
}

#[tokio::test]
async fn guessing_is_held_back_in_the_same_words_whether_there_is_something_or_not() {
    let hub = hub_with(&["auth.secret_attempts=5", "auth.secret_attempts_per_address=1000"]).await;
    let stranger = hub.anonymous();
    let fields = [("private", "True"), ("secret", "the-right-one")];
    stranger.push("executor.create", &fields, &package("Hidden")).await;
    let mut codes = Vec::new();
    for n in 0..4 {
        let guess = format!("guess-number-{n}");
        let real = pull(&stranger, "Hidden", &guess).await;
        let none = pull(&stranger, "Absent", &guess).await;
        assert_eq!(real["code"], none["code"], "try {n}");
        assert_eq!(real["errorCode"], none["errorCode"], "try {n}");
        codes.push(real["code"].as_i64().unwrap());
        if n == 1 {
            tried_often(&hub).await;
        }
    }
    assert_eq!(codes, [404, 404, 404, 429]);
    let limited = pull(&stranger, "Hidden", "one-more").await;
    assert_eq!(limited["status"], 40301, "a number that the SDK knows");
    assert!(limited["readableMessage"].as_str().unwrap().contains("Try again in"), "{limited}");
    assert_eq!(pull(&stranger, "Hidden", "the-right-one").await["code"], 429, "nobody guesses on");
    let elsewhere = pull(&stranger, "Other", "guess-number-0").await;
    assert_eq!(elsewhere["code"], 404, "other items are not concerned");
}

#[tokio::test]
async fn whoever_used_the_right_secret_lately_is_not_stopped_by_guesses_of_others() {
    let hub = hub_with(&["auth.secret_attempts=5", "auth.secret_attempts_per_address=1000"]).await;
    let stranger = hub.anonymous();
    let fields = [("private", "True"), ("secret", "the-right-one")];
    stranger.push("executor.create", &fields, &package("Hidden")).await;
    assert_eq!(pull(&stranger, "Hidden", "a-guess").await["code"], 404);
    assert_eq!(pull(&stranger, "Hidden", "the-right-one").await["code"], 200);
    tried_often(&hub).await;
    pull(&stranger, "Hidden", "another-guess").await;
    assert_eq!(pull(&stranger, "Hidden", "a-new-guess").await["code"], 429);
    assert_eq!(pull(&stranger, "Hidden", "the-right-one").await["code"], 200);
}

#[tokio::test]
async fn one_address_cannot_guess_at_many_items_for_long() {
    let hub = hub_with(&["auth.secret_attempts=1000", "auth.secret_attempts_per_address=5"]).await;
    let stranger = hub.anonymous();
    let mut codes = Vec::new();
    for n in 0..4 {
        codes.push(pull(&stranger, &format!("alice/Item{n}"), "a-guess").await["code"].as_i64().unwrap());
        if n == 1 {
            tried_often(&hub).await;
        }
    }
    // A pull looks in two places, and that is two tries.
    assert_eq!(codes, [404, 404, 429, 429]);
}

#[tokio::test]
async fn whoever_knows_the_secret_reads_every_list_of_the_api_with_it() {
    let hub = hub().await;
    let (alice, _) = person(&hub, "alice").await;
    let fields = [("private", "True"), ("secret", "open-sesame")];
    alice.push("executor.create", &fields, &package("Hidden")).await;
    let one = "/api/v1/executors/alice%2FHidden";
    let commits = alice.get(&format!("{one}/commits")).await.json();
    let commit = commits["commits"][0]["id"].as_str().unwrap();
    let stranger = hub.anonymous();
    for rest in ["", "/commits", &format!("/commits/{commit}"), "/tags", "/tasks"] {
        let path = format!("{one}{rest}");
        let with = async |secret| {
            let headers = [("x-executor-secret", secret)];
            stranger.send(Method::GET, &path, &headers, Vec::new()).await
        };
        assert_eq!(with("wrong-sesame").await.status, 404, "{path}");
        let read = with("open-sesame").await;
        assert_eq!(read.json(), alice.get(&path).await.json(), "{path}");
    }
}

#[tokio::test]
async fn every_surface_says_when_a_secret_may_be_tried_again() {
    let hub = hub_with(&["auth.secret_attempts=5", "auth.secret_attempts_per_address=1000"]).await;
    let stranger = hub.anonymous();
    let header = [("x-executor-secret", "a-guess")];
    let body = |secret: &str| json!({"id": "alice/Absent", "secret": secret}).to_string().into_bytes();
    let json_body = [("content-type", "application/json")];
    let ask = async |n: u32| {
        let secret = format!("guess-{n}");
        let absent = "/v1/executors/alice%2FAbsent";
        let fields = [("id", "alice/Absent"), ("secret", secret.as_str())];
        let old = [("force", "alice/Absent"), ("secret", secret.as_str())];
        let (zip, put) = (package("Absent").zip(), Method::PUT);
        let md5 = crate::support::package::md5(&zip);
        let old: Vec<(&str, &str)> = old.into_iter().chain([("md5sum", md5.as_str())]).collect();
        [
            stranger.send(Method::POST, "/v2/rpc/executor.getPackage", &json_body, body(&secret)).await,
            stranger.push("executor.update", &fields, &package("Absent")).await,
            stranger.get(&format!("{absent}?secret={secret}")).await,
            stranger.push_to(put, "/v1/executors", &old, &zip).await,
            stranger.send(Method::GET, "/api/v1/executors/alice%2FAbsent", &header, Vec::new()).await,
            stranger.send(Method::GET, "/api/v1/executors/alice%2FAbsent/tags", &header, Vec::new()).await,
        ]
    };
    ask(1).await;
    tried_often(&hub).await;
    ask(2).await;
    for (n, answer) in ask(3).await.into_iter().enumerate() {
        assert_eq!(answer.status, 429, "{n}: {}", String::from_utf8_lossy(&answer.body));
        let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait), "{n}: {wait}");
    }
}
