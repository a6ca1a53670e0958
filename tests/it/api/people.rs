//! `/api/v1/people` and `/api/v1/me`: accounts, for admins; whoever asks, for everybody.

use executor_hub::domain::user::Role;
use http::Method;
use serde_json::{Value, json};

use crate::support::{client::Client, hub::TestHub};

async fn post(client: &Client, path: &str, body: Value) -> (u16, Value) {
    let headers = [("content-type", "application/json")];
    let answer = client.send(Method::POST, path, &headers, body.to_string().into_bytes()).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn admins_list_add_and_invite_people_and_others_do_not() {
    let hub = TestHub::start().await;
    let bob = hub.person("bob").await;
    let root = hub.app.auth().create_user("root", None, Role::Admin).await.unwrap();
    let token = hub.app.auth().issue_personal_token(root.id, "test", Some(1)).await.unwrap();
    let root = hub.anonymous().with_token(token.expose());
    let (status, invitation) = post(&root, "/api/v1/people", json!({"login": "carol"})).await;
    assert_eq!(status, 201);
    let link = invitation["link"].as_str().unwrap();
    assert_eq!(
        hub.anonymous().get(link).await.status,
        200,
        "the link leads to the page where carol chooses a password"
    );
    assert_eq!(post(&root, "/api/v1/people", json!({"login": "carol"})).await.0, 422);
    assert_eq!(post(&root, "/api/v1/people/carol/invitation", json!({})).await.0, 201);
    assert_eq!(hub.anonymous().get(link).await.status, 404, "the first invitation is over");
    assert_eq!(post(&root, "/api/v1/people/dave/invitation", json!({})).await.0, 404);
    let first = root.get("/api/v1/people?limit=2").await.json();
    let rest = format!("/api/v1/people?cursor={}", first["next_cursor"].as_str().unwrap());
    let rest = root.get(&rest).await.json();
    let logins = |page: &Value| {
        let people = page["people"].as_array().unwrap();
        people.iter().map(|person| person["login"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!([logins(&first), logins(&rest)].concat(), ["bob", "carol", "root"]);
    for (client, status) in [(&bob, 403), (&hub.anonymous(), 401)] {
        assert_eq!(client.get("/api/v1/people").await.status, status);
        assert_eq!(post(client, "/api/v1/people", json!({"login": "eve"})).await.0, status);
        assert_eq!(post(client, "/api/v1/people/carol/invitation", json!({})).await.0, status);
    }
}

#[tokio::test]
async fn everybody_is_told_who_they_are() {
    let hub = TestHub::start().await;
    let me = hub.person("bob").await.get("/api/v1/me").await.json();
    assert_eq!(
        (&me["login"], &me["is_admin"], &me["scope"]),
        (&json!("bob"), &json!(false), &json!("admin"))
    );
    assert_eq!(hub.anonymous().get("/api/v1/me").await.status, 401);
    assert_eq!(hub.anonymous().with_token("ehub_wrong").get("/api/v1/me").await.status, 401);
}
