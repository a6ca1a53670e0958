//! The traps of the wire, each by its number in the protocol notes: what an old client would crash on or misread.
//! Those of jina 2.x are in `v1`; those of signing in and of artifacts stand with their methods.

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    client::Answer,
    hub::{TestHub, Wanted},
    package::{md5, package},
};

fn complete(answer: &Answer) -> Value {
    let last = answer.last_line();
    assert_eq!(last["type"], "complete", "{last}");
    last
}

#[tokio::test]
async fn trap_2_create_and_update_by_secret_always_answer_with_a_secret() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    let created = complete(&client.push("executor.create", &[], &package("Hello")).await);
    let secret = created["payload"]["secret"].as_str().unwrap();
    let update = [("id", "Hello"), ("secret", secret), ("immutableTags", "v1")];
    // The second time nothing changes, and the field is there all the same.
    for _ in 0..2 {
        let updated = complete(&client.push("executor.update", &update, &package("Hello")).await);
        assert_eq!(updated["payload"]["secret"], secret);
    }
}

#[tokio::test]
async fn trap_3_a_pull_by_get_names_a_container_even_where_none_is_built() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    let client = hub.anonymous();
    client.push("executor.create", &[], &package("Hello")).await;
    let by_get = client.get("/v2/rpc/executor.getPackage?id=Hello&tag=latest").await.json();
    assert_eq!(by_get["data"]["package"]["containers"].as_array().unwrap().len(), 1);
    // Who asks by POST takes an empty list for "no image", which is the truth.
    let by_post = client.rpc("executor.getPackage", json!({"id": "Hello", "include": ["code"]})).await.json();
    assert_eq!(by_post["data"]["package"]["containers"], json!([]));
}

#[tokio::test]
async fn trap_4_commit_and_its_parts_are_never_null() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    let pushed = complete(&client.push("executor.create", &[], &package("Hello")).await);
    assert!(pushed["payload"].get("owner").is_none(), "absent, not null: {pushed}");
    let pulled = client.rpc("executor.getPackage", json!({"id": "Hello"})).await.json()["data"].clone();
    assert!(pulled.get("owner").is_none(), "absent, not null: {pulled}");
    for commit in [&pushed["payload"]["commit"], &pulled["commit"]] {
        assert!(commit["id"].as_str().is_some_and(|id| !id.is_empty()), "{commit}");
        assert_eq!(commit["tags"], json!(["latest"]));
    }
    assert!(pulled["commit"]["commitParams"]["buildEnv"].is_object(), "{pulled}");
}

#[tokio::test]
async fn trap_5_complete_has_a_message_and_an_object() {
    for mode in ["builds.mode=auto", "builds.mode=off"] {
        let hub = TestHub::start_with(Wanted { set: vec![mode], ..Wanted::default() }).await;
        let last = complete(&hub.anonymous().push("executor.create", &[], &package("Hello")).await);
        assert!(last["message"].is_string() && last["payload"].is_object(), "{last}");
    }
}

#[tokio::test]
async fn trap_6_no_line_is_blank_and_none_breaks_a_reader_of_markup() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let wild = package("Hello").with("Dockerfile", "FROM base\n");
    let answer = alice.push("executor.push", &[("verbose", "True")], &wild).await;
    // Reading the lines fails on a blank one.
    let pushed = answer.lines();
    let task = alice.rpc("executor.listAsyncTasks", json!({"id": "Hello"})).await.json();
    let task = task["data"][0]["_id"].clone();
    let story = json!({"id": task, "replay": "True", "verbose": "True"});
    let told = alice.rpc("executor.queryProgress", story).await.lines();
    let consoles = pushed.iter().chain(told.iter().map(|line| &line["data"]["data"]));
    let consoles: Vec<&Value> = consoles.filter(|line| line["type"] == "console").collect();
    assert!(consoles.len() >= 6, "{pushed:?}");
    assert!(
        consoles.iter().any(|line| line["payload"] == "#2 0.1 hello from the build in [ /workspace]"),
        "{consoles:?}"
    );
    for line in consoles {
        assert!(line["payload"].as_str().is_some_and(|text| !text.contains("[/")), "{line}");
    }
    let progress = pushed.iter().filter(|line| line["type"] == "progress");
    assert!(progress.clone().count() > 0);
    for line in progress {
        assert!(!line["legacyMessage"].is_null() || line.get("legacyMessage").is_none(), "{line}");
    }
}

#[tokio::test]
async fn trap_7_create_takes_an_id_without_secret_and_a_secret_without_id() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    let created =
        complete(&client.push("executor.create", &[("secret", "chosen-one")], &package("Hello")).await);
    assert_eq!(created["payload"]["secret"], "chosen-one");
    // jina ≤ 3.3 says `create` when `--force` comes alone: an update, which nobody may do without the secret.
    let refused = client.push("executor.create", &[("id", "Hello")], &package("Hello")).await;
    assert_eq!((refused.status.as_u16(), &refused.last_line()["type"]), (403, &json!("error")));
    let updated =
        client.push("executor.create", &[("id", "Hello"), ("secret", "chosen-one")], &package("Hello")).await;
    assert_eq!(complete(&updated)["payload"]["id"], created["payload"]["id"]);
    assert_eq!(hub.count("executors").await, 1);
}

