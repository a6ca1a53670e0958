//! Leases: a worker that dies loses its task, the task is never lost, and after three dead workers it is parked.

use std::sync::Arc;

use executor_hub::{builds::worker::Worker, domain::task::FaultKind};
use serde_json::json;

use crate::support::{
    engine::Script,
    hub::{TestHub, Wanted},
    package::package,
};

async fn hub() -> TestHub {
    TestHub::start_with(Wanted { without_worker: true, ..Wanted::default() }).await
}

/// Another worker of the same place, as after a restart.
async fn restarted(hub: &TestHub) -> Arc<Worker> {
    let place: String =
        sqlx::query_scalar("SELECT name FROM workers LIMIT 1").fetch_one(&hub.pool).await.unwrap();
    let worker = hub.app.worker(hub.engine.clone(), place, hub.app.settings().build_limits());
    worker.register().await.unwrap();
    worker
}

/// Takes the next task and dies over it.
async fn die_building(hub: &TestHub, worker: &Arc<Worker>) {
    hub.engine.next(Script::Waits);
    let worker = Arc::clone(worker);
    let building = tokio::spawn(async move { worker.run_next().await });
    hub.engine.has_started().await;
    building.abort();
    assert!(building.await.is_err());
}

async fn make_due(hub: &TestHub) {
    sqlx::query("UPDATE tasks SET run_after = created_at WHERE state = 'pending'")
        .execute(&hub.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_restarted_worker_finishes_what_the_dead_one_had_begun() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    alice.push("executor.createAsync", &[], &package("Hello")).await;
    die_building(&hub, &hub.worker).await;
    let state = async || {
        sqlx::query_as::<_, (String, i32, i32)>("SELECT state, attempt, lost_leases FROM tasks")
            .fetch_one(&hub.pool)
            .await
            .unwrap()
    };
    assert_eq!(state().await, ("running".into(), 1, 0), "nobody knows yet that it died");
    let next = restarted(&hub).await;
    assert_eq!(state().await, ("pending".into(), 1, 1), "the place's lock tells");
    make_due(&hub).await;
    assert!(next.run_next().await.unwrap());
    assert_eq!(state().await, ("succeeded".into(), 2, 1));
    assert_eq!(alice.rpc("executor.getPackage", json!({"id": "Hello"})).await.status, 200);
}

#[tokio::test]
async fn three_dead_workers_park_the_task_with_the_reason() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let task = alice.push("executor.createAsync", &[], &package("Hello")).await.json()["data"]["_id"].clone();
    let mut worker = Arc::clone(&hub.worker);
    for _ in 0..3 {
        make_due(&hub).await;
        die_building(&hub, &worker).await;
        worker = restarted(&hub).await;
    }
    let story = alice.rpc("executor.queryProgress", json!({"id": task, "replay": true})).await.last_line();
    assert_eq!(story["status"], "failed");
    assert!(story["message"].as_str().unwrap().contains("lost 3 times"), "{story}");
    make_due(&hub).await;
    assert!(!worker.run_next().await.unwrap(), "it is not tried again");
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    alice.push("executor.createAsync", &[], &package("Hello")).await;
    hub.engine.next(Script::Waits);
    let slow = {
        let worker = Arc::clone(&hub.worker);
        tokio::spawn(async move { worker.run_next().await })
    };
    hub.engine.has_started().await;
    // As if the slow one had been silent for too long: another takes over and fails the build.
    let next = restarted(&hub).await;
    make_due(&hub).await;
    hub.engine.next(Script::Fails(FaultKind::Step));
    assert!(next.run_next().await.unwrap());
    hub.engine.release();
    slow.await.unwrap().unwrap();
    let state: String = sqlx::query_scalar("SELECT state FROM tasks").fetch_one(&hub.pool).await.unwrap();
    assert_eq!(state, "failed");
    assert_eq!((hub.count("tags").await, hub.count("images").await), (0, 0));
    let reports: i64 =
        sqlx::query_scalar("SELECT count(*) FROM task_events WHERE event ->> 'kind' = 'report'")
            .fetch_one(&hub.pool)
            .await
            .unwrap();
    assert_eq!(reports, 1);
}

#[tokio::test]
async fn two_workers_never_take_the_same_task() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    for n in 0..6 {
        alice.push("executor.createAsync", &[], &package(&format!("E{n}"))).await;
    }
    let workers = (0..4).map(|n| {
        let worker =
            hub.app.worker(hub.engine.clone(), format!("other:{n}"), hub.app.settings().build_limits());
        tokio::spawn(async move { while worker.run_next().await.unwrap() {} })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let attempts: Vec<i32> =
        sqlx::query_scalar("SELECT attempt FROM tasks").fetch_all(&hub.pool).await.unwrap();
    assert_eq!(attempts, [1; 6]);
    let mut built = hub.engine.built();
    built.dedup();
    assert_eq!(built.len(), 6);
}

#[tokio::test]
async fn engine_faults_are_parked_after_the_last_try() {
    let hub = TestHub::start_with(Wanted {
        without_worker: true,
        set: vec!["builds.max_attempts=2"],
        ..Wanted::default()
    })
    .await;
    hub.person("alice").await.push("executor.createAsync", &[], &package("Hello")).await;
    for _ in 0..2 {
        hub.engine.next(Script::Fails(FaultKind::Engine));
        make_due(&hub).await;
        assert!(hub.worker.run_next().await.unwrap());
    }
    let (state, kind): (String, String) =
        sqlx::query_as("SELECT state, failure ->> 'kind' FROM tasks").fetch_one(&hub.pool).await.unwrap();
    assert_eq!((state.as_str(), kind.as_str()), ("failed", "engine"));
}
