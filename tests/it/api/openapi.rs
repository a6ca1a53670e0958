//! The document of the API: as it lies in the tree, as it is served, and as a page.

use std::path::Path;

use crate::support::hub::TestHub;

#[tokio::test]
async fn the_document_in_the_tree_is_the_one_that_is_served() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let made = executor_hub::http::api_document().unwrap();
    assert!(kept == made, "docs/openapi.json is stale: run `executor-hub openapi > docs/openapi.json`");
    let hub = TestHub::start().await;
    let served = hub.anonymous().get("/api/v1/openapi.json").await;
    assert_eq!(served.body, made.as_bytes());
    assert_eq!(served.json()["openapi"], "3.1.0");
}

#[tokio::test]
async fn the_page_names_every_operation_and_runs_no_script() {
    let hub = TestHub::start().await;
    let page = hub.anonymous().get("/api/v1/docs").await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let text = std::str::from_utf8(&page.body).unwrap();
    let document = hub.anonymous().get("/api/v1/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(text.contains(path.as_str()), "{path}");
        for operation in item.as_object().unwrap().values() {
            assert!(text.contains(operation["summary"].as_str().unwrap().split('\'').next().unwrap()));
        }
    }
    assert!(!text.contains("<script"));
}
