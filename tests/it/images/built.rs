//! What becomes of an image that a build made? It is in the registry before the commit can be pulled, under a name that means
//! it for ever, and nothing of an image that must not be used is.

use std::time::Duration;

use executor_hub::domain::task::FaultKind;
use serde_json::{Value, json};

use crate::support::{
    archive::{Image, tar_of, unpacked},
    engine::{FakeEngine, Script},
    hub::{TestHub, Wanted},
    package::package,
};

/// What `executor.getPackage` says of this Executor.
async fn meta(hub: &TestHub, id: &str) -> Value {
    let asked = json!({"id": id, "include": ["code", "docker"], "rebuildImage": true});
    hub.anonymous().rpc("executor.getPackage", asked).await.json()["data"].clone()
}

fn host(hub: &TestHub) -> &str {
    hub.url.strip_prefix("http://").unwrap()
}

/// What Docker gets of a public repository, for which it first asks for a token as anybody may.
async fn fetch(hub: &TestHub, repository: &str, path: &str) -> Vec<u8> {
    let asked = format!("/token?service=x&scope=repository:{repository}:pull");
    let token = hub.anonymous().get(&asked).await.json()["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let answer =
        hub.anonymous().send(http::Method::GET, &format!("/v2/{repository}/{path}"), &headers, vec![]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body.to_vec()
}

/// Files of the registry among the stored ones.
fn stored_images(hub: &TestHub) -> Vec<String> {
    let mut files = hub.stored_files();
    files.retain(|file| file.contains("/images/"));
    files
}

#[tokio::test]
async fn a_built_image_is_in_the_registry_under_the_name_that_a_pull_is_told() {
    let hub = TestHub::start().await;
    let pushed = hub.anonymous().push("executor.create", &[], &package("Hello")).await.last_line();
    let (id, commit) = (&pushed["payload"]["id"], &pushed["payload"]["commit"]["id"]);
    let (id, commit) = (id.as_str().unwrap(), commit.as_str().unwrap());
    let told = meta(&hub, "Hello").await;
    assert_eq!(told["package"]["containers"], json!([format!("{}/{id}:commit-{commit}", host(&hub))]));

    let built = hub.engine.built();
    let image = FakeEngine::image(&built[0]);
    let manifest: Vec<u8> = sqlx::query_scalar(
        "SELECT m.content FROM commit_images c JOIN image_manifests m ON m.digest = c.manifest
         WHERE c.executor_id = $1 AND m.executor_id = $1",
    )
    .bind(id)
    .fetch_one(&hub.pool)
    .await
    .unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["config"]["digest"], image.id());
    assert_eq!(stored_images(&hub).len(), 3, "two layers and the description");
    let served = fetch(&hub, id, &format!("manifests/commit-{commit}")).await;
    assert_eq!(serde_json::from_slice::<Value>(&served).unwrap(), manifest);
    for (told, plain) in manifest["layers"].as_array().unwrap().iter().zip(&image.layers) {
        let layer = fetch(&hub, id, &format!("blobs/{}", told["digest"].as_str().unwrap())).await;
        assert_eq!(&unpacked(&layer), plain);
    }
    let latest = fetch(&hub, id, "manifests/latest").await;
    assert_eq!(latest, served, "the tags of the Executor lead there too");
    let listed = hub.anonymous().get("/api/v1/executors/Hello/commits").await.json();
    let name = &listed["commits"][0]["images"][0]["name"];
    assert_eq!(*name, told["package"]["containers"][0], "{listed}");
}

#[tokio::test]
async fn an_image_for_several_platforms_has_one_name_and_docker_chooses() {
    let hub = TestHub::start().await;
    let fields = [("platform", "linux/amd64,aarch64")];
    let pushed = hub.anonymous().push("executor.create", &fields, &package("Hello")).await.last_line();
    assert_eq!(pushed["type"], "complete", "{pushed}");
    let (id, commit) = (&pushed["payload"]["id"], &pushed["payload"]["commit"]["id"]);
    let (id, commit) = (id.as_str().unwrap(), commit.as_str().unwrap());
    let told = meta(&hub, "Hello").await;
    assert_eq!(told["package"]["containers"], json!([format!("{}/{id}:commit-{commit}", host(&hub))]));
    let index: Value = serde_json::from_slice(&fetch(&hub, id, "manifests/latest").await).unwrap();
    let images = index["manifests"].as_array().unwrap();
    let platforms: Vec<&Value> = images.iter().map(|image| &image["platform"]["architecture"]).collect();
    assert_eq!(platforms, ["amd64", "arm64"], "{index}");
    for (image, name) in images.iter().zip(hub.engine.built()) {
        let path = format!("manifests/{}", image["digest"].as_str().unwrap());
        let manifest: Value = serde_json::from_slice(&fetch(&hub, id, &path).await).unwrap();
        assert_eq!(manifest["config"]["digest"], FakeEngine::image(&name).id());
    }
    let listed = hub.anonymous().get("/api/v1/executors/Hello/commits").await.json();
    let listed: Vec<&Value> =
        listed["commits"][0]["images"].as_array().unwrap().iter().map(|image| &image["platform"]).collect();
    assert_eq!(listed, ["linux/amd64", "linux/arm64"]);
}

#[tokio::test]
async fn a_platform_that_is_not_offered_is_refused_before_anything_is_built() {
    let hub = TestHub::start().await;
    let fields = [("platform", "linux/amd64,linux/s390x")];
    let pushed = hub.anonymous().push("executor.create", &fields, &package("Hello")).await.last_line();
    assert_eq!(pushed["type"], "error");
    let said = pushed.to_string();
    assert!(
        said.contains("linux/s390x is not offered") && said.contains("linux/amd64, linux/arm64"),
        "{said}"
    );
    assert_eq!(hub.engine.built(), Vec::<String>::new());
}

#[tokio::test]
async fn the_engine_does_not_keep_what_the_registry_has() {
    let hub = TestHub::start_with(Wanted { without_worker: true, ..Wanted::default() }).await;
    let pushing = hub.anonymous();
    let pushing = tokio::spawn(async move { pushing.push("executor.create", &[], &package("Hello")).await });
    while !hub.worker.run_next().await.unwrap() {}
    assert_eq!(pushing.await.unwrap().last_line()["type"], "complete");
    assert_eq!(hub.engine.removed(), hub.engine.built());
    assert_eq!(hub.engine.removed().len(), 1);
}

#[tokio::test]
async fn every_push_on_the_same_base_adds_its_own_layer_only() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    for number in 0..4 {
        let changed = package("Hello").with("README.md", &format!("# Number {number}\n"));
        assert_eq!(alice.push("executor.push", &[], &changed).await.last_line()["type"], "complete");
        assert_eq!(stored_images(&hub).len(), 1 + 2 * (number + 1), "the base once");
    }
}

