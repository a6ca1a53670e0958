//! Is what is hidden answered after the same work as what never was? The statements that the database is asked, in their order,
//! and the secrets that are hashed are counted; no clock is looked at.

use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::json;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
};

use super::{hub_with, person};
use crate::support::{
    client::Client,
    package::{md5, package},
};

/// What was done, in words that are the same whatever it was done to.
#[derive(Clone, Default)]
struct Work(Arc<Mutex<Vec<String>>>);

impl Work {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<S: Subscriber> Layer<S> for Work {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        match event.metadata().target() {
            "sqlx::query" => {
                let mut statement = Statement::default();
                event.record(&mut statement);
                // That a token is used is noted once a minute, whatever is asked for.
                if !statement.0.contains("SET last_used_at") {
                    self.0.lock().unwrap().push(statement.0);
                }
            }
            "executor_hub::auth::passwords" => self.0.lock().unwrap().push(HASHED.into()),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Statement(String);

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        if matches!(field.name(), "summary" | "db.statement") {
            self.0.push_str(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Method, path, headers and body.
type Request = (Method, String, Vec<(&'static str, &'static str)>, Vec<u8>);
/// A way to ask for an Executor by its name.
type Ask = (&'static str, fn(&str) -> Request);

const HASHED: &str = "a secret is hashed";
const SECRET: (&str, &str) = ("x-executor-secret", "not-the-secret");
const NO_TASK: &str = "0193c0de000070008000000000000000";
const JSON: (&str, &str) = ("content-type", "application/json");

fn api(method: Method, name: &str, rest: &str) -> Request {
    (method, format!("/api/v1/executors/alice%2F{name}{rest}"), vec![SECRET, JSON], b"{}".to_vec())
}

fn rpc(method: &str, name: &str) -> Request {
    let body = json!({"id": format!("alice/{name}"), "secret": SECRET.1}).to_string().into_bytes();
    (Method::POST, format!("/v2/rpc/{method}"), vec![JSON], body)
}

const WAYS: &[Ask] = &[
    ("show", |name| api(Method::GET, name, "")),
    ("commits", |name| api(Method::GET, name, "/commits")),
    ("tags", |name| api(Method::GET, name, "/tags")),
    ("history", |name| api(Method::GET, name, "/tag-history")),
    ("tasks", |name| api(Method::GET, name, "/tasks")),
    ("deleted", |name| api(Method::GET, name, "/deleted")),
    ("access", |name| api(Method::GET, name, "/access")),
    ("delete", |name| api(Method::DELETE, name, "")),
    ("rotate", |name| api(Method::POST, name, "/secret")),
    ("pull", |name| rpc("executor.getPackage", name)),
    ("meta", |name| rpc("executor.getMeta", name)),
    ("task", |id| (Method::GET, format!("/api/v1/tasks/{id}"), vec![SECRET], vec![])),
    ("v1", |name| (Method::GET, format!("/v1/executors/alice%2F{name}?secret={}", SECRET.1), vec![], vec![])),
];

/// The work that a request makes.
async fn work_of(client: &Client, seen: &Work, way: &Ask, name: &str) -> (u16, Vec<String>) {
    seen.take();
    let (method, path, headers, body) = way.1(name);
    let answer = client.send(method, &path, &headers, body).await;
    (answer.status.as_u16(), seen.take())
}

/// On one thread, so that whatever the request causes is seen by this thread's subscriber.
#[tokio::test(flavor = "current_thread")]
async fn what_is_hidden_costs_the_same_statements_and_hashes_as_what_never_was() {
    let set = ["auth.secret_attempts=60000", "auth.secret_attempts_per_address=60000"];
    let hub = hub_with(&set).await;
    let (alice, _) = person(&hub, "alice").await;
    let fields = [("private", "True"), ("secret", "open-sesame")];
    alice.push("executor.create", &fields, &package("Hidden")).await;
    let (bob, _) = person(&hub, "bob").await;
    let tasks = alice.get("/api/v1/executors/alice%2FHidden/tasks").await.json();
    let task = tasks["tasks"][0]["id"].as_str().unwrap();
    let seen = Work::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(seen.clone()));
    let mut wrong = Vec::new();
    for (who, client) in [("nobody", hub.anonymous()), ("a stranger", bob)] {
        // What is done for the first request of somebody only.
        client.get("/api/v1/executors").await;
        for way in WAYS {
            let (one, none) = if way.0 == "task" { (task, NO_TASK) } else { ("Hidden", "Absent") };
            let hidden = work_of(&client, &seen, way, one).await;
            let absent = work_of(&client, &seen, way, none).await;
            let hashes = hidden.1.iter().filter(|what| *what == HASHED).count();
            if hidden != absent || hashes == 0 || hidden.1.len() < 2 {
                wrong.push(format!("{who} {}: {hashes} hashes, {hidden:#?} but {absent:#?}", way.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let zip = package("Pushed").zip();
    let digest = md5(&zip);
    let mut pushes = Vec::new();
    for name in ["alice/Hidden", "alice/Absent"] {
        seen.take();
        let fields = [("id", name), ("secret", SECRET.1), ("md5sum", digest.as_str())];
        let path = "/v2/rpc/executor.update";
        let answer = hub.anonymous().push_to(Method::POST, path, &fields, &zip).await;
        pushes.push((answer.status.as_u16(), seen.take()));
    }
    assert_eq!(pushes[0], pushes[1], "a push");
}
