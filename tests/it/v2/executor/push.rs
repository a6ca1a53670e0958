//! Pushes that work: what they answer and what they leave.

use serde_json::json;

use crate::support::{hub::TestHub, package::package};

#[tokio::test]
async fn a_signed_in_push_is_built_and_belongs_to_its_author() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let answer =
        alice.push("executor.push", &[("id", "Hello"), ("tags", "v1,latest")], &package("Hello")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let last = answer.last_line();
    assert_eq!((&last["type"], &last["subject"]), (&json!("complete"), &json!("createExecutor")));
    assert!(last["message"].is_string());
    let payload = &last["payload"];
    assert_eq!(payload["name"], "Hello");
    assert_eq!(payload["visibility"], "public");
    assert_eq!(payload["owner"]["name"], "alice");
    assert_eq!(payload["commit"]["tags"], json!(["v1", "latest"]));
    assert!(payload.get("secret").is_none(), "a signed-in push has no secret");
    assert_eq!(payload["id"].as_str().unwrap().len(), 8);
    assert_eq!(hub.engine.built().len(), 1);
}

#[tokio::test]
async fn an_anonymous_push_gets_its_secret_once_and_updates_with_it() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    let first = client.push("executor.create", &[], &package("Hello")).await.last_line();
    let secret = first["payload"]["secret"].as_str().expect("a secret").to_owned();
    assert!(first["payload"].get("owner").is_none(), "nobody owns it, and null would break clients");

    let changed = package("Hello").with("README.md", "# Changed\n");
    let fields = [("id", "Hello"), ("secret", secret.as_str())];
    let second = client.push("executor.update", &fields, &changed).await.last_line();
    assert_eq!(second["type"], "complete");
    assert_eq!(second["payload"]["id"], first["payload"]["id"]);
    assert_eq!(second["payload"]["secret"], json!(secret), "old clients demand it again");
    assert_ne!(second["payload"]["commit"]["id"], first["payload"]["commit"]["id"]);

    let pulled = client.rpc("executor.getPackage", json!({"id": "Hello", "include": ["code"]})).await;
    assert_eq!(pulled.json()["data"]["commit"]["id"], second["payload"]["commit"]["id"]);
    assert!(!String::from_utf8_lossy(&pulled.body).contains(&secret));
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_stores_nothing() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    client.push("executor.create", &[], &package("Hello")).await;
    let files = hub.stored_files();
    let changed = package("Hello").with("README.md", "# Changed\n");
    for fields in [vec![("id", "Hello"), ("secret", "wrong")], vec![("id", "Hello")]] {
        let answer = client.push("executor.update", &fields, &changed).await;
        assert_eq!(answer.status, 403);
        let line = answer.last_line();
        // Both shapes at once: for clients that read the status, the stream, or neither.
        assert_eq!((&line["type"], &line["status"]), (&json!("error"), &json!(40301)));
        assert_eq!(line["message"], line["payload"]["readableMessage"]);
        assert!(line["readableMessage"].as_str().unwrap().contains("--force-update"));
    }
    assert_eq!((hub.count("commits").await, hub.count("tasks").await), (1, 1));
    assert_eq!(hub.stored_files(), files);
}

#[tokio::test]
async fn a_chosen_secret_is_the_one_that_counts() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    let fields = [("secret", "sanity@Check"), ("private", "True")];
    let first = client.push("executor.create", &fields, &package("SanityCheck")).await.last_line();
    assert_eq!(first["payload"]["secret"], "sanity@Check");
    assert_eq!(first["payload"]["visibility"], "private");
    let pull = json!({"id": "SanityCheck", "secret": "sanity@Check", "tag": "latest"});
    assert_eq!(client.rpc("executor.getPackage", pull).await.status, 200);
    let bad = client.push("executor.create", &[("secret", "a:b")], &package("Other")).await;
    assert_eq!(bad.last_line()["errorCode"], "secret");
}

#[tokio::test]
async fn a_taken_name_is_refused_with_the_way_to_update_it() {
    let hub = TestHub::start().await;
    hub.anonymous().push("executor.create", &[], &package("Hello")).await;
    let answer = hub.anonymous().push("executor.create", &[], &package("hello")).await;
    let line = answer.last_line();
    assert_eq!((answer.status.as_u16(), &line["status"]), (422, &json!(42202)));
    assert!(line["readableMessage"].as_str().unwrap().contains("--force-update hello"));
    assert_eq!(hub.count("executors").await, 1);
}

