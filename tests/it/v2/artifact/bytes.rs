//! Are bytes kept exactly as long as somebody has them, whatever happens at the same time?

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{data, download, hub, objects, upload, uploaded};

#[tokio::test]
async fn the_same_bytes_of_several_people_are_kept_once_until_the_last_is_gone() {
    let hub = hub().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    let of_alice = uploaded(&alice, b"shared", &[]).await;
    let of_bob = uploaded(&bob, b"shared", &[]).await;
    assert_eq!((hub.count("artifacts").await, objects(&hub)), (2, 1));
    data(&alice.rpc("artifact.delete", json!({"id": of_alice["_id"]})).await);
    assert_eq!(download(&hub, &bob, &of_bob).await, b"shared");
    data(&bob.rpc("artifact.delete", json!({"id": of_bob["_id"]})).await);
    assert_eq!((hub.count("artifact_bytes").await, objects(&hub)), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deleting_and_uploading_the_same_bytes_at_once_loses_nothing() {
    let hub = hub().await;
    let bytes = vec![3_u8; 20_000];
    let people =
        futures_util::future::join_all((0..6).map(async |i| hub.person(&format!("p{i}")).await)).await;
    let rounds = people.iter().map(|person| {
        let (hub, bytes) = (&hub, &bytes);
        async move {
            for _ in 0..15 {
                let artifact = uploaded(person, bytes, &[]).await;
                assert!(download(hub, person, &artifact).await == *bytes, "an artifact has its bytes");
                data(&person.rpc("artifact.delete", json!({"id": artifact["_id"]})).await);
            }
            uploaded(person, bytes, &[]).await
        }
    });
    let left = futures_util::future::join_all(rounds).await;
    for (person, artifact) in people.iter().zip(&left) {
        assert!(download(&hub, person, artifact).await == bytes);
        data(&person.rpc("artifact.delete", json!({"id": artifact["_id"]})).await);
    }
    assert_eq!(
        (hub.count("artifact_bytes").await, hub.count("artifact_uploads").await, objects(&hub)),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn bytes_that_a_crash_left_are_collected_and_those_in_use_are_not() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let kept = uploaded(&alice, b"kept", &[]).await;
    // Three uploads that ended at various points: long ago, just now, and between its deletion and the collection.
    for (bytes, age) in
        [("long ago", Some("7 hours")), ("under way", Some("1 minute")), ("half deleted", None)]
    {
        let artifact = uploaded(&alice, bytes.as_bytes(), &[]).await;
        let digest = Sha256::digest(bytes).to_vec();
        assert_eq!(artifact["sha256"], hex::encode(&digest));
        sqlx::query("DELETE FROM artifacts WHERE sha256 = $1")
            .bind(&digest)
            .execute(&hub.pool)
            .await
            .unwrap();
        if let Some(age) = age {
            let insert =
                "INSERT INTO artifact_uploads VALUES (gen_random_uuid(), $1, now() - $2::text::interval)";
            sqlx::query(insert).bind(&digest).bind(age).execute(&hub.pool).await.unwrap();
        }
    }
    assert_eq!(objects(&hub), 4);
    assert_eq!(hub.app.hub().collect_artifact_bytes().await.unwrap(), 2);
    assert_eq!((hub.count("artifact_bytes").await, objects(&hub)), (2, 2));
    assert_eq!(download(&hub, &alice, &kept).await, b"kept");
    assert_eq!(hub.app.hub().collect_artifact_bytes().await.unwrap(), 0);
}

#[tokio::test]
async fn bytes_whose_deletion_was_cut_short_are_stored_again() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let artifact = uploaded(&alice, b"bytes", &[]).await;
    sqlx::query("DELETE FROM artifacts").execute(&hub.pool).await.unwrap();
    // The object is gone, its row is not yet: as if the process had been killed there.
    for file in hub.stored_files() {
        std::fs::remove_file(file).unwrap();
    }
    let again = uploaded(&alice, b"bytes", &[]).await;
    assert_ne!(again["_id"], artifact["_id"]);
    assert_eq!(download(&hub, &alice, &again).await, b"bytes");
}

#[tokio::test]
async fn the_database_refuses_an_artifact_whose_bytes_nobody_stored() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    uploaded(&alice, b"bytes", &[]).await;
    let forget = sqlx::query("DELETE FROM artifact_bytes").execute(&hub.pool).await;
    assert!(forget.is_err(), "bytes that an artifact needs cannot be forgotten");
    assert_eq!(upload(&alice, b"others", &[]).await.status, 200);
}
