//! Deletion: gone at once everywhere, back within the window, gone for good after it; protected tags keep their commits.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use executor_hub::{auth::Caller, domain::clock::FixedClock};
use serde_json::json;

use super::{admin, person, pulled, push, pushed, subject, tag, with_secret};
use crate::support::{
    engine::Script,
    hub::{TestHub, Wanted},
    package::{Package, package},
};

fn version(n: u32) -> Package {
    package("Hello").with("README.md", &format!("# Version {n}\n"))
}

async fn timed() -> (TestHub, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
    let wanted = Wanted { set: vec!["builds.mode=off"], clock: Some(clock.clone()), ..Wanted::default() };
    (TestHub::start_with(wanted).await, clock)
}

#[tokio::test]
async fn a_deleted_executor_is_missing_on_every_surface_at_once() {
    let hub = TestHub::start().await;
    let (alice, client) = person(&hub, "alice").await;
    let fields = [("tags", "v1,latest")];
    let started = client.push("executor.createAsync", &fields, &version(1)).await.json();
    let task = started["data"]["_id"].as_str().unwrap().to_owned();
    let follow = json!({"id": task, "replay": true});
    assert_eq!(client.rpc("executor.queryProgress", follow.clone()).await.status, 200);
    let id = pulled_id(&hub, "alice/Hello").await;
    hub.app.hub().delete_executor(&alice, &subject("Hello")).await.unwrap();
    let never = "alice/Nothing";
    for name in ["Hello", "alice/Hello", id.as_str()] {
        for who in [client.clone(), hub.anonymous()] {
            let gone = who.rpc("executor.getPackage", json!({"id": name, "tag": "v1"})).await;
            let missing = who.rpc("executor.getPackage", json!({"id": never, "tag": "v1"})).await;
            assert_eq!(gone.status, missing.status, "{name}");
            let words = |answer: &crate::support::client::Answer, name: &str| {
                answer.json()["message"].as_str().unwrap().replace(name, "NAME")
            };
            assert_eq!(words(&gone, name), words(&missing, never));
            assert_eq!(who.rpc("executor.getMeta", json!({"id": name})).await.status, 404, "{name}");
        }
        assert_eq!(
            client.get(&format!("/v1/executors/{}/", name.rsplit('/').next().unwrap())).await.status,
            404
        );
    }
    let listed = client.get("/api/v1/executors").await.json();
    assert_eq!(listed["executors"], json!([]));
    let rpc = client.rpc("executor.list", json!({})).await.json();
    assert!(!rpc.to_string().contains(&id), "{rpc}");
    let told = client.rpc("executor.queryProgress", follow).await;
    assert!(String::from_utf8_lossy(&told.body).contains("No such build task"), "{told:?}");
    assert_eq!(push(&client, &[("id", "Hello")], &version(2)).await["errorCode"], "name_reserved");
    let update = client.push("executor.update", &[("id", &id)], &version(2)).await.last_line();
    assert_eq!(update["errorCode"], "executor_not_found");
}

