//! Races through the real HTTP surface: one protected tag has one winner, and what was hidden is seen by no stranger.

use std::collections::BTreeSet;

use serde_json::json;

use super::{person, pulled, push, pushed};
use crate::support::{
    child::setting,
    hub::{TestHub, Wanted},
    package::{Package, package},
};

const RACERS: usize = 64;

/// How many rounds; a long run says more.
fn rounds(few: usize) -> usize {
    setting("EXECUTOR_HUB_TEST_ROUNDS").map_or(few, |text| text.parse().unwrap())
}

fn racer(name: &str, n: usize) -> Package {
    package(name).with("racer.txt", &n.to_string())
}

/// A Hub whose requests wait for a connection instead of being told to come again.
async fn patient(builds: &'static str) -> TestHub {
    let set = vec![builds, "database.acquire_timeout=10m"];
    TestHub::start_with(Wanted { set, ..Wanted::default() }).await
}

async fn one_winner(hub: &TestHub, racers: usize, rounds: usize) {
    let (_, client) = person(hub, "alice").await;
    for round in 0..rounds {
        let name = format!("Race{round}");
        pushed(&client, &[], &package(&name)).await;
        let racing: Vec<_> = (0..racers)
            .map(|n| {
                let (client, package) = (client.clone(), racer(&name, n));
                tokio::spawn(async move {
                    push(&client, &[("immutableTags", "v1"), ("tags", "mine")], &package).await
                })
            })
            .collect();
        let mut winners = BTreeSet::new();
        for one in racing {
            let line = one.await.unwrap();
            if line["type"] == "complete" {
                winners.insert(line["payload"]["commit"]["id"].as_str().unwrap().to_owned());
            } else {
                assert_eq!(line["errorCode"], "tag_protected", "{line}");
            }
        }
        let held = pulled(&client, &name, "v1").await.unwrap().to_string();
        assert_eq!(winners, BTreeSet::from([held]), "round {round}");
        let other = pulled(&client, &name, "mine").await.unwrap().to_string();
        assert!(winners.contains(&other), "a loser moves none of its tags");
        let pointed: i64 = sqlx::query_scalar(
            "SELECT count(DISTINCT to_commit) FROM tag_history h JOIN executors e ON e.id = h.executor_id
             WHERE e.name = $1 AND h.name = 'v1'",
        )
        .bind(&name)
        .fetch_one(&hub.pool)
        .await
        .unwrap();
        assert_eq!(pointed, 1, "it never pointed at two commits");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_racers_for_a_protected_tag_one_wins_each_round() {
    let hub = patient("builds.mode=off").await;
    one_winner(&hub, RACERS, rounds(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racers_whose_images_are_built_have_one_winner_as_well() {
    let hub = patient("builds.mode=auto").await;
    one_winner(&hub, 8, rounds(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_push_hides_no_stranger_sees_from_its_answer_on() {
    let hub = patient("builds.mode=off").await;
    let (_, client) = person(&hub, "alice").await;
    for round in 0..rounds(6) {
        let name = format!("Hide{round}");
        let reference = format!("alice/{name}");
        pushed(&client, &[("public", "True")], &package(&name)).await;
        let others: Vec<_> = (0..4)
            .map(|n| {
                let (client, package) = (client.clone(), racer(&name, n));
                tokio::spawn(async move { pushed(&client, &[], &package).await })
            })
            .collect();
        let hidden = push(&client, &[("private", "True")], &racer(&name, 9)).await;
        assert_eq!(hidden["payload"]["visibility"], "private", "{hidden}");
        let stranger = hub.anonymous();
        assert_eq!(pulled(&stranger, &reference, "latest").await, None);
        let listed = stranger.get("/api/v1/executors").await.json();
        assert!(!listed.to_string().contains(&name), "{listed}");
        for other in others {
            other.await.unwrap();
            assert_eq!(
                pulled(&stranger, &reference, "latest").await,
                None,
                "a plain push shows nothing again"
            );
        }
        assert_eq!(stranger.rpc("executor.getMeta", json!({"id": reference})).await.status, 404);
    }
}

#[tokio::test]
async fn a_deletion_waits_for_the_end_of_a_build_without_holding_what_that_end_needs() {
    let hub =
        TestHub::start_with(Wanted { set: Vec::new(), without_worker: true, ..Wanted::default() }).await;
    let (alice, client) = person(&hub, "alice").await;
    client.push("executor.createAsync", &[], &package("Hello")).await;
    // As somebody who ends the build: its row first, then the Executor's.
    let mut ending = hub.pool.begin().await.unwrap();
    sqlx::query("SELECT id FROM tasks FOR UPDATE").execute(&mut *ending).await.unwrap();
    let deleting = tokio::spawn({
        let hub = hub.app.hub().clone();
        async move { hub.delete_executor(&alice, &super::subject("Hello")).await.map(drop) }
    });
    let mut waiting = 0_i64;
    while waiting == 0 && !deleting.is_finished() {
        let locks = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                     WHERE NOT l.granted AND d.datname = current_database()";
        // A row that somebody holds is waited for by way of their transaction, which is of no database.
        let rows = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let one: i64 = sqlx::query_scalar(locks).fetch_one(&hub.pool).await.unwrap();
        let other: i64 = sqlx::query_scalar(rows).fetch_one(&hub.pool).await.unwrap();
        waiting = one + other;
    }
    assert!(!deleting.is_finished(), "it waits for the build's row");
    let held = sqlx::query("SELECT id FROM executors FOR UPDATE NOWAIT").fetch_one(&mut *ending).await;
    assert!(held.is_ok(), "{held:?}");
    ending.rollback().await.unwrap();
    deleting.await.unwrap().unwrap();
    let state: String = sqlx::query_scalar("SELECT state FROM tasks").fetch_one(&hub.pool).await.unwrap();
    assert_eq!(state, "cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn builds_that_end_while_their_executor_is_deleted_end_without_a_deadlock() {
    let hub =
        TestHub::start_with(Wanted { set: Vec::new(), without_worker: true, ..Wanted::default() }).await;
    let (alice, client) = person(&hub, "alice").await;
    for round in 0..rounds(12) {
        let name = format!("Gone{round}");
        client.push("executor.createAsync", &[], &package(&name)).await;
        let worker = std::sync::Arc::clone(&hub.worker);
        let building = tokio::spawn(async move { worker.run_next().await });
        let it = super::subject(&name);
        let deleted = hub.app.hub().delete_executor(&alice, &it).await;
        assert!(deleted.is_ok(), "{round}: {:?}", deleted.err());
        assert!(building.await.unwrap().is_ok(), "{round}");
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM tasks WHERE state = 'pending'")
            .fetch_one(&hub.pool)
            .await
            .unwrap();
        assert_eq!(left, 0, "{round}");
    }
}
