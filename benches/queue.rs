//! How fast are tasks claimed and completed? As many workers as asked, each on a connection of its own, with the statements
//! of the Hub; `benches/queue.py` runs the same ones through pgbench.
//!
//! ```text
//!   bench_queue DATA_DIR where              how to connect, for pgbench
//!   bench_queue DATA_DIR seed TASKS         so many waiting tasks, and nothing else in the queue
//!   bench_queue DATA_DIR run WORKERS SECONDS
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on should say where"
)]

use std::{
    collections::HashSet,
    path::Path,
    time::{Duration, Instant},
};

use executor_hub::{
    domain::{Clock as _, CommitId, ExecutorId, SystemClock, TaskId, WorkerId, task::TaskState},
    postgres,
    store::{
        Store,
        task_leases::{self, Lease},
    },
};
use sqlx::{PgPool, postgres::PgPoolOptions};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [data_dir, rest @ ..] = &arguments[..] else { panic!("see the head of this file") };
    let options = postgres::running_in(Path::new(data_dir)).expect("the Hub runs with its own Postgres");
    let connect =
        |most| PgPoolOptions::new().min_connections(most).max_connections(most).connect_with(options.clone());
    match rest {
        ["where"] => println!(
            "{} {} {} {}",
            options.get_socket().unwrap().display(),
            options.get_port(),
            options.get_username(),
            options.get_database().unwrap()
        ),
        ["seed", tasks] => seed(&connect(1).await.unwrap(), tasks.parse().unwrap()).await,
        ["run", workers, seconds] => {
            let workers = workers.parse().unwrap();
            run(connect(workers).await.unwrap(), workers, Duration::from_secs(seconds.parse().unwrap()))
                .await;
        }
        _ => panic!("see the head of this file"),
    }
}

async fn seed(pool: &PgPool, tasks: i64) {
    for statement in ["DELETE FROM tasks", "DELETE FROM executors WHERE id = 'benchben'"] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
    let executor: ExecutorId = "benchben".parse().unwrap();
    let commit = CommitId::mint();
    sqlx::query(
        "INSERT INTO executors (id, visibility, secret_hash, created_at) VALUES ($1, 'private', 'none', now())",
    )
    .bind(executor.as_str())
    .execute(pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO commits (id, executor_id, package_sha256, package_md5, package_size, content_sha256, package,
                              requested_tags, requested_protected_tags, build_env_names, platforms, client, created_at)
         VALUES ($1, $2, sha256('x'), decode(md5('x'), 'hex'), 1, sha256('x'), '{}', '{}', '{}', '{}', '{}', '{}', now())",
    )
    .bind(commit.0)
    .bind(executor.as_str())
    .execute(pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO tasks (id, commit_id, executor_id, state, no_cache, run_after, created_at, turn)
         SELECT gen_random_uuid(), $1, $2, 'pending', false, now(), now(), n FROM generate_series(1, $3) AS n",
    )
    .bind(commit.0)
    .bind(executor.as_str())
    .bind(tasks)
    .execute(pool)
    .await
    .unwrap();
    sqlx::query("VACUUM ANALYZE tasks").execute(pool).await.unwrap();
}

/// Prints tasks claimed and completed a second, by all workers together.
async fn run(pool: PgPool, workers: u32, time: Duration) {
    let store = Store::from_pool(pool);
    let begun = Instant::now();
    let working: Vec<_> = (0..workers).map(|_| tokio::spawn(work(store.clone(), begun + time))).collect();
    let mut done = Vec::new();
    for worker in working {
        done.extend(worker.await.unwrap());
    }
    let seconds = begun.elapsed().as_secs_f64();
    let different: HashSet<TaskId> = done.iter().copied().collect();
    assert_eq!(different.len(), done.len(), "a task was claimed twice");
    #[expect(clippy::cast_precision_loss, reason = "a rate of tasks")]
    let rate = done.len() as f64 / seconds;
    println!("{rate:.0}");
}

async fn work(store: Store, end: Instant) -> Vec<TaskId> {
    let worker = WorkerId::mint();
    let mut done = Vec::new();
    let mut connection = store.read().await.unwrap();
    while Instant::now() < end {
        let now = SystemClock.now();
        let until = now + chrono::TimeDelta::seconds(30);
        let claimed = task_leases::claim(&mut connection, worker, until, now).await.unwrap();
        let claimed = claimed.expect("enough tasks wait");
        let lease = Lease { worker, attempt: claimed.attempt };
        let state = TaskState::Cancelled;
        assert!(task_leases::finish(&mut connection, claimed.id, lease, state, None, now).await.unwrap());
        done.push(claimed.id);
    }
    done
}
