//! Teams, grants, secrets and the audit log, as scripts use them.

use executor_hub::domain::user::Role;
use http::Method;
use serde_json::{Value, json};

use super::{hub, person, with_role};
use crate::support::{
    client::{Answer, Client},
    package::package,
};

async fn send(client: &Client, method: Method, path: &str, body: Value) -> Answer {
    client.send(method, path, &[("content-type", "application/json")], body.to_string().into_bytes()).await
}

#[tokio::test]
async fn an_owner_lets_a_team_in_and_out_by_the_api() {
    let hub = hub().await;
    let (alice, _) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    let made = send(&alice, Method::POST, "/api/v1/teams", json!({"name": "vision"})).await;
    assert_eq!((made.status.as_u16(), &made.json()["name"]), (201, &json!("vision")));
    let member = "/api/v1/teams/vision/members/bob";
    assert_eq!(send(&alice, Method::PUT, member, json!({"role": "member"})).await.status, 204);
    let team = bob.get("/api/v1/teams/Vision").await.json();
    assert_eq!(team["members"][0]["login"], "alice");
    assert_eq!(
        (&team["members"][1]["login"], &team["members"][1]["role"]),
        (&json!("bob"), &json!("member"))
    );
    assert_eq!(bob.get("/api/v1/teams").await.json()["teams"][0]["name"], "vision");

    let access = "/api/v1/executors/alice%2FHidden/access";
    let to = format!("{access}/teams/vision");
    assert_eq!(send(&alice, Method::PUT, &to, json!({"level": "read"})).await.status, 204);
    let grants = alice.get(access).await.json();
    assert_eq!(
        (&grants["grants"][0]["team"], &grants["grants"][0]["level"]),
        (&json!("vision"), &json!("read"))
    );
    let pull = async || bob.rpc("executor.getPackage", json!({"id": "alice/Hidden"})).await.status.as_u16();
    assert_eq!(pull().await, 200);
    assert_eq!(bob.get(access).await.status, 403);
    assert_eq!(send(&alice, Method::DELETE, member, json!(null)).await.status, 204);
    assert_eq!((pull().await, bob.get(access).await.status.as_u16()), (404, 404));
    let person = format!("{access}/people/bob");
    assert_eq!(send(&alice, Method::PUT, &person, json!({"level": "admin"})).await.status, 204);
    assert_eq!((pull().await, bob.get(access).await.status.as_u16()), (200, 200));
    assert_eq!(send(&bob, Method::DELETE, &to, json!(null)).await.status, 204);
    assert_eq!(send(&alice, Method::DELETE, &person, json!(null)).await.status, 204);
    assert_eq!(pull().await, 404);
    let renamed = send(&alice, Method::PATCH, "/api/v1/teams/vision", json!({"name": "sight"})).await;
    assert_eq!(renamed.json()["name"], "sight");
    assert_eq!(send(&alice, Method::DELETE, "/api/v1/teams/sight", json!(null)).await.status, 204);
    assert_eq!(alice.get("/api/v1/teams/sight").await.status, 404);
}

#[tokio::test]
async fn a_secret_is_rotated_by_the_api_and_shown_once() {
    let hub = hub().await;
    let stranger = hub.anonymous();
    let fields = [("private", "True"), ("secret", "first-secret")];
    stranger.push("executor.create", &fields, &package("Hidden")).await;
    let rotate = async |secret: &str, body: Value| {
        let headers = [("content-type", "application/json"), ("x-executor-secret", secret)];
        let path = "/api/v1/executors/Hidden/secret";
        stranger.send(Method::POST, path, &headers, body.to_string().into_bytes()).await
    };
    let made = rotate("first-secret", json!({})).await;
    assert_eq!(made.status, 200);
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(rotate("first-secret", json!({})).await.status, 404);
    assert_eq!(rotate(&secret, json!({"secret": "short"})).await.json()["code"], "secret_too_short");
    assert_eq!(rotate(&secret, json!({"secret": "chosen-by-me"})).await.json()["secret"], "chosen-by-me");
}

#[tokio::test]
async fn nonsense_and_cookies_change_nothing() {
    let hub = hub().await;
    let (alice, _) = person(&hub, "alice").await;
    alice.push("executor.push", &[], &package("Hello")).await;
    for (path, body, status) in [
        ("/api/v1/executors/Hello/access/people/alice", json!({"level": "read"}), 400),
        ("/api/v1/executors/Hello/access/people/nobody", json!({"level": "read"}), 404),
        ("/api/v1/executors/Hello/access/people/a%2Fb", json!({"level": "read"}), 404),
        ("/api/v1/executors/Hello/access/teams/none", json!({"level": "read"}), 404),
        ("/api/v1/executors/Hello/access/people/nobody", json!({"level": "owner"}), 400),
        ("/api/v1/executors/Hello/access/people/nobody", json!({"level": "read", "admin": true}), 400),
    ] {
        let answer = send(&alice, Method::PUT, path, body).await;
        assert_eq!(answer.status, status, "{path}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
    }
    assert_eq!(hub.count("executor_grants").await, 0);
    let session = hub.app.auth().find_user("alice").await.unwrap();
    let session = hub.app.auth().open_session(session.id, "browser").await.unwrap();
    let cookie = format!("st={}", session.expose());
    let headers = [("content-type", "application/json"), ("cookie", cookie.as_str())];
    let body = json!({"name": "vision"}).to_string().into_bytes();
    let made = hub.anonymous().send(Method::POST, "/api/v1/teams", &headers, body).await;
    assert_eq!((made.status.as_u16(), &made.json()["code"]), (401, &json!("token_required")));
    assert_eq!(hub.count("teams").await, 0);
}

#[tokio::test]
async fn the_audit_log_is_for_admins_of_the_hub() {
    let hub = hub().await;
    let (alice, _) = person(&hub, "alice").await;
    let (root, _) = with_role(&hub, "root", Role::Admin).await;
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    assert_eq!(hub.anonymous().get("/api/v1/audit").await.status, 401);
    assert_eq!(alice.get("/api/v1/audit").await.status, 403);
    let page = root.get("/api/v1/audit?actor=alice&limit=1").await.json();
    assert_eq!(page["entries"][0]["action"], "executor.push");
    assert_eq!(page["entries"][0]["subject"], "alice/Hidden");
    assert_eq!(page["next_cursor"], json!(null));
}
