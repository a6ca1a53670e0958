//! Do unmodified SDKs get along with it? The oldest and the newest that have artifacts for programs, as people install
//! them; the test script brings them and says where.

use std::{path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{hub, objects};
use crate::support::{child::setting, hub::TestHub};

/// A person with an SDK.
struct Sdk {
    python: PathBuf,
    registry: String,
    token: String,
    home: TempDir,
}

impl Sdk {
    async fn of(hub: &TestHub, version: &str, login: &str) -> Self {
        let Some(clients) = setting("EXECUTOR_HUB_TEST_CLIENTS") else {
            panic!(
                "these tests need real clients: EXECUTOR_HUB_TEST_CLIENTS names the folder that scripts/python-clients.sh made"
            );
        };
        let auth = hub.app.auth();
        let user = auth.create_user(login, None, executor_hub::domain::user::Role::Member).await.unwrap();
        let token = auth.issue_personal_token(user.id, "test", Some(1)).await.unwrap();
        Self {
            python: PathBuf::from(clients).join(version).join("bin/python"),
            registry: hub.url.clone(),
            token: token.expose().to_owned(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// What a method of `hubble.Client` does.
    async fn call(&self, method: &str, arguments: Value) -> Value {
        let output = Command::new(&self.python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/drive.py"))
            .args(["client", method, &arguments.to_string()])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("JINA_HUBBLE_REGISTRY", &self.registry)
            .env("JINA_AUTH_TOKEN", &self.token)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.trim().lines().last().unwrap_or_default();
        serde_json::from_str(last)
            .unwrap_or_else(|_| panic!("{method}: {text}{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// The answer of a call that works.
    async fn works(&self, method: &str, arguments: Value) -> Value {
        let report = self.call(method, arguments).await;
        assert_eq!(report["ok"], true, "{method}: {report}");
        report["result"].clone()
    }

    /// The class of the exception that a call raises.
    async fn raises(&self, method: &str, arguments: Value) -> String {
        let report = self.call(method, arguments).await;
        assert_eq!(report["ok"], false, "{method}: {report}");
        report["type"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn sdk_0_39_stores_finds_changes_and_deletes() {
    let hub = hub().await;
    let (alice, bob) = (Sdk::of(&hub, "sdk-0.39.0", "alice").await, Sdk::of(&hub, "sdk-0.39.0", "bob").await);
    let file = alice.home.path().join("weights.bin");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| i.to_le_bytes()[i as usize % 3]).collect();
    std::fs::write(&file, &bytes).unwrap();
    let answer = alice
        .works(
            "upload_artifact",
            json!({"f": file, "name": "weights", "metadata": {"foo": "bar"}, "is_public": true}),
        )
        .await;
    let artifact = &answer["data"];
    assert_eq!((&answer["code"], &artifact["metaData"]), (&json!(200), &json!({"foo": "bar"})));
    assert_eq!((&artifact["name"], &artifact["visibility"]), (&json!("weights"), &json!("public")));
    let id = &artifact["_id"];

    let copy = bob.home.path().join("copy.bin");
    assert_eq!(bob.works("download_artifact", json!({"id": id, "f": copy})).await, json!(copy));
    assert!(std::fs::read(&copy).unwrap() == bytes);
    assert_eq!(alice.works("get_artifact_info", json!({"name": "weights"})).await["data"], *artifact);
    assert_eq!(
        bob.raises("get_artifact_info", json!({"name": "weights"})).await,
        "RequestedEntityNotFoundError"
    );
    assert_eq!(bob.raises("delete_artifact", json!({"id": id})).await, "OperationNotAllowedError");

    let listed = alice.works("list_artifacts", json!({})).await;
    assert_eq!((&listed["data"][0]["_id"], &listed["meta"]["total"]), (id, &json!(1)));
    let ask =
        json!({"filter": {"metaData.foo": "baz"}, "sort": {"createdAt": -1}, "pageIndex": 1, "pageSize": 5});
    assert_eq!(alice.works("list_artifacts", ask).await["data"], json!([]));

    let change = json!({"id": id, "name": "renamed", "metadata": {"foo": "baz"}, "is_public": false});
    let changed = alice.works("update_artifact", change).await["data"].clone();
    assert_eq!((&changed["name"], &changed["visibility"]), (&json!("renamed"), &json!("private")));
    assert_eq!(changed["metaData"], json!({"foo": "baz"}));
    assert_eq!(bob.raises("get_artifact_info", json!({"id": id})).await, "RequestedEntityNotFoundError");
    assert_eq!(
        bob.raises("download_artifact", json!({"id": id, "f": copy})).await,
        "RequestedEntityNotFoundError"
    );

    let other = alice.works("upload_artifact", json!({"f": file, "name": "other"})).await["data"].clone();
    let taken = json!({"id": other["_id"], "name": "renamed"});
    assert_eq!(alice.raises("update_artifact", taken).await, "IdentifierNamespaceOccupiedError");
    std::fs::write(&file, b"new").unwrap();
    let replaced = alice.works("upload_artifact", json!({"f": file, "id": id})).await;
    assert_eq!((&replaced["data"]["_id"], &replaced["data"]["size"]), (id, &json!(3)));

    let third = alice.works("upload_artifact", json!({"f": file})).await["data"].clone();
    let many = json!({"ids": [third["_id"], other["_id"]], "names": ["renamed", "nothing"]});
    assert_eq!(alice.works("delete_multiple_artifacts", many).await["code"], 200);
    assert_eq!(alice.raises("get_artifact_info", json!({"id": id})).await, "RequestedEntityNotFoundError");
    assert_eq!(
        alice.raises("delete_artifact", json!({"name": "other"})).await,
        "RequestedEntityNotFoundError"
    );
    assert_eq!((hub.count("artifacts").await, objects(&hub)), (0, 0));
}

#[tokio::test]
async fn sdk_0_22_stores_finds_and_deletes() {
    let hub = hub().await;
    let alice = Sdk::of(&hub, "sdk-0.22.5", "alice").await;
    let file = alice.home.path().join("data.bin");
    std::fs::write(&file, b"some data").unwrap();
    let answer = alice.works("upload_artifact", json!({"f": file, "metadata": {"foo": {"bar": 1}}})).await;
    let artifact = &answer["data"];
    let id = &artifact["_id"];
    assert_eq!(
        (&artifact["visibility"], &artifact["metaData"]),
        (&json!("private"), &json!({"foo": {"bar": 1}}))
    );
    let copy = alice.home.path().join("copy.bin");
    alice.works("download_artifact", json!({"id": id, "f": copy})).await;
    assert_eq!(std::fs::read(&copy).unwrap(), b"some data");
    assert_eq!(alice.works("get_artifact_info", json!({"id": id})).await["data"], *artifact);
    let listed = alice
        .works("list_artifacts", json!({"filter": {"metaData.foo.bar": 1}, "sort": {"createdAt": 1}}))
        .await;
    assert_eq!(listed["data"], json!([artifact]));
    std::fs::write(&file, b"other data").unwrap();
    let replaced = alice.works("upload_artifact", json!({"f": file, "id": id, "is_public": true})).await;
    assert_eq!((&replaced["data"]["_id"], &replaced["data"]["visibility"]), (id, &json!("public")));
    assert_eq!(alice.works("delete_artifact", json!({"id": id})).await["code"], 200);
    assert_eq!(alice.raises("delete_artifact", json!({"id": id})).await, "RequestedEntityNotFoundError");
    assert_eq!(objects(&hub), 0);
}
