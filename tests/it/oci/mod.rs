//! Does the registry of images do what the OCI distribution specification 1.1 asks, and let nobody do more than they may?

mod collection;
mod manifests;
mod pull;
mod tokens;
mod tools;

mod uploads;

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    client::{Answer, Client},
    hub::{TestHub, Wanted},
    image::{CONFIG, IMAGE, sha256},
    package::package,
};

/// A Hub that builds nothing; images are put in by hand.
async fn hub() -> TestHub {
    hub_with(&[]).await
}

async fn hub_with(set: &[&'static str]) -> TestHub {
    let mut set = set.to_vec();
    set.push("builds.mode=off");
    TestHub::start_with(Wanted { set, ..Wanted::default() }).await
}

/// Alice and her Executor `name`, whose repository is `alice/<name>`.
async fn alice(hub: &TestHub, name: &str, fields: &[(&str, &str)]) -> Client {
    let alice = hub.person("alice").await;
    push(&alice, name, fields).await;
    alice
}

async fn push(client: &Client, name: &str, fields: &[(&str, &str)]) {
    let answer = client.push("executor.create", fields, &package(name)).await;
    assert!(answer.status.is_success(), "{}", String::from_utf8_lossy(&answer.body));
}

/// The id of an Executor and of its newest commit.
async fn ids(client: &Client, name: &str) -> (String, String) {
    let shown = client.get(&format!("/api/v1/executors/{name}")).await.json();
    let commits = client.get(&format!("/api/v1/executors/{name}/commits")).await.json();
    (shown["id"].as_str().unwrap().to_owned(), commits["commits"][0]["id"].as_str().unwrap().to_owned())
}

/// Pushes a blob in one piece.
async fn put_blob(client: &Client, repository: &str, bytes: &[u8]) -> String {
    let digest = sha256(bytes);
    let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
    let answer = client.send(Method::POST, &path, &[], bytes.to_vec()).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    digest
}

/// Pushes the configuration and a layer.
async fn put_parts(client: &Client, repository: &str, layer: &[u8]) {
    put_blob(client, repository, CONFIG).await;
    put_blob(client, repository, layer).await;
}

async fn put_manifest(client: &Client, repository: &str, reference: &str, content: &str) -> Answer {
    put_as(client, repository, reference, content, IMAGE).await
}

async fn put_as(client: &Client, repository: &str, reference: &str, content: &str, kind: &str) -> Answer {
    let path = format!("/v2/{repository}/manifests/{reference}");
    client.send(Method::PUT, &path, &[("content-type", kind)], content.as_bytes().to_vec()).await
}

/// The specification's code of an error.
fn code(answer: &Answer) -> String {
    let body: Value = answer.json();
    assert!(body["errors"][0]["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    body["errors"][0]["code"].as_str().unwrap().to_owned()
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).unwrap_or_else(|| panic!("no {name}: {answer:?}")).to_str().unwrap()
}

/// An index of manifests, as `(digest, size)`.
fn index(children: &[(String, usize)], more: Value) -> String {
    let manifests: Vec<Value> = children
        .iter()
        .map(|(digest, size)| json!({"mediaType": IMAGE, "digest": digest, "size": size}))
        .collect();
    let mut index =
        json!({"schemaVersion": 2, "mediaType": crate::support::image::INDEX, "manifests": manifests});
    index.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    index.to_string()
}
