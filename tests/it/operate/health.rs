//! Does `/readyz` fail for each part that does not work, and tell strangers no more than that?

use serde_json::json;

use super::admin;
use crate::support::hub::{TestHub, Wanted};

async fn readiness(hub: &TestHub) -> (u16, serde_json::Value) {
    let answer = hub.anonymous().get("/readyz").await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn a_working_hub_is_ready_and_only_admins_see_details() {
    let hub = TestHub::start().await;
    let (status, told) = readiness(&hub).await;
    let ok = json!({
        "status": "ok", "database": "ok", "migrations": "ok", "storage": "ok", "space": "ok", "builds": "ok",
    });
    assert_eq!((status, &told), (200, &ok));
    let stranger = hub.anonymous().get("/readyz?verbose").await.json();
    assert_eq!(stranger, ok, "details are nothing for strangers");
    let member = hub.person("alice").await.get("/readyz?verbose").await.json();
    assert!(member["checks"].is_null(), "{member}");
    let detail = admin(&hub).await.get("/readyz?verbose").await.json();
    let names: Vec<_> = detail["checks"].as_array().unwrap().iter().map(|check| &check["name"]).collect();
    assert_eq!(names, ["database", "migrations", "storage", "space", "builds"]);
}

#[tokio::test]
async fn without_an_engine_it_is_degraded_and_still_ready() {
    let hub = TestHub::start_with(Wanted { engine_is_away: true, ..Wanted::default() }).await;
    let (status, told) = readiness(&hub).await;
    assert_eq!((status, &told["status"], &told["builds"]), (200, &json!("degraded"), &json!("no engine")));
}

#[tokio::test]
async fn without_a_database_it_is_alive_and_not_ready() {
    let hub = TestHub::start().await;
    hub.app.store().close().await;
    let (status, told) = readiness(&hub).await;
    assert_eq!((status, &told["status"], &told["database"]), (503, &json!("failing"), &json!("failing")));
    assert_eq!(hub.anonymous().get("/livez").await.status, 200);
    assert_eq!(hub.anonymous().get("/startupz").await.status, 200);
    assert_eq!(hub.anonymous().get("/version").await.json()["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn a_migration_that_is_missing_keeps_it_from_being_ready() {
    let hub = TestHub::start().await;
    let last = "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    sqlx::query(last).execute(&hub.pool).await.unwrap();
    let (status, told) = readiness(&hub).await;
    assert_eq!((status, &told["migrations"], &told["database"]), (503, &json!("failing"), &json!("ok")));
}

#[tokio::test]
async fn a_folder_that_takes_no_bytes_keeps_it_from_being_ready() {
    let hub = TestHub::start().await;
    std::fs::remove_dir_all(hub.folder().join("blobs")).unwrap();
    let (status, told) = readiness(&hub).await;
    assert_eq!((status, &told["storage"]), (503, &json!("failing")));
}

#[tokio::test]
async fn too_little_space_keeps_it_from_being_ready() {
    let hub =
        TestHub::start_with(Wanted { set: vec!["blobs.min_free_space=1000000TiB"], ..Wanted::default() })
            .await;
    let (status, told) = readiness(&hub).await;
    assert_eq!((status, &told["space"], &told["storage"]), (503, &json!("failing"), &json!("ok")));
}
