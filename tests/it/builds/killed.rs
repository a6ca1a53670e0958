//! A thousand times over: a worker is killed in the middle of a build, hangs, loses its engine, or works. The task is back or
//! parked, other tasks go on, and no half image is ever visible.

use std::sync::Arc;

use executor_hub::{
    builds::sweeper,
    domain::{CommitId, SystemClock, TaskId, task::FaultKind},
};

use super::world::Dice;
use crate::support::{
    engine::Script,
    hub::{TestHub, Wanted},
    package::package,
};

const RUNS: u64 = 1000;

/// A commit like the first one, with its task, as a push would make them.
async fn push_again(hub: &TestHub) -> TaskId {
    let (commit, task) = (CommitId::mint(), TaskId::mint());
    sqlx::query(
        "INSERT INTO commits SELECT * FROM jsonb_populate_record(NULL::commits, (
             SELECT to_jsonb(c) || jsonb_build_object('id', $1::uuid, 'usable_at', NULL,
                                                      'requested_tags', jsonb_build_array($2::text))
             FROM commits c ORDER BY created_at LIMIT 1))",
    )
    .bind(commit.0)
    .bind(format!("t{}", task.0.simple()))
    .execute(&hub.pool)
    .await
    .unwrap();
    let executor: String = sqlx::query_scalar("SELECT executor_id FROM commits WHERE id = $1")
        .bind(commit.0)
        .fetch_one(&hub.pool)
        .await
        .unwrap();
    let new = executor_hub::store::tasks::NewTask {
        id: task,
        commit,
        executor: executor.parse().unwrap(),
        no_cache: false,
        build_env: None,
    };
    let now = executor_hub::domain::Clock::now(&SystemClock);
    let mut transaction = hub.app.store().begin().await.unwrap();
    executor_hub::builds::queue::enqueue(&mut transaction, new, &[], now).await.unwrap();
    transaction.commit().await.unwrap();
    task
}

async fn running(hub: &TestHub) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM tasks WHERE state = 'running'")
        .fetch_one(&hub.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_thousand_kills_lose_nothing_and_show_nothing_half() {
    let hub = TestHub::start_with(Wanted { without_worker: true, ..Wanted::default() }).await;
    let alice = hub.person("alice").await;
    alice.push("executor.createAsync", &[], &package("Hello")).await;
    let mut worker = Arc::clone(&hub.worker);
    assert!(worker.run_next().await.unwrap());
    let place: String =
        sqlx::query_scalar("SELECT name FROM workers LIMIT 1").fetch_one(&hub.pool).await.unwrap();
    let mut dice = Dice(20);
    let (mut kills, mut parked) = (0, 0);
    for run in 0..RUNS {
        let task = push_again(&hub).await;
        let deaths = dice.roll(4);
        for _ in 0..deaths {
            hub.engine.next(Script::Waits);
            let dying = Arc::clone(&worker);
            let building = tokio::spawn(async move { dying.run_next().await });
            hub.engine.has_started().await;
            let half: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM tags g JOIN commits c ON c.id = g.commit_id WHERE c.usable_at IS NULL",
            )
            .fetch_one(&hub.pool)
            .await
            .unwrap();
            assert_eq!(half, 0);
            building.abort();
            assert!(building.await.is_err());
            kills += 1;
            // The next process of the same place takes over at once.
            worker = hub.app.worker(hub.engine.clone(), place.clone(), hub.app.settings().build_limits());
            worker.register().await.unwrap();
            // The killed build's connection may hold its task's row for a moment longer; sweepers pass over what is locked.
            while running(&hub).await > 0 {
                sweeper::sweep(hub.app.store(), &SystemClock).await.unwrap();
            }
            sqlx::query("UPDATE tasks SET run_after = created_at WHERE state = 'pending'")
                .execute(&hub.pool)
                .await
                .unwrap();
        }
        let row = async || {
            sqlx::query_as::<_, (String, i32, i32, i64, i64)>(
                "SELECT state, attempt, lost_leases, last_event,
                        (SELECT count(*) FROM task_events e WHERE e.task_id = t.id) FROM tasks t WHERE id = $1",
            )
            .bind(task.0)
            .fetch_one(&hub.pool)
            .await
            .unwrap()
        };
        let deaths = i32::try_from(deaths).unwrap();
        if deaths == 3 {
            parked += 1;
            let (state, attempt, lost, newest, events) = row().await;
            assert_eq!((state.as_str(), attempt, lost, newest), ("failed", 3, 3, events), "run {run}");
            continue;
        }
        let (fault, end) = match dice.roll(3) {
            0 => (Some(FaultKind::Step), "failed"),
            1 => (Some(FaultKind::Engine), "pending"),
            _ => (None, "succeeded"),
        };
        if let Some(kind) = fault {
            hub.engine.next(Script::Fails(kind));
        }
        // What a killed build had sent may still hold the row; whoever claims passes over it, and comes again.
        while !worker.run_next().await.unwrap() {}
        let (state, attempt, lost, newest, events) = row().await;
        assert_eq!((state.as_str(), attempt, lost, newest), (end, deaths + 1, deaths, events), "run {run}");
        if end == "pending" {
            sqlx::query("UPDATE tasks SET run_after = created_at WHERE state = 'pending'")
                .execute(&hub.pool)
                .await
                .unwrap();
            sqlx::query("UPDATE workers SET paused_until = NULL, pause_reason = NULL")
                .execute(&hub.pool)
                .await
                .unwrap();
            sqlx::query("DELETE FROM queue_pause").execute(&hub.pool).await.unwrap();
            assert!(worker.run_next().await.unwrap(), "run {run}");
            assert_eq!(row().await.0, "succeeded", "run {run}");
        }
    }
    assert!(kills > 1000 && parked > 200, "{kills} kills, {parked} parked");
    let unfinished: i64 =
        sqlx::query_scalar("SELECT count(*) FROM tasks WHERE state IN ('pending', 'running')")
            .fetch_one(&hub.pool)
            .await
            .unwrap();
    assert_eq!(unfinished, 0);
}