#[tokio::test]
async fn each_owner_has_names_of_their_own_and_the_first_holds_the_bare_one() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    let first = alice.push("executor.push", &[], &package("Hello")).await.last_line();
    let second = bob.push("executor.push", &[], &package("Hello")).await.last_line();
    assert_ne!(first["payload"]["id"], second["payload"]["id"]);
    let id = async |client: &crate::support::client::Client, name: &str| {
        client.rpc("executor.getPackage", json!({"id": name})).await.json()["data"]["id"].clone()
    };
    assert_eq!(id(&hub.anonymous(), "hello").await, first["payload"]["id"], "the first holds the bare name");
    assert_eq!(id(&bob, "Hello").await, second["payload"]["id"], "one's own comes first");
    assert_eq!(id(&hub.anonymous(), "bob/Hello").await, second["payload"]["id"]);
    let by_id = second["payload"]["id"].as_str().unwrap();
    assert_eq!(id(&alice, by_id).await, second["payload"]["id"], "ids always work");
}

#[tokio::test]
async fn a_second_push_updates_and_keeps_the_visibility() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let first = alice.push("executor.push", &[("private", "True")], &package("Hello")).await.last_line();
    let changed = package("Hello").with("README.md", "# Changed\n");
    let second = alice.push("executor.push", &[("id", "Hello"), ("tags", "v2")], &changed).await.last_line();
    assert_eq!(second["payload"]["id"], first["payload"]["id"]);
    assert_eq!(second["payload"]["visibility"], "private");
    // `latest` stays where it was: only the tags of the push move.
    let latest = alice.rpc("executor.getPackage", json!({"id": "Hello"})).await.json();
    assert_eq!(latest["data"]["commit"]["id"], first["payload"]["commit"]["id"]);
    let changed = alice.push("executor.push", &[("public", "True")], &changed.with("x.txt", "x")).await;
    assert_eq!(changed.last_line()["payload"]["visibility"], "public");
    assert_eq!(hub.anonymous().rpc("executor.getPackage", json!({"id": "alice/Hello"})).await.status, 200);
}

#[tokio::test]
async fn a_stale_token_is_an_error_and_never_an_anonymous_push() {
    let hub = TestHub::start().await;
    let stale = hub.anonymous().with_token("ehub_gone");
    let answer = stale.push("executor.create", &[], &package("Hello")).await;
    let line = answer.last_line();
    assert_eq!(
        (answer.status.as_u16(), &line["type"], &line["status"]),
        (401, &json!("error"), &json!(40103))
    );
    assert_eq!(hub.count("executors").await, 0);
}

#[tokio::test]
async fn a_hub_without_anonymous_pushes_asks_to_sign_in() {
    let wanted = crate::support::hub::Wanted { set: vec!["auth.anonymous_push=false"], ..Default::default() };
    let hub = TestHub::start_with(wanted).await;
    let answer = hub.anonymous().push("executor.create", &[], &package("Hello")).await;
    assert_eq!(answer.last_line()["errorCode"], "sign_in_required");
    assert_eq!(hub.count("executors").await, 0);
}

#[tokio::test]
async fn build_variables_are_kept_encrypted_told_by_name_and_wiped_at_the_end() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    hub.engine.next(crate::support::engine::Script::Waits);
    let with_variable =
        package("Hello").with("requirements.txt", "six @ git+https://${TOKEN}@example.com/six.git\n");
    let fields = [("buildEnv", r#"{"TOKEN": "hunter2hunter2"}"#)];
    let pushing = {
        let alice = alice.clone();
        let package = with_variable.clone();
        tokio::spawn(async move { alice.push("executor.push", &fields, &package).await })
    };
    hub.engine.has_started().await;
    let sealed: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT build_env FROM tasks").fetch_one(&hub.pool).await.unwrap();
    let sealed = sealed.expect("kept while the build runs");
    assert!(!sealed.windows(14).any(|window| window == b"hunter2hunter2"));
    hub.engine.release();
    assert_eq!(pushing.await.unwrap().last_line()["type"], "complete");
    let wiped: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT build_env FROM tasks").fetch_one(&hub.pool).await.unwrap();
    assert_eq!(wiped, None);
    let pulled = alice.rpc("executor.getPackage", json!({"id": "Hello"})).await.json();
    assert_eq!(pulled["data"]["commit"]["commitParams"]["buildEnv"], json!({"TOKEN": ""}));

    let missing = alice.push("executor.push", &[("id", "Hello")], &with_variable).await;
    assert!(missing.last_line()["readableMessage"].as_str().unwrap().contains("TOKEN"));
}
