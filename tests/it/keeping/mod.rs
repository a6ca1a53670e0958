//! Does a Hub last for years? Backups that come back, checks that find what is wrong, upgrades that survive being killed.

mod backups;
mod bit_rot;
mod checks;
mod crafted;
mod cut_off;
mod full_disk;
mod importing;
mod kills;
mod migrations;
mod tables;

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::support::{
    client::Client,
    hub::{TestHub, Wanted},
    image,
    package::package,
};

/// A Hub that builds nothing and has something of most kinds: people, a private Executor, a protected tag, an artifact.
async fn used_hub() -> (TestHub, Client) {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    // A trial Postgres of root's runs as another user below it.
    fs::set_permissions(hub.folder(), Permissions::from_mode(0o711)).unwrap();
    let alice = hub.person("alice").await;
    push(&alice, "Hello", &[("tags", "latest"), ("immutableTags", "v1")], 1).await;
    push(&alice, "Hello", &[], 2).await;
    push(&alice, "Hidden", &[("private", "True")], 3).await;
    let anonymous = hub.anonymous();
    push(&anonymous, "Free", &[], 4).await;
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    let form = b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nkept bytes\r\n--x--\r\n";
    let stored = alice.send(http::Method::POST, "/v2/rpc/artifact.upload", &headers, form.to_vec()).await;
    assert_eq!(stored.status, 200, "{}", String::from_utf8_lossy(&stored.body));
    put_images(&hub, &alice).await;
    (hub, alice)
}

/// Gives a commit its image, and pushes another one by hand.
async fn put_images(hub: &TestHub, alice: &Client) {
    const LAYER: &[u8] = b"what a build made";
    let shown = alice.get("/api/v1/executors/alice%2FHello").await.json();
    let commits = alice.get("/api/v1/executors/alice%2FHello/commits").await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    image::build_image(hub, &text(&shown["id"]), &text(&commits["commits"][0]["id"]), LAYER).await;
    let content = image::manifest(LAYER, json!({"annotations": {"made": "by hand"}}));
    let headers = [("content-type", image::IMAGE)];
    let path = "/v2/alice/hello/manifests/by-hand";
    let pushed = alice.send(http::Method::PUT, path, &headers, content.into_bytes()).await;
    assert_eq!(pushed.status, 201, "{}", String::from_utf8_lossy(&pushed.body));
}

async fn push(client: &Client, name: &str, fields: &[(&str, &str)], version: usize) -> Value {
    let package = package(name).with("README.md", &format!("# {name} {version}\n"));
    let method = if client.token().is_some() { "executor.push" } else { "executor.create" };
    let answer = client.push(method, fields, &package).await;
    let last = answer.last_line();
    assert_eq!(last["type"], "complete", "{last}");
    last
}

/// What a client gets of an Executor: the bytes, or the status of the refusal.
async fn pulled(client: &Client, name: &str) -> Result<Vec<u8>, u16> {
    let answer = client.rpc("executor.getPackage", json!({"id": name})).await;
    if answer.status != 200 {
        return Err(answer.status.as_u16());
    }
    let address = answer.json()["data"]["package"]["download"].as_str().unwrap().to_owned();
    let package = client.get(&address).await;
    if package.status == 200 { Ok(package.body.to_vec()) } else { Err(package.status.as_u16()) }
}

/// The one stored file whose name ends so.
fn stored(hub: &TestHub, kind: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        hub.stored_files().into_iter().filter(|file| file.contains(kind)).map(PathBuf::from).collect();
    files.sort();
    files
}

fn flip_a_bit(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}
