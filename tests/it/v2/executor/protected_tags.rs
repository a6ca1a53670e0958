//! Protected tags: set once, never moved, whoever races.

use serde_json::json;

use crate::support::{hub::TestHub, package::package};

#[tokio::test]
async fn a_protected_tag_refuses_other_bytes_and_takes_the_same_again() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let first = alice.push("executor.push", &[("immutableTags", "v1")], &package("Hello")).await.last_line();
    assert_eq!(first["payload"]["commit"]["tags"], json!(["v1"]), "only what was asked for, no `latest`");
    let other = package("Hello").with("README.md", "# Other\n");
    let files = hub.stored_files();
    for fields in [[("tags", "v1")], [("immutableTags", "v1")], [("tags", "latest,v1")]] {
        let answer = alice.push("executor.push", &fields, &other).await;
        let line = answer.last_line();
        assert_eq!(
            (answer.status.as_u16(), &line["errorCode"]),
            (409, &json!("tag_protected")),
            "{fields:?}"
        );
        let text = line["message"].as_str().unwrap();
        assert!(text.contains("alice") && text.contains("sha256:") && text.contains("v1"), "{text}");
    }
    assert_eq!(hub.stored_files(), files, "refused before its bytes are kept");
    let again = alice.push("executor.push", &[("immutableTags", "v1")], &package("Hello")).await.last_line();
    assert_eq!(again["type"], "complete");
    assert_eq!(again["payload"]["commit"]["id"], first["payload"]["commit"]["id"]);
    assert_eq!((hub.count("commits").await, hub.engine.built().len()), (1, 1), "nothing was added or built");
}

#[tokio::test]
async fn the_database_refuses_to_move_or_drop_a_protected_tag() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[("immutableTags", "v1")], &package("Hello")).await;
    for statement in [
        "UPDATE tags SET commit_id = gen_random_uuid()",
        "UPDATE tags SET is_protected = false",
        "UPDATE tags SET name = 'v2'",
        "DELETE FROM tags",
        "DELETE FROM commits",
    ] {
        let error = sqlx::query(statement).execute(&hub.pool).await.expect_err(statement);
        assert!(error.to_string().contains("protected"), "{statement}: {error}");
    }
    sqlx::query("DELETE FROM executors").execute(&hub.pool).await.expect("it goes with its Executor");
}

#[tokio::test]
async fn of_pushes_that_race_for_a_protected_tag_one_wins() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[], &package("Hello")).await;
    let racers = (0..8).map(|n| {
        let alice = alice.clone();
        tokio::spawn(async move {
            let package = package("Hello").with("racer.txt", &n.to_string());
            alice.push("executor.push", &[("tags", "x"), ("immutableTags", "v1")], &package).await.last_line()
        })
    });
    let mut winners = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        let line = racer.await.unwrap();
        if line["type"] == "complete" {
            winners.push(line["payload"]["commit"]["id"].clone());
        } else {
            assert_eq!(line["errorCode"], "tag_protected", "{line}");
        }
    }
    assert_eq!(winners.len(), 1);
    let pulled = alice.rpc("executor.getPackage", json!({"id": "Hello", "tag": "v1"})).await.json();
    assert_eq!(pulled["data"]["commit"]["id"], winners[0]);
    let x = alice.rpc("executor.getPackage", json!({"id": "Hello", "tag": "x"})).await.json();
    assert_eq!(x["data"]["commit"]["id"], winners[0], "a loser moves none of its tags");
}

#[tokio::test]
async fn a_push_that_finishes_late_neither_takes_a_tag_back_nor_shows_what_was_hidden() {
    let hub =
        TestHub::start_with(crate::support::hub::Wanted { without_worker: true, ..Default::default() }).await;
    let alice = hub.person("alice").await;
    let push = async |text: &str, visibility: &str| {
        let package = package("Hello").with("README.md", text);
        alice.push("executor.createAsync", &[(visibility, "True")], &package).await.json()["data"]["_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (old, new) = (push("old", "public").await, push("new", "private").await);
    // The newer one is built first.
    sqlx::query("UPDATE tasks SET run_after = run_after + interval '1 millisecond' WHERE id = $1::uuid")
        .bind(&old)
        .execute(&hub.pool)
        .await
        .unwrap();
    sqlx::query("UPDATE tasks SET run_after = run_after - interval '1 second' WHERE id = $1::uuid")
        .bind(&new)
        .execute(&hub.pool)
        .await
        .unwrap();
    assert!(hub.worker.run_next().await.unwrap() && hub.worker.run_next().await.unwrap());
    let tagged: String = sqlx::query_scalar(
        "SELECT t.id::text FROM tags JOIN tasks t ON t.commit_id = tags.commit_id WHERE tags.name = 'latest'",
    )
    .fetch_one(&hub.pool)
    .await
    .unwrap();
    assert_eq!(tagged.replace('-', ""), new);
    let query = "SELECT visibility FROM executors";
    let visibility: String = sqlx::query_scalar(query).fetch_one(&hub.pool).await.unwrap();
    assert_eq!(visibility, "private");
}

#[tokio::test]
async fn tags_that_hold_the_same_files_in_two_commits_take_them_again() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    for tag in ["v1", "v2"] {
        let fields = [("immutableTags", tag), ("buildWithNoCache", "True")];
        alice.push("executor.push", &fields, &package("Hello")).await;
    }
    for fields in [[("immutableTags", "v1,v2"), ("tags", "")], [("immutableTags", "v2"), ("tags", "v1")]] {
        let line = alice.push("executor.push", &fields, &package("Hello")).await.last_line();
        assert_eq!(line["type"], "complete", "{fields:?}: {line}");
    }
    assert_eq!(hub.count("commits").await, 2);
}

#[tokio::test]
async fn a_push_that_changes_nothing_does_not_claim_to_have_hidden_anything() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[("immutableTags", "v1")], &package("Hello")).await;
    let fields = [("immutableTags", "v1"), ("private", "True")];
    let line = alice.push("executor.push", &fields, &package("Hello")).await.last_line();
    let told = line["payload"]["visibility"].clone();
    let pulled = hub.anonymous().rpc("executor.getPackage", json!({"id": "alice/Hello"})).await;
    assert_eq!((told, pulled.status.as_u16()), (json!("public"), 200));
}
