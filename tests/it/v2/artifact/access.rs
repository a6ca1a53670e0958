//! Who may do what with an artifact? Everyone reads public ones, its owner does all, and what is hidden answers byte for
//! byte like what was never there.

use executor_hub::domain::user::Role;
use serde_json::{Value, json};

use super::{data, download, hub, hub_with, refused, upload, uploaded};
use crate::support::{client::Client, hub::TestHub};

const MISSING: &str = "0193c0de000070008000000000000000";

async fn admin(hub: &TestHub) -> Client {
    let user = hub.app.auth().create_user("root", None, Role::Admin).await.unwrap();
    let token = hub.app.auth().issue_personal_token(user.id, "test", Some(1)).await.unwrap();
    hub.anonymous().with_token(token.expose())
}

/// Every call that names one artifact, with what a stranger would send.
async fn calls(client: &Client, id: &str, name: &str) -> Vec<(&'static str, u16, Value)> {
    let mut answers = Vec::new();
    for (method, parameters) in [
        ("artifact.getDetail", json!({"id": id})),
        ("artifact.getDetail", json!({"name": name})),
        ("artifact.getDownloadUrl", json!({"id": id})),
        ("artifact.getDownloadUrl", json!({"name": name})),
        ("artifact.update", json!({"id": id, "name": "mine", "public": true})),
        ("artifact.updateMetaData", json!({"id": id, "metaData": {"a": 1}})),
        ("artifact.updateMetaData", json!({"name": name, "metaData": {"a": 1}})),
        ("artifact.deleteMany", json!({"ids": [id], "names": [name]})),
        ("artifact.delete", json!({"id": id})),
        ("artifact.delete", json!({"name": name})),
    ] {
        let answer = client.rpc(method, parameters).await;
        let mut body = answer.json();
        body["requestId"] = Value::Null;
        if method == "artifact.getDownloadUrl" && answer.status == 200 {
            body["data"]["download"] = Value::Null;
        }
        answers.push((method, answer.status.as_u16(), body));
    }
    let answer = upload(client, b"mine", &[("id", id)]).await;
    let mut body = answer.json();
    body["requestId"] = Value::Null;
    answers.push(("artifact.upload", answer.status.as_u16(), body));
    answers
}

fn statuses(answers: &[(&'static str, u16, Value)]) -> Vec<u64> {
    answers.iter().map(|(_, _, body)| body["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_private_artifact_answers_strangers_like_a_missing_one() {
    let hub = hub().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    let artifact = uploaded(&alice, b"secret", &[("name", "hidden")]).await;
    let id = artifact["_id"].as_str().unwrap();
    for stranger in [&bob, &hub.anonymous()] {
        let hidden = calls(stranger, id, "alice/hidden").await;
        assert_eq!(hidden, calls(stranger, MISSING, "alice/missing").await);
        assert_eq!(hidden, calls(stranger, MISSING, "nobody/hidden").await);
    }
    let (yes, no, who) = (20000, 40403, 40103);
    let of_bob = statuses(&calls(&bob, id, "alice/hidden").await);
    assert_eq!(
        of_bob,
        [no, no, no, no, no, no, no, yes, no, no, no],
        "only deleteMany passes over what is not there"
    );
    let of_nobody = statuses(&calls(&hub.anonymous(), id, "alice/hidden").await);
    assert_eq!(of_nobody, [no, no, no, no, who, who, who, who, who, who, who]);
    assert_eq!(
        data(&alice.rpc("artifact.getDetail", json!({"id": id})).await),
        artifact,
        "nothing was changed"
    );
    assert_eq!(download(&hub, &alice, &artifact).await, b"secret");
    let listed = bob.rpc("artifact.list", json!({"filter": {"_id": id}})).await.json();
    assert_eq!((&listed["data"], &listed["meta"]["total"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn a_public_artifact_is_read_by_all_and_changed_by_its_owner() {
    let hub = hub().await;
    let (alice, bob, root) = (hub.person("alice").await, hub.person("bob").await, admin(&hub).await);
    let artifact = uploaded(&alice, b"open", &[("name", "shown"), ("public", "True")]).await;
    let id = artifact["_id"].as_str().unwrap();
    let (yes, not_yours, who) = (20000, 40301, 40103);
    for reader in [&bob, &root] {
        let mut expected = vec![yes; 4];
        expected.extend([not_yours; 7]);
        assert_eq!(statuses(&calls(reader, id, "alice/shown").await), expected);
    }
    let mut expected = vec![yes; 4];
    expected.extend([who; 7]);
    assert_eq!(statuses(&calls(&hub.anonymous(), id, "alice/shown").await), expected);
    assert_eq!(
        data(&alice.rpc("artifact.getDetail", json!({"id": id})).await),
        artifact,
        "nothing was changed"
    );
    assert_eq!(download(&hub, &hub.anonymous(), &artifact).await, b"open");
    // A bare name is the caller's own.
    assert_eq!(refused(&bob.rpc("artifact.getDetail", json!({"name": "shown"})).await), 40403);
}

#[tokio::test]
async fn deleting_many_with_one_of_somebody_elses_deletes_none() {
    let hub = hub().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    uploaded(&alice, b"open", &[("name", "shown"), ("public", "True")]).await;
    uploaded(&bob, b"own", &[("name", "own")]).await;
    let answer = bob.rpc("artifact.deleteMany", json!({"names": ["own", "alice/shown"]})).await;
    assert_eq!(refused(&answer), 40301);
    assert_eq!(hub.count("artifacts").await, 2);
}

#[tokio::test]
async fn an_admin_reads_private_artifacts_but_changes_none() {
    let hub = hub().await;
    let (alice, root) = (hub.person("alice").await, admin(&hub).await);
    let artifact = uploaded(&alice, b"secret", &[]).await;
    assert_eq!(download(&hub, &root, &artifact).await, b"secret");
    assert_eq!(refused(&root.rpc("artifact.delete", json!({"id": artifact["_id"]})).await), 40301);
}

#[tokio::test]
async fn calls_that_need_somebody_ask_to_sign_in() {
    let hub = hub().await;
    for client in [hub.anonymous(), hub.anonymous().with_token("wrong")] {
        assert_eq!(refused(&upload(&client, &vec![0; 100_000], &[("name", "x")]).await), 40103);
        assert_eq!(refused(&client.rpc("artifact.list", json!({})).await), 40103);
    }
    assert_eq!(hub.count("artifact_bytes").await, 0);
}

#[tokio::test]
async fn a_sign_in_only_hub_hides_public_artifacts_from_strangers() {
    let hub = hub_with(&["auth.sign_in_required=true"]).await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    let artifact = uploaded(&alice, b"open", &[("public", "True")]).await;
    let ask = json!({"id": artifact["_id"]});
    assert_eq!(refused(&hub.anonymous().rpc("artifact.getDetail", ask.clone()).await), 40403);
    assert_eq!(refused(&hub.anonymous().rpc("artifact.getDownloadUrl", ask.clone()).await), 40403);
    data(&bob.rpc("artifact.getDetail", ask).await);
}
