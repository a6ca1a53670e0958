//! Whatever a program may ask by the API's document, and much that it may not, is answered as the document says: never with
//! a fault, never with an answer that is not in it.

use executor_hub::domain::user::Role;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{child::setting, client::Client, hub::TestHub, package::package};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method";

#[tokio::test]
async fn every_answer_is_documented_and_none_is_a_fault() {
    let python = setting("EXECUTOR_HUB_TEST_SCHEMATHESIS")
        .expect("this test needs schemathesis: let scripts/run-tests.sh set EXECUTOR_HUB_TEST_SCHEMATHESIS");
    let hub = TestHub::start().await;
    let root = hub.app.auth().create_user("root", None, Role::Admin).await.unwrap();
    let token = hub.app.auth().issue_personal_token(root.id, "test", Some(1)).await.unwrap();
    let client = hub.anonymous().with_token(token.expose());
    client.push("executor.push", &[], &package("Hello")).await;
    client.rpc("executor.getPackage", json!({"id": "Hello"})).await;
    let team = json!({"name": "vision"}).to_string().into_bytes();
    let kind = [("content-type", "application/json")];
    assert_eq!(client.send(http::Method::POST, "/api/v1/teams", &kind, team).await.status, 201);
    hub.app.auth().issue_personal_token(root.id, "spare", Some(1)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("openapi.json");
    std::fs::write(&document, filled_in(&client).await.to_string()).unwrap();
    let output = Command::new(python)
        .args(["-m", "schemathesis.cli", "run"])
        .arg(&document)
        .args(["--url", &hub.url, "--header", &format!("Authorization:Bearer {}", token.expose())])
        .args(["--checks", CHECKS, "--phases", "coverage,fuzzing,stateful", "--max-examples", "20"])
        .args([
            "--max-time",
            "60",
            "--seed",
            "20261123",
            "--request-timeout",
            "20",
            "--no-color",
            "--no-shrink",
        ])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .current_dir(folder.path())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let generated = text.split(" generated").next().and_then(|head| head.split_whitespace().last());
    let generated: usize = generated.and_then(|count| count.replace(',', "").parse().ok()).unwrap_or(0);
    assert!(generated > 50, "it asks: {text}");
}

/// The served document where the parts of paths are those of things that are there, or of one that is not: made-up ones
/// would lead nowhere. The token is sent with everything, so nothing is said of that.
async fn filled_in(client: &Client) -> Value {
    let mut document = client.get("/api/v1/openapi.json").await.json();
    let executor = client.get("/api/v1/executors/Hello").await.json();
    let tasks = client.get("/api/v1/executors/Hello/tasks").await.json();
    let tokens = client.get("/api/v1/tokens").await.json();
    let spare = tokens["tokens"].as_array().unwrap().iter().find(|token| token["name"] == "spare").unwrap();
    let known = json!({
        "executor": ["Hello", "root/Hello", executor["id"], "nothing"],
        "owner": ["root", "nobody"],
        "name": ["Hello", "nothing"],
        "commit": [executor["newest_commit"]["id"], "nothing"],
        "task": [tasks["tasks"][0]["id"], "nothing"],
        "token": [spare["id"], "nothing"],
        "login": ["root", "nobody"],
        "tag": ["latest", "nothing"],
        "team": ["vision", "nothing"],
    });
    let text = document.as_object_mut().unwrap();
    text.remove("security");
    text["components"].as_object_mut().unwrap().remove("securitySchemes");
    for item in text["paths"].as_object_mut().unwrap().values_mut() {
        for operation in item.as_object_mut().unwrap().values_mut() {
            operation.as_object_mut().unwrap().remove("security");
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten().filter(|parameter| parameter["in"] == "path") {
                let values = known[parameter["name"].as_str().unwrap()].clone();
                assert!(values.is_array(), "{parameter}");
                parameter["schema"] = json!({"type": "string", "enum": values});
            }
        }
    }
    document
}
