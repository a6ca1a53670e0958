//! `user.session.*`: how sessions end.

use executor_hub::domain::Secret;
use serde_json::json;

use super::{PASSWORD, person_with_password};
use crate::support::{client::Client, hub::TestHub};

async fn signed_in(hub: &TestHub, login: &str) -> Client {
    person_with_password(hub, login).await;
    let sent = json!({"name": login, "password": PASSWORD});
    let answer = hub.anonymous().rpc("user.identity.passwordLogin", sent).await.json();
    hub.anonymous().with_token(answer["data"]["token"].as_str().unwrap())
}

async fn is_signed_in(client: &Client) -> bool {
    client.rpc("user.identity.whoami", json!({})).await.status == 200
}

#[tokio::test]
async fn signing_out_ends_this_session_and_no_other() {
    let hub = TestHub::start().await;
    let here = signed_in(&hub, "alice").await;
    let sent = json!({"name": "alice", "password": PASSWORD});
    let answer = hub.anonymous().rpc("user.identity.passwordLogin", sent).await.json();
    let there = hub.anonymous().with_token(answer["data"]["token"].as_str().unwrap());
    // As aiohttp sends it: no body, and a content type that says nothing.
    let headers = [("content-type", "application/octet-stream")];
    let path = "/v2/rpc/user.session.dismiss";
    let answer = here.send(http::Method::POST, path, &headers, Vec::new()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (200, &json!(200)));
    assert_eq!(answer.headers["content-type"], "application/json");
    assert!(!is_signed_in(&here).await && is_signed_in(&there).await);
    let again = here.send(http::Method::POST, path, &headers, Vec::new()).await;
    assert_eq!(again.json()["code"], 401);
    let never = hub.anonymous().with_token("None").send(http::Method::POST, path, &headers, Vec::new()).await;
    assert_eq!(never.json()["code"], 401);
}

#[tokio::test]
async fn signing_out_leaves_a_personal_token_good() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    assert_eq!(alice.rpc("user.session.dismiss", json!({})).await.json()["code"], 200);
    assert!(is_signed_in(&alice).await);
}

#[tokio::test]
async fn a_session_tells_what_it_is() {
    let hub = TestHub::start().await;
    let session = signed_in(&hub, "alice").await;
    let raw = session.rpc("user.session.getRaw", json!({})).await.json();
    assert_eq!((&raw["code"], &raw["data"]["type"]), (&json!(200), &json!("session")));
    let token = hub.person("bob").await;
    assert_eq!(token.rpc("user.session.getRaw", json!({})).await.json()["data"]["type"], "personal");
    assert_eq!(hub.anonymous().rpc("user.session.getRaw", json!({})).await.json()["status"], 40103);
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_and_leaves_tokens() {
    let hub = TestHub::start().await;
    let session = signed_in(&hub, "alice").await;
    let user = hub.app.auth().find_user("alice").await.unwrap();
    let token = hub.app.auth().issue_personal_token(user.id, "ci", Some(1)).await.unwrap();
    hub.app.auth().set_password(&user, &Secret::new("another horse entirely")).await.unwrap();
    assert!(!is_signed_in(&session).await);
    assert!(is_signed_in(&hub.anonymous().with_token(token.expose())).await);
}

#[tokio::test]
async fn a_disabled_person_is_out_at_once_and_their_tokens_for_good() {
    let hub = TestHub::start().await;
    let session = signed_in(&hub, "alice").await;
    let user = hub.app.auth().find_user("alice").await.unwrap();
    let token = hub.app.auth().issue_personal_token(user.id, "ci", None).await.unwrap();
    let token = hub.anonymous().with_token(token.expose());
    hub.app.auth().disable_user("ALICE").await.unwrap();
    assert!(!is_signed_in(&session).await && !is_signed_in(&token).await);
    hub.app.auth().enable_user("alice").await.unwrap();
    assert!(!is_signed_in(&session).await && !is_signed_in(&token).await);
    let sent = json!({"name": "alice", "password": PASSWORD});
    assert_eq!(hub.anonymous().rpc("user.identity.passwordLogin", sent).await.status, 200);
}

#[tokio::test]
async fn what_is_over_is_forgotten_and_nothing_else() {
    let hub = TestHub::start().await;
    let old = signed_in(&hub, "old").await;
    sqlx::query("UPDATE tokens SET expires_at = now() - interval '31 days'")
        .execute(&hub.pool)
        .await
        .unwrap();
    sqlx::query("UPDATE sign_in_attempts SET last_at = now() - interval '4 days'")
        .execute(&hub.pool)
        .await
        .unwrap();
    let fresh = signed_in(&hub, "fresh").await;
    let token = hub.person("scripted").await;
    hub.app.auth().start_device_sign_in("old", [127, 0, 0, 1].into()).await.unwrap();
    sqlx::query("UPDATE device_sign_ins SET expires_at = now() - interval '2 days'")
        .execute(&hub.pool)
        .await
        .unwrap();
    hub.app.auth().start_device_sign_in("fresh", [127, 0, 0, 1].into()).await.unwrap();
    hub.app.auth().forget_old().await.unwrap();
    assert!(!is_signed_in(&old).await && is_signed_in(&fresh).await && is_signed_in(&token).await);
    assert_eq!((hub.count("tokens").await, hub.count("device_sign_ins").await), (2, 1));
}
