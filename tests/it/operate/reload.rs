//! What is read again at SIGHUP, and what is not?

use std::fs;

use crate::support::server::Installation;

#[tokio::test]
async fn the_level_of_the_log_counts_at_once_and_the_rest_is_named() {
    let hub = Installation::without_engine().await;
    let file = hub.path().join("hub.toml");
    fs::write(&file, "[log]\nlevel = \"info\"\n").unwrap();
    let hub = hub.with("CONFIG", &file.display().to_string());
    let server = hub.serve().await;
    let ask = async || assert_eq!(server.anonymous().get("/api/v1/executors").await.status, 200);
    ask().await;
    assert!(!server.said().contains("/api/v1/executors"), "requests are told at the level debug");
    fs::write(&file, "[log]\nlevel = \"debug\"\n[limits]\nexecutors_per_owner = 7\n").unwrap();
    server.signal("HUP");
    server.says("limits.executors_per_owner").await;
    ask().await;
    server.says("/api/v1/executors").await;
    fs::write(&file, "[log]\nlevel = 7\n").unwrap();
    server.signal("HUP");
    server.says("those of the start stay").await;
}
