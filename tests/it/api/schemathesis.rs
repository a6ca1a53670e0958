//! Whatever a program may ask by the API's document, and much that it may not, is answered as the document says: never with
//! a fault, never with an answer that is not in it.

use executor_hub::domain::user::Role;
use serde_json::json;
use tokio::process::Command;

use crate::support::{child::setting, hub::TestHub, package::package};

#[tokio::test]
async fn every_answer_is_documented_and_none_is_a_fault() {
    let python = setting("EXECUTOR_HUB_TEST_SCHEMATHESIS")
        .expect("this test needs schemathesis: set EXECUTOR_HUB_TEST_SCHEMATHESIS to what scripts/schemathesis.sh prints");
    let hub = TestHub::start().await;
    let root = hub.app.auth().create_user("root", None, Role::Admin).await.unwrap();
    let token = hub.app.auth().issue_personal_token(root.id, "test", Some(1)).await.unwrap();
    let client = hub.anonymous().with_token(token.expose());
    client.push("executor.push", &[], &package("Hello")).await;
    client.rpc("executor.getPackage", json!({"id": "Hello"})).await;
    let output = Command::new(python)
        .args(["-m", "schemathesis.cli", "run", &format!("{}/api/v1/openapi.json", hub.url)])
        .args(["--header", &format!("Authorization:Bearer {}", token.expose())])
        .args(["--checks", CHECKS, "--phases", "coverage,fuzzing,stateful", "--max-examples", "20"])
        .args([
            "--max-time",
            "75",
            "--seed",
            "20261123",
            "--request-timeout",
            "20",
            "--no-color",
            "--no-shrink",
        ])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .current_dir(tempfile::tempdir().unwrap().path())
        .env("HOME", "/nonexistent")
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method";