#[tokio::test]
async fn trap_8_push_takes_the_name_from_the_package_and_leaves_a_task() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let pushed = complete(&alice.push("executor.push", &[], &package("Hello")).await);
    assert_eq!(pushed["payload"]["name"], "Hello");
    assert!(pushed["payload"].get("secret").is_none());
    let parameters = json!({"id": "Hello", "sort": "-createdAt", "pageSize": "1"});
    let tasks = alice.rpc("executor.listAsyncTasks", parameters).await.json();
    let story = alice.rpc("executor.queryProgress", json!({"id": tasks["data"][0]["_id"]})).await;
    let report = story.last_line();
    assert_eq!((&report["type"], &report["status"]), (&json!("report"), &json!("succeeded")));
    assert_eq!(report["result"], pushed["payload"]);
}

#[tokio::test]
async fn trap_9_whoami_has_a_nickname_and_every_bad_token_is_40103() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let path = "/v2/rpc/user.identity.whoami";
    let known = alice.send(Method::POST, path, &[], Vec::new()).await.json();
    assert!(known["data"]["nickname"].is_string() && known["data"]["name"] == "alice", "{known}");
    for stranger in [hub.anonymous(), hub.anonymous().with_token("stale")] {
        let answer = stranger.send(Method::POST, path, &[], Vec::new()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (401, &json!(40103)));
    }
}

#[tokio::test]
async fn trap_12_a_download_carries_no_credentials_and_resumes() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    let private = [("private", "True"), ("secret", "chosen-one")];
    client.push("executor.create", &private, &package("Hello")).await;
    let pulled =
        client.rpc("executor.getPackage", json!({"id": "Hello", "secret": "chosen-one"})).await.json();
    let address = pulled["data"]["package"]["download"].as_str().unwrap();
    let head = client.send(Method::HEAD, address, &[], Vec::new()).await;
    let whole = client.get(address).await;
    assert_eq!(head.headers["content-length"], whole.headers["content-length"]);
    assert!(!whole.headers.contains_key("content-encoding"));
    assert_eq!(pulled["data"]["package"]["md5"], md5(&whole.body));
    let rest = client.send(Method::GET, address, &[("range", "bytes=10-")], Vec::new()).await;
    assert_eq!((rest.status.as_u16(), &rest.body[..]), (206, &whole.body[10..]));
}

#[tokio::test]
async fn trap_14_forty_five_headers_with_underscores_and_empty_values_are_taken() {
    let hub = TestHub::start().await;
    let names: Vec<String> = (0..25)
        .map(|n| format!("jinameta-fact-{n}"))
        .chain((0..25).map(|n| format!("JINA_FACT_{n}")))
        .collect();
    let mut headers: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "(unset)")).collect();
    headers.extend([("jinameta-processor", ""), ("content-type", "application/json")]);
    let body = json!({"id": "Nothing"}).to_string().into_bytes();
    let answer = hub.anonymous().send(Method::POST, "/v2/rpc/executor.getPackage", &headers, body).await;
    assert_eq!(answer.json()["status"], 40403);
}

#[tokio::test]
async fn trap_15_a_stale_token_is_told_inside_the_stream() {
    let hub = TestHub::start().await;
    let stale = hub.anonymous().with_token("stale");
    for method in ["executor.create", "executor.update", "executor.push", "executor.createAsync"] {
        let answer = stale.push(method, &[], &package("Hello")).await;
        let line = answer.last_line();
        assert_eq!((&line["type"], &line["status"]), (&json!("error"), &json!(40103)), "{method}");
        for text in [&line["message"], &line["payload"]["message"], &line["payload"]["readableMessage"]] {
            assert!(text.as_str().unwrap().contains("The token is invalid or expired."), "{method}: {line}");
        }
    }
    assert_eq!(hub.count("executors").await, 0, "nothing was pushed in nobody's name");
}

#[tokio::test]
async fn trap_16_a_pull_is_answered_with_exactly_200() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    client.push("executor.create", &[], &package("Hello")).await;
    let include = json!({"id": "Hello", "include": ["code", "docker"], "rebuildImage": true, "preferPlatform": "linux/riscv64"});
    let answer = client.rpc("executor.getPackage", include).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json()["data"]["package"]["containers"].as_array().unwrap().len(),
        1,
        "another platform's"
    );
}

#[tokio::test]
async fn trap_17_a_slash_too_many_in_the_registry_does_no_harm() {
    let hub = TestHub::start().await;
    let answer = hub.person("alice").await.get("//v2/rpc/user.identity.whoami").await;
    assert_eq!(answer.json()["data"]["name"], "alice");
}

#[tokio::test]
async fn sandboxes_are_declined_in_the_body_that_the_clients_read() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    let asked =
        json!({"name": "Hello", "tag": "latest", "jina": "3.27.0", "args": {"uses": "x"}, "secret": null});
    for answer in [
        client.get("/v2/rpc/sandbox.get?name=Hello&tag=&jina=3.0.0").await,
        client.rpc("sandbox.get", asked.clone()).await,
        client.rpc("sandbox.create", asked).await,
    ] {
        let body = answer.json();
        assert_eq!(body["code"], 404, "{body}");
        assert!(body["readableMessage"].as_str().unwrap().contains("runs no sandboxes"), "{body}");
    }
}