async fn pulled_id(hub: &TestHub, name: &str) -> String {
    let answer = hub.anonymous().rpc("executor.getPackage", json!({"id": name})).await.json();
    answer["data"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn within_the_window_everything_comes_back_and_after_it_the_name_is_free() {
    let (hub, clock) = timed().await;
    let (alice, client) = person(&hub, "alice").await;
    let first = pushed(&client, &[("tags", "latest"), ("immutableTags", "v1")], &version(1)).await;
    let id = pulled_id(&hub, "Hello").await;
    hub.app.hub().delete_executor(&alice, &subject("Hello")).await.unwrap();
    // Nobody else gets the bare name meanwhile.
    let (_, bob) = person(&hub, "bob").await;
    pushed(&bob, &[], &version(9)).await;
    assert_eq!(pulled(&hub.anonymous(), "Hello", "latest").await, None);
    clock.advance(TimeDelta::days(6));
    hub.app.hub().purge_deleted().await.unwrap();
    let listed = hub.app.hub().deleted_executors(&alice).await.unwrap();
    let listed: Vec<&str> = listed.iter().map(|d| d.executor.id.as_str()).collect();
    assert_eq!(listed, [id.as_str()]);
    hub.app.hub().undelete_executor(&alice, &subject("Hello")).await.unwrap();
    assert_eq!(pulled(&hub.anonymous(), "Hello", "v1").await, Some(first), "the bare name is its again");
    assert_eq!(push(&client, &[("tags", "v1")], &version(2)).await["errorCode"], "tag_protected");
    hub.app.hub().delete_executor(&alice, &subject(&id)).await.unwrap();
    clock.advance(TimeDelta::days(7));
    let late = hub.app.hub().undelete_executor(&alice, &subject(&id)).await.unwrap_err();
    assert_eq!(late.code, "nothing_to_undelete");
    assert_eq!(hub.app.hub().purge_deleted().await.unwrap().executors, 1);
    let line = push(&client, &[], &version(1)).await;
    assert_eq!(line["type"], "complete", "{line}");
    assert_ne!(line["payload"]["id"], json!(id), "ids are never reused");
    let retired: i64 = sqlx::query_scalar("SELECT count(*) FROM retired_executor_ids WHERE id = $1")
        .bind(&id)
        .fetch_one(&hub.pool)
        .await
        .unwrap();
    assert_eq!(retired, 1);
}

#[tokio::test]
async fn only_owners_admins_and_holders_of_an_anonymous_ones_secret_delete() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    let (alice, client) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    let root = admin(&hub, "root").await;
    let secret = [("secret", "a-secret-of-hers")];
    client.push("executor.create", &secret, &version(1)).await;
    pushed(&client, &[("private", "True")], &package("Hidden")).await;
    let line = hub.anonymous().push("executor.create", &[], &package("Loose")).await.last_line();
    let loose = line["payload"]["secret"].as_str().unwrap().to_owned();
    let use_cases = hub.app.hub();
    let code = async |caller: &Caller, subject| {
        use_cases.delete_executor(caller, &subject).await.err().map(|e| e.code)
    };
    assert_eq!(code(&bob, subject("alice/Hello")).await, Some("change_not_allowed"));
    assert_eq!(code(&bob, subject("alice/Hidden")).await, Some("executor_not_found"));
    let with = with_secret("alice/Hello", "a-secret-of-hers");
    assert_eq!(code(&bob, with).await, Some("change_not_allowed"), "a shared secret takes nothing away");
    assert_eq!(code(&alice, subject("Loose")).await, Some("change_not_allowed"));
    assert_eq!(code(&Caller::Anonymous, with_secret("Loose", &loose)).await, None);
    assert_eq!(code(&root, subject("alice/Hidden")).await, None);
    let back = use_cases.undelete_executor(&bob, &subject("alice/Hidden")).await.unwrap_err();
    assert_eq!(back.code, "nothing_to_undelete");
    let back = use_cases.undelete_executor(&Caller::Anonymous, &subject("Loose")).await.unwrap_err();
    assert_eq!(back.code, "nothing_to_undelete");
    use_cases.undelete_executor(&Caller::Anonymous, &with_secret("Loose", &loose)).await.unwrap();
    use_cases.undelete_executor(&alice, &subject("Hidden")).await.unwrap();
    assert!(pulled(&client, "Hidden", "latest").await.is_some());
}

#[tokio::test]
async fn a_commit_goes_with_its_plain_tags_and_comes_back_with_them() {
    let (hub, clock) = timed().await;
    let (alice, client) = person(&hub, "alice").await;
    let hello = subject("Hello");
    let first = pushed(&client, &[("tags", "a,latest")], &version(1)).await;
    let second = pushed(&client, &[("tags", "latest"), ("immutableTags", "v2")], &version(2)).await;
    let use_cases = hub.app.hub();
    let error = use_cases.delete_commit(&alice, &hello, second).await.unwrap_err();
    assert_eq!(error.code, "tag_protected", "what a protected tag holds is not deleted alone");
    assert_eq!(pulled(&client, "Hello", "latest").await, Some(second), "and nothing of it happened");
    use_cases.delete_commit(&alice, &hello, first).await.unwrap();
    assert_eq!(pulled(&client, "Hello", "a").await, None);
    assert_eq!(
        use_cases.move_tag(&alice, &hello, &tag("b"), first).await.unwrap_err().code,
        "commit_not_found"
    );
    assert_eq!(use_cases.delete_commit(&alice, &hello, first).await.unwrap_err().code, "commit_not_found");
    use_cases.undelete_commit(&alice, &hello, first).await.unwrap();
    assert_eq!(pulled(&client, "Hello", "a").await, Some(first));
    assert_eq!(pulled(&client, "Hello", "latest").await, Some(second));
    use_cases.delete_commit(&alice, &hello, first).await.unwrap();
    // The same bytes again are a new commit: what is deleted is not there.
    let third = pushed(&client, &[("tags", "a")], &version(1)).await;
    assert_ne!(third, first);
    use_cases.undelete_commit(&alice, &hello, first).await.unwrap();
    assert_eq!(pulled(&client, "Hello", "a").await, Some(third), "a tag made anew stays");
    use_cases.delete_commit(&alice, &hello, first).await.unwrap();
    clock.advance(TimeDelta::days(8));
    assert_eq!(
        use_cases.undelete_commit(&alice, &hello, first).await.unwrap_err().code,
        "nothing_to_undelete"
    );
    assert_eq!(use_cases.purge_deleted().await.unwrap().commits, 1);
    assert_eq!(hub.count("commits").await, 2);
}

#[tokio::test]
async fn the_database_deletes_no_commit_under_a_tag_and_sets_no_tag_to_a_deleted_one() {
    let (hub, _) = timed().await;
    let (alice, client) = person(&hub, "alice").await;
    let first = pushed(&client, &[("immutableTags", "v1")], &version(1)).await;
    let second = pushed(&client, &[("tags", "b")], &version(2)).await;
    let delete = "UPDATE commits SET deleted_at = now(), purge_at = now() WHERE id = $1";
    let error = sqlx::query(delete).bind(first.0).execute(&hub.pool).await.unwrap_err();
    assert!(error.to_string().contains("a tag points at"), "{error}");
    hub.app.hub().delete_commit(&alice, &subject("Hello"), second).await.unwrap();
    let insert = "INSERT INTO tags (executor_id, name, commit_id, moved_at) SELECT executor_id, 'x', id, now() FROM commits WHERE id = $1";
    let error = sqlx::query(insert).bind(second.0).execute(&hub.pool).await.unwrap_err();
    assert!(error.to_string().contains("cannot be pulled"), "{error}");
}

#[tokio::test]
async fn a_build_under_way_is_cancelled_with_its_executor_and_brings_nothing_back() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.lease=3s"], ..Wanted::default() }).await;
    let (alice, client) = person(&hub, "alice").await;
    pushed(&client, &[], &version(1)).await;
    hub.engine.next(Script::Waits);
    let running = {
        let client = client.clone();
        tokio::spawn(async move { push(&client, &[], &version(2)).await })
    };
    hub.engine.has_started().await;
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { push(&client, &[], &version(3)).await })
    };
    while hub.count("tasks").await < 3 {
        tokio::task::yield_now().await;
    }
    hub.app.hub().delete_executor(&alice, &subject("Hello")).await.unwrap();
    for ended in [waiting.await.unwrap(), running.await.unwrap()] {
        assert_eq!(ended["type"], "error", "{ended}");
    }
    assert_eq!(pulled(&client, "Hello", "latest").await, None);
    assert_eq!(hub.engine.built().len(), 1);
}

#[tokio::test]
async fn a_push_that_races_a_deletion_is_refused_or_deleted_with_it() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    let (alice, client) = person(&hub, "alice").await;
    for round in 0..12 {
        let name = format!("Hello{round}");
        let content = |n: u32| package(&name).with("README.md", &n.to_string());
        pushed(&client, &[], &content(0)).await;
        let pushes: Vec<_> = (1..4)
            .map(|n| {
                let (client, package) = (client.clone(), content(n));
                tokio::spawn(async move { push(&client, &[], &package).await })
            })
            .collect();
        hub.app.hub().delete_executor(&alice, &subject(&name)).await.unwrap();
        for pushing in pushes {
            let line = pushing.await.unwrap();
            assert!(line["type"] == "complete" || line["errorCode"] == "name_reserved", "{line}");
        }
        assert_eq!(pulled(&client, &name, "latest").await, None);
        assert_eq!(hub.app.hub().deleted_executors(&alice).await.unwrap().len(), round + 1);
    }
}