#[tokio::test]
async fn nothing_of_an_image_in_which_a_value_leaked_is_stored() {
    let hub = TestHub::start().await;
    hub.engine.next(Script::Leaks);
    let pushed = hub.anonymous().push("executor.create", &[], &package("Hello")).await.last_line();
    assert_eq!(pushed["type"], "error");
    assert_eq!(stored_images(&hub), Vec::<String>::new());
    assert_eq!((hub.count("image_blobs").await, hub.count("image_bytes").await), (0, 0));
    assert!(hub.stored_files().iter().all(|file| !file.contains("/staging/")), "{:?}", hub.stored_files());
}

#[tokio::test]
async fn an_image_that_cannot_be_stored_moves_no_tag() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let first = alice.push("executor.push", &[], &package("Hello")).await.last_line();
    assert_eq!(first["type"], "complete");
    let good = Image::small("base", "own");
    let other = Image { layers: vec![tar_of(&[]), tar_of(&[])], config: good.config };
    for archive in [other.saved(), tar_of(&[("readme", b"no image")])] {
        hub.engine.next(Script::HandsOver(archive));
        let changed = package("Hello").with("README.md", "# Changed\n");
        let refused =
            alice.push("executor.push", &[("buildWithNoCache", "True")], &changed).await.last_line();
        assert_eq!(refused["type"], "error");
        let kind: Option<String> =
            sqlx::query_scalar("SELECT failure_kind FROM tasks ORDER BY created_at DESC LIMIT 1")
                .fetch_one(&hub.pool)
                .await
                .unwrap();
        assert_eq!(kind.as_deref(), Some(FaultKind::Unsupported.as_str()));
    }
    assert_eq!(meta(&hub, "alice/Hello").await["commit"]["id"], first["payload"]["commit"]["id"]);
}

#[tokio::test]
async fn a_build_that_is_cancelled_while_its_image_is_searched_leaves_no_image() {
    let hub = TestHub::start().await;
    hub.engine.next(Script::Waits);
    let alice = hub.person("alice").await;
    let pushing = alice.clone();
    let pushing = tokio::spawn(async move { pushing.push("executor.push", &[], &package("Hello")).await });
    hub.engine.has_started().await;
    let task: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tasks").fetch_one(&hub.pool).await.unwrap();
    let task = executor_hub::domain::TaskId(task);
    let cancelled =
        alice.send(http::Method::POST, &format!("/api/v1/tasks/{task}/cancel"), &[], vec![]).await;
    assert!(cancelled.status.is_success(), "{cancelled:?}");
    let ended = tokio::time::timeout(Duration::from_mins(1), pushing).await.expect("the end").unwrap();
    assert_eq!(ended.last_line()["type"], "error");
    assert_eq!(stored_images(&hub), Vec::<String>::new());
}

#[tokio::test]
async fn an_image_from_before_the_registry_keeps_the_name_that_its_engine_gave_it() {
    let hub = TestHub::start().await;
    hub.anonymous().push("executor.create", &[], &package("Hello")).await;
    sqlx::query("DELETE FROM commit_images").execute(&hub.pool).await.unwrap();
    sqlx::query("UPDATE images SET manifest = NULL").execute(&hub.pool).await.unwrap();
    let told = meta(&hub, "Hello").await;
    assert_eq!(told["package"]["containers"], json!([hub.engine.built()[0]]));
}

#[tokio::test]
async fn images_are_named_after_the_host_that_the_operator_gave() {
    let wanted = Wanted {
        set: vec!["server.image_registries=images.example.com:5000,hub.example.com"],
        ..Wanted::default()
    };
    let hub = TestHub::start_with(wanted).await;
    hub.anonymous().push("executor.create", &[], &package("Hello")).await;
    let told = meta(&hub, "Hello").await;
    let name = told["package"]["containers"][0].as_str().unwrap();
    assert!(name.starts_with("images.example.com:5000/"), "{name}");
}

#[tokio::test]
async fn asking_to_rebuild_an_image_starts_no_build() {
    let hub = TestHub::start().await;
    hub.anonymous().push("executor.create", &[], &package("Hello")).await;
    sqlx::query("DELETE FROM commit_images").execute(&hub.pool).await.unwrap();
    sqlx::query("DELETE FROM images").execute(&hub.pool).await.unwrap();
    assert_eq!(meta(&hub, "Hello").await["package"]["containers"], json!([]));
    assert_eq!(hub.count("tasks").await, 1, "whoever may read, stranger or not, starts nothing");
}
