//! `executor-hub audit`.

use serde_json::Value;

use super::run;
use crate::support::database::database;

#[tokio::test]
async fn the_log_is_exported_as_lines_of_json() {
    let (database, folder) = (database().await, tempfile::tempdir().unwrap());
    let hub = async |arguments: &[&str]| run(&database, folder.path(), arguments).await;
    assert!(hub(&["user", "create", "alice"]).await.0);
    assert!(hub(&["token", "create", "alice", "--name", "ci"]).await.0);
    let (is_done, printed) = hub(&["audit", "export"]).await;
    assert!(is_done, "{printed}");
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<_> = lines
        .iter()
        .map(|line| (line["action"].as_str().unwrap(), line["subject"].as_str().unwrap()))
        .collect();
    assert_eq!(
        said,
        [("user.create", "alice"), ("token.create", "alice"), ("audit.export", "the audit log")]
    );
    assert!(lines.iter().all(|line| line["by_right_of"] == "operator" && line["address"].is_null()));
    assert_eq!(hub(&["audit", "export", "--until", "2000-01-01T00:00:00Z"]).await, (true, String::new()));
    let (is_done, printed) = hub(&["audit", "forget", "--older-than-days", "7"]).await;
    assert!(!is_done && printed.contains("30 days"), "{printed}");
    assert_eq!(hub(&["audit", "forget", "--older-than-days", "400"]).await, (true, "0\n".to_owned()));
}
