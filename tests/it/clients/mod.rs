//! Do the real, unmodified clients get what they ask for? A person's commands, a Hub in a process of its own, a real
//! Docker Engine; the project's test script brings clients and engine.

mod anonymous;
mod broken;
mod crashes;
mod engines;
mod flow;
mod generations;
mod images;
mod newest;
mod signing_in;
mod workers;

use std::{path::Path, time::Duration};

use serde_json::json;

use crate::support::{child::setting, client::Client, package::Package};

/// The newest client there is.
const NEWEST: &str = "sdk-0.39.0";
/// One of those that push without signing in.
const ANONYMOUS: &str = "sdk-0.22.5";

/// The image that builds start from.
fn base_image() -> String {
    setting("EXECUTOR_HUB_TEST_BASE_IMAGE").expect("this test needs EXECUTOR_HUB_TEST_BASE_IMAGE")
}

/// Checks that a pull left the package's files, whole, beside the `config.yml` that it says to use.
fn assert_pulled(config: &serde_json::Value, package: &Package) {
    let folder = Path::new(config.as_str().unwrap()).parent().unwrap();
    for file in ["executor.py", "requirements.txt", "README.md"] {
        let pulled = std::fs::read(folder.join(file)).unwrap();
        assert_eq!(pulled, package.content(file), "{file}");
    }
    assert!(folder.join("config.yml").is_file());
}

/// The newest build of somebody's Executor, as soon as its push is accepted.
async fn newest_task(somebody: &Client, name: &str) -> String {
    let looking = async {
        loop {
            let listed = somebody.rpc("executor.listAsyncTasks", json!({"id": name})).await.json();
            if let Some(task) = listed["data"][0]["_id"].as_str() {
                return task.to_owned();
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), looking).await.expect("a build of the Executor")
}
