//! Do artifacts keep what people entrust to them? Uploads in the SDK's own shape, over a real connection.

mod access;
mod bytes;
mod calls;
mod downloads;
mod list;
mod quota;
mod sdk;

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    client::{Answer, Client},
    hub::{TestHub, Wanted},
};

const BOUNDARY: &str = "fedcba9876543210";

/// A Hub that builds nothing: artifacts need no engine.
async fn hub() -> TestHub {
    hub_with(&[]).await
}

async fn hub_with(set: &[&'static str]) -> TestHub {
    let mut set = set.to_vec();
    set.push("builds.mode=off");
    TestHub::start_with(Wanted { set, ..Wanted::default() }).await
}

/// A form as the SDK writes it: `public`, the file, then all other fields.
fn form(bytes: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
    let field = |name: &str, value: &str| {
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let public = fields.iter().find(|(name, _)| *name == "public").map_or("False", |(_, value)| value);
    let mut body = field("public", public).into_bytes();
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n");
    for (name, value) in fields.iter().filter(|(name, _)| *name != "public") {
        body.extend_from_slice(field(name, value).as_bytes());
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn upload(client: &Client, bytes: &[u8], fields: &[(&str, &str)]) -> Answer {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let headers = [("content-type", content_type.as_str())];
    client.send(Method::POST, "/v2/rpc/artifact.upload", &headers, form(bytes, fields)).await
}

/// An upload that works; the artifact.
async fn uploaded(client: &Client, bytes: &[u8], fields: &[(&str, &str)]) -> Value {
    data(&upload(client, bytes, fields).await)
}

/// What a call answers when it works.
fn data(answer: &Answer) -> Value {
    let json = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &json["code"], &json["status"]),
        (200, &json!(200), &json!(20000)),
        "{json}"
    );
    json["data"].clone()
}

/// The five digits of an error, checked to be in the SDK's table and to go with the HTTP status.
fn refused(answer: &Answer) -> u64 {
    const KNOWN: [u64; 9] = [40001, 40003, 40103, 40301, 40403, 41301, 41302, 42202, 50002];
    let json = answer.json();
    let status = json["status"].as_u64().unwrap();
    assert!(KNOWN.contains(&status), "{json}");
    assert_eq!(u64::from(answer.status.as_u16()), status / 100, "{json}");
    assert!(json["readableMessage"].as_str().is_some_and(|text| !text.is_empty()), "{json}");
    status
}

async fn detail(client: &Client, artifact: &Value) -> Answer {
    client.rpc("artifact.getDetail", json!({"id": artifact["_id"]})).await
}

/// The bytes of an artifact, fetched as the SDK does it.
async fn download(hub: &TestHub, client: &Client, artifact: &Value) -> Vec<u8> {
    let answer = client.rpc("artifact.getDownloadUrl", json!({"id": artifact["_id"]})).await;
    let address = data(&answer)["download"].as_str().unwrap().to_owned();
    let answer = hub.anonymous().get(&address).await;
    assert_eq!(answer.status, 200, "{address}");
    assert_eq!(answer.headers["content-length"], answer.body.len().to_string());
    answer.body.to_vec()
}

/// Objects in the store and uploads in the making.
fn objects(hub: &TestHub) -> usize {
    hub.stored_files().len()
}
