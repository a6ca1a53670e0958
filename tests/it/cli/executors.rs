//! `executor-hub executor`, `collect` and `usage`.

use super::run;
use crate::support::{database::database, hub::TestHub, package::package};

#[tokio::test]
async fn commands_about_executors_speak_of_what_is_there() {
    let (database, folder) = (database().await, tempfile::tempdir().unwrap());
    let hub = async |arguments: &[&str]| run(&database, folder.path(), arguments).await;
    assert!(!hub(&["executor", "delete", "nobody/Nothing"]).await.0);
    assert!(!hub(&["executor", "undelete", "not/a/name"]).await.0);
    let (is_done, printed) = hub(&["collect", "--preview"]).await;
    assert!(is_done && printed.starts_with("packages\twould go\t0\t0 bytes\n"), "{printed}");
    let (is_done, printed) = hub(&["collect"]).await;
    assert!(is_done && printed.starts_with("packages\tgone\t0\t0 bytes\n"), "{printed}");
    let (is_done, printed) = hub(&["usage", "--limit", "5"]).await;
    assert!(is_done && printed.starts_with("owner\texecutors\tpackage bytes"), "{printed}");
}

#[tokio::test]
async fn an_operator_deletes_and_brings_back_beside_a_running_hub() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[("private", "True")], &package("Hello")).await;
    let command = async |arguments: &[&str]| run(hub.database(), hub.folder(), arguments).await;
    let (is_done, printed) = command(&["executor", "delete", "alice/Hello"]).await;
    assert!(is_done && printed.contains("can be brought back until"), "{printed}");
    let pull = async || alice.rpc("executor.getPackage", serde_json::json!({"id": "Hello"})).await.status;
    assert_eq!(pull().await, 404);
    let id = printed.split('\t').next().unwrap();
    assert_eq!(command(&["executor", "undelete", "alice/Hello"]).await, (true, format!("{id}\n")));
    assert_eq!(pull().await, 200);
    let (_, told) = command(&["usage"]).await;
    assert!(told.contains("alice\t1\t") && told.contains("alice/Hello"), "{told}");
}
