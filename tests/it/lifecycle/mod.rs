//! What becomes of Executors after their push: tags that move and stay, deletion, bytes that go, limits.

mod collection;
mod deletion;
mod limits;
mod model;
mod races;
mod recognition;
mod tags;

use executor_hub::{
    auth::{Caller, Credentials},
    domain::{CommitId, Secret, Tag},
    hub::subject::Subject,
};
use serde_json::{Value, json};

use crate::support::{client::Client, hub::TestHub, package::Package};

/// Who a new person is to the use cases, and their client.
async fn person(hub: &TestHub, login: &str) -> (Caller, Client) {
    let user =
        hub.app.auth().create_user(login, None, executor_hub::domain::user::Role::Member).await.unwrap();
    let token = hub.app.auth().issue_personal_token(user.id, "test", None).await.unwrap();
    let caller = hub.app.auth().caller(&Credentials::Token(token.clone())).await.unwrap();
    (caller, hub.anonymous().with_token(token.expose()))
}

/// A new admin.
async fn admin(hub: &TestHub, login: &str) -> Caller {
    let user =
        hub.app.auth().create_user(login, None, executor_hub::domain::user::Role::Admin).await.unwrap();
    let token = hub.app.auth().issue_personal_token(user.id, "test", None).await.unwrap();
    hub.app.auth().caller(&Credentials::Token(token)).await.unwrap()
}

fn subject(reference: &str) -> Subject {
    Subject::from(reference.parse::<executor_hub::domain::ExecutorRef>().unwrap())
}

fn with_secret(reference: &str, secret: &str) -> Subject {
    Subject { secret: Some(Secret::new(secret)), ..subject(reference) }
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// Pushes and gives the last line.
async fn push(client: &Client, fields: &[(&str, &str)], package: &Package) -> Value {
    client.push("executor.push", fields, package).await.last_line()
}

/// Pushes what must work and gives the commit.
async fn pushed(client: &Client, fields: &[(&str, &str)], package: &Package) -> CommitId {
    let line = push(client, fields, package).await;
    assert_eq!(line["type"], "complete", "{line}");
    line["payload"]["commit"]["id"].as_str().unwrap().parse().unwrap()
}

/// The commit that a tag means to this client; `None` when there is none for them.
async fn pulled(client: &Client, reference: &str, tag: &str) -> Option<CommitId> {
    let answer = client.rpc("executor.getPackage", json!({"id": reference, "tag": tag})).await;
    if answer.status == 404 {
        return None;
    }
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    Some(answer.json()["data"]["commit"]["id"].as_str().unwrap().parse().unwrap())
}
