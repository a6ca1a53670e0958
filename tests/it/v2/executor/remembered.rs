//! Pulls that are answered from memory: never after a change, whoever made it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use executor_hub::{
    app::App,
    auth::Caller,
    domain::{Clock, SystemClock},
    hub::pull::{Pull, Pulled},
    inspect::PythonParser,
    store::Store,
};
use serde_json::json;

use crate::support::{hub::TestHub, package::package};

/// Time stands still: nothing is forgotten because it is old.
#[derive(Debug)]
struct Stopped(DateTime<Utc>);

impl Clock for Stopped {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// Another process over the same records, in all that matters here.
fn replica_of(hub: &TestHub) -> App {
    let store = Store::from_pool(hub.pool.clone());
    let clock = Arc::new(Stopped(SystemClock.now()));
    App::new(hub.app.settings().clone(), store, clock, PythonParser::InProcess).unwrap()
}

async fn pull(app: &App, name: &str) -> Option<Pulled> {
    let pull = Pull { reference: name.parse().unwrap(), tag: None, secret: None, platform: None };
    app.hub().pull(&Caller::Anonymous, &pull).await.ok()
}

/// Pulls until the answer is remembered, which it is once the replica listens. While the table is away, nothing else answers.
async fn until_remembered(hub: &TestHub, replica: &App, name: &str) {
    loop {
        pull(replica, name).await.unwrap();
        sqlx::query("ALTER TABLE tags RENAME TO tags_away").execute(&hub.pool).await.unwrap();
        let from_memory = pull(replica, name).await;
        sqlx::query("ALTER TABLE tags_away RENAME TO tags").execute(&hub.pool).await.unwrap();
        if from_memory.is_some() {
            return;
        }
    }
}

#[tokio::test]
async fn a_replica_forgets_what_another_process_has_changed() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[], &package("Hello")).await;
    let replica = replica_of(&hub);
    tokio::spawn(replica.clone().listen());
    until_remembered(&hub, &replica, "alice/Hello").await;
    let before = pull(&replica, "alice/Hello").await.unwrap();

    alice.push("executor.push", &[], &package("Hello").with("more.py", "x = 1")).await;
    let after = loop {
        let now = pull(&replica, "alice/Hello").await.unwrap();
        if now.commit.id != before.commit.id {
            break now;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(after.tags, ["latest"]);

    alice.push("executor.push", &[("private", "True")], &package("Hello")).await;
    while pull(&replica, "alice/Hello").await.is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_process_that_hears_nothing_remembers_nothing() {
    let hub = TestHub::start().await;
    hub.person("alice").await.push("executor.push", &[], &package("Hello")).await;
    let replica = replica_of(&hub);
    assert!(pull(&replica, "alice/Hello").await.is_some());
    sqlx::query("ALTER TABLE tags RENAME TO tags_away").execute(&hub.pool).await.unwrap();
    assert!(pull(&replica, "alice/Hello").await.is_none());
}

#[tokio::test]
async fn what_became_private_is_hidden_from_the_next_pull_on() {
    let hub = TestHub::start().await;
    let (alice, stranger) = (hub.person("alice").await, hub.anonymous());
    for round in 0..10 {
        let name = format!("Hello{round}");
        let question = || json!({"id": format!("alice/{name}")});
        alice.push("executor.push", &[("public", "True")], &package(&name)).await;
        for _ in 0..3 {
            assert_eq!(stranger.rpc("executor.getPackage", question()).await.status, 200);
        }
        let changed = package(&name).with("more.py", "x = 1");
        alice.push("executor.push", &[("private", "True")], &changed).await;
        assert_eq!(stranger.rpc("executor.getPackage", question()).await.status, 404);
        assert_eq!(alice.rpc("executor.getPackage", question()).await.status, 200);
    }
}
