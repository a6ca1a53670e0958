//! Does a build go on wherever workers and replicas are? Pushed at one replica, followed at the other, and finished by another
//! worker when the one that builds it is killed.

use std::time::Duration;

use serde_json::Value;

use super::{namespace::Namespace, world::World};
use crate::support::{child::setting, client::Client, gate::Gate, package::package, server::engine};

async fn state(client: &Client, task: &str) -> Value {
    client.get(&format!("/api/v1/tasks/{task}")).await.json()
}

async fn reaches(client: &Client, task: &str, wanted: &str) -> Value {
    let looking = async {
        loop {
            let task = state(client, task).await;
            if task["state"] == wanted {
                return task;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(2), looking).await.expect("the task gets there")
}

#[tokio::test]
async fn a_build_survives_its_worker_and_the_replica_that_took_it() {
    let places: Vec<Namespace> = (0..4).map_while(|_| Namespace::new()).collect();
    let [here, there, first, second] = places.as_slice() else { return };
    let engine = engine();
    let environment = setting("EXECUTOR_HUB_TEST_BUILD_ENVIRONMENT").unwrap_or_else(|| "{}".to_owned());
    let world = World::new(&[
        ("BUILDS__ENGINE", &engine),
        ("BUILDS__ENVIRONMENT", &environment),
        ("BUILDS__LEASE", "5s"),
        ("BUILDS__IMAGE_PREFIX", "executor-hub-test/scale"),
    ])
    .await;
    let (one, other) = (world.serve_only(here).await, world.serve_only(there).await);
    let token = world.person("alice").await;
    let (at_one, at_other) = (one.client(&token), other.client(&token));
    let doomed = world.work(first).await;
    let gate = Gate::new().await;
    let base = setting("EXECUTOR_HUB_TEST_BASE_IMAGE").expect("this test needs EXECUTOR_HUB_TEST_BASE_IMAGE");
    let held_package = gate.package(package("Hello"), &base);
    let answer = at_one.push("executor.createAsync", &[], &held_package).await.json();
    let task = answer["data"]["_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    let _held = gate.held().await;
    reaches(&at_other, &task, "running").await;

    let spare = world.work(second).await;
    doomed.kill();
    one.kill();
    tokio::spawn(gate.stand_open());
    let done = reaches(&at_other, &task, "succeeded").await;
    assert_eq!(done["attempt"], 2, "{done}");
    let pulled = super::replicas::pulled(&at_other, "latest").await;
    assert!(pulled.is_some());
    drop(spare);
}
