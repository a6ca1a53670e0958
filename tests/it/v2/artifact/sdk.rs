//! Do unmodified SDKs get along with it? The newest, and one of an older generation.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{hub, objects};
use crate::support::{hub::TestHub, real_client::Person};

/// A person with an SDK and a folder for files.
struct Sdk {
    person: Person,
    files: TempDir,
}

impl Sdk {
    async fn of(hub: &TestHub, version: &str, login: &str) -> Self {
        let auth = hub.app.auth();
        let user = auth.create_user(login, None, executor_hub::domain::user::Role::Member).await.unwrap();
        let token = auth.issue_personal_token(user.id, "test", Some(1)).await.unwrap();
        let person = Person::new(version, &hub.url).with_token(token.expose());
        Self { person, files: tempfile::tempdir().unwrap() }
    }

    /// The answer of a method of `hubble.Client` that works.
    async fn works(&self, method: &str, arguments: Value) -> Value {
        self.person.run(&["client", method, &arguments.to_string()]).await.result().clone()
    }

    /// The number of the exception that a call raises; without words after it, the SDK would not have known it.
    async fn raises(&self, method: &str, arguments: Value) -> String {
        let said = self.person.run(&["client", method, &arguments.to_string()]).await;
        let (number, words) = said.error().split_once(": ").unwrap();
        assert!(!words.is_empty());
        number.to_owned()
    }
}

#[tokio::test]
async fn sdk_0_39_stores_finds_changes_and_deletes() {
    let hub = hub().await;
    let (alice, bob) = (Sdk::of(&hub, "sdk-0.39.0", "alice").await, Sdk::of(&hub, "sdk-0.39.0", "bob").await);
    let file = alice.files.path().join("weights.bin");
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

    let copy = bob.files.path().join("copy.bin");
    assert_eq!(bob.works("download_artifact", json!({"id": id, "f": copy})).await, json!(copy));
    assert!(std::fs::read(&copy).unwrap() == bytes);
    assert_eq!(alice.works("get_artifact_info", json!({"name": "weights"})).await["data"], *artifact);
    assert_eq!(bob.raises("get_artifact_info", json!({"name": "weights"})).await, "40403");
    assert_eq!(bob.raises("delete_artifact", json!({"id": id})).await, "40301");

    let listed = alice.works("list_artifacts", json!({})).await;
    assert_eq!((&listed["data"][0]["_id"], &listed["meta"]["total"]), (id, &json!(1)));
    let ask =
        json!({"filter": {"metaData.foo": "baz"}, "sort": {"createdAt": -1}, "pageIndex": 1, "pageSize": 5});
    assert_eq!(alice.works("list_artifacts", ask).await["data"], json!([]));

    let change = json!({"id": id, "name": "renamed", "metadata": {"foo": "baz"}, "is_public": false});
    let changed = alice.works("update_artifact", change).await["data"].clone();
    assert_eq!((&changed["name"], &changed["visibility"]), (&json!("renamed"), &json!("private")));
    assert_eq!(changed["metaData"], json!({"foo": "baz"}));
    assert_eq!(bob.raises("get_artifact_info", json!({"id": id})).await, "40403");
    assert_eq!(bob.raises("download_artifact", json!({"id": id, "f": copy})).await, "40403");

    let other = alice.works("upload_artifact", json!({"f": file, "name": "other"})).await["data"].clone();
    let taken = json!({"id": other["_id"], "name": "renamed"});
    assert_eq!(alice.raises("update_artifact", taken).await, "42202");
    std::fs::write(&file, b"new").unwrap();
    let replaced = alice.works("upload_artifact", json!({"f": file, "id": id})).await;
    assert_eq!((&replaced["data"]["_id"], &replaced["data"]["size"]), (id, &json!(3)));

    let third = alice.works("upload_artifact", json!({"f": file})).await["data"].clone();
    let many = json!({"ids": [third["_id"], other["_id"]], "names": ["renamed", "nothing"]});
    assert_eq!(alice.works("delete_multiple_artifacts", many).await["code"], 200);
    assert_eq!(alice.raises("get_artifact_info", json!({"id": id})).await, "40403");
    assert_eq!(alice.raises("delete_artifact", json!({"name": "other"})).await, "40403");
    assert_eq!((hub.count("artifacts").await, objects(&hub)), (0, 0));
}

#[tokio::test]
async fn sdk_0_22_stores_finds_and_deletes() {
    let hub = hub().await;
    let alice = Sdk::of(&hub, "sdk-0.22.5", "alice").await;
    let file = alice.files.path().join("data.bin");
    std::fs::write(&file, b"some data").unwrap();
    let answer = alice.works("upload_artifact", json!({"f": file, "metadata": {"foo": {"bar": 1}}})).await;
    let artifact = &answer["data"];
    let id = &artifact["_id"];
    assert_eq!(
        (&artifact["visibility"], &artifact["metaData"]),
        (&json!("private"), &json!({"foo": {"bar": 1}}))
    );
    let copy = alice.files.path().join("copy.bin");
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
    assert_eq!(alice.raises("delete_artifact", json!({"id": id})).await, "40403");
    assert_eq!(objects(&hub), 0);
}
