//! Do several `executor-hub worker` processes over one Postgres share the queue, and take over from one that is killed?

use std::collections::BTreeSet;

use http::Method;

use super::base_image;
use crate::support::{
    client::Client,
    gate::Gate,
    package::{Package, package},
    server::Installation,
};

async fn publish(client: &Client, package: &Package) -> String {
    let headers = [("content-type", "application/zip")];
    let answer = client.send(Method::POST, "/api/v1/executors", &headers, package.zip()).await.json();
    answer["task"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// The tasks that are being built: the folder of the worker that does, the owner, the task.
async fn running(pool: &sqlx::PgPool) -> Vec<(String, String, String)> {
    sqlx::query_as(
        "SELECT CASE WHEN w.name LIKE '%/one/%' THEN 'one' WHEN w.name LIKE '%/two/%' THEN 'two' ELSE w.name END,
                u.login, replace(t.id::text, '-', '')
         FROM tasks t JOIN workers w ON w.id = t.lease_owner JOIN executors e ON e.id = t.executor_id
         JOIN users u ON u.id = e.owner_id WHERE t.state = 'running' ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn two_workers_share_the_queue_fairly_and_one_takes_over_what_a_killed_one_held() {
    let installation = Installation::new().await.for_workers().with("BUILDS__LEASE", "3s");
    let server = installation.serve().await;
    let alice = server.anonymous().with_token(&installation.person("alice"));
    let bob = server.anonymous().with_token(&installation.person("bob"));
    let gate = Gate::new().await;
    let mut tasks = Vec::new();
    for name in ["First", "Second", "Third"] {
        tasks.push(publish(&alice, &gate.package(package(name), &base_image())).await);
    }
    let bobs = publish(&bob, &gate.package(package("Other"), &base_image())).await;
    tasks.push(bobs.clone());

    let one = installation.work("one").await;
    let _two = installation.work("two").await;
    let held = [gate.held().await, gate.held().await];
    let pool = installation.pool().await;
    let builds = running(&pool).await;
    let workers: Vec<&str> = builds.iter().map(|(worker, ..)| worker.as_str()).collect();
    assert_eq!(workers, ["one", "two"], "each has one: {builds:?}");
    let owners: BTreeSet<&str> = builds.iter().map(|(_, owner, _)| owner.as_str()).collect();
    assert_eq!(
        owners,
        BTreeSet::from(["alice", "bob"]),
        "whoever came with three does not go first three times"
    );
    let lost = builds[0].2.clone();

    one.kill();
    for held in held {
        held.let_through().await;
    }
    tokio::spawn(gate.stand_open());
    let lines = [("accept", "application/x-ndjson")];
    for task in &tasks {
        let who = if *task == bobs { &bob } else { &alice };
        // To its end.
        let path = format!("/api/v1/tasks/{task}");
        let story = who.send(Method::GET, &format!("{path}/events"), &lines, Vec::new()).await.lines();
        let numbers: Vec<i64> = story.iter().map(|event| event["number"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=i64::try_from(story.len()).unwrap()).collect::<Vec<_>>(), "{task}");
        let over = who.get(&path).await.json();
        let attempts = if task.replace('-', "") == lost { 2 } else { 1 };
        assert_eq!((&over["state"], &over["attempt"]), (&"succeeded".into(), &attempts.into()), "{over}");
    }
    let images: i64 = sqlx::query_scalar("SELECT count(*) FROM images").fetch_one(&pool).await.unwrap();
    assert_eq!(images, 4, "each was built once to its end");
}
