//! How do tests speak to a Hub? By HTTP over a real connection, as the clients do; answers are read whole.

use axum::body::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client as HyperClient, rt::TokioExecutor};
use serde_json::Value;

use super::package::{Package, md5};

/// Somebody who speaks to a Hub.
#[derive(Debug, Clone)]
pub struct Client {
    url: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Its JSON lines; a blank one is no JSON and fails.
    pub fn lines(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.body).unwrap();
        assert!(text.ends_with('\n'), "the last line ends: {text}");
        text.strip_suffix('\n').unwrap().split('\n').map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The line that ends a push, if the answer came to its end.
    pub fn try_last_line(&self) -> Option<Value> {
        let text = std::str::from_utf8(&self.body).ok()?.strip_suffix('\n')?;
        serde_json::from_str(text.rsplit('\n').next()?).ok()
    }

    /// The line that ends a push.
    pub fn last_line(&self) -> Value {
        self.lines().pop().unwrap()
    }
}

impl Client {
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), token: None }
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self { url: self.url.clone(), token: Some(token.to_owned()) }
    }

    /// The token that it sends.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        self.try_send(method, path, headers, body).await.expect("the Hub answers")
    }

    /// The same with a Hub that may be gone, or go away in the middle of its answer.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Option<Answer> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("token {token}"));
        }
        let client = HyperClient::builder(TokioExecutor::new()).build_http();
        let response = client.request(request.body(Full::new(Bytes::from(body))).unwrap()).await.ok()?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Answer { status: parts.status, headers: parts.headers, body })
    }

    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_send(Method::GET, path, &[], Vec::new()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    /// Calls an RPC method with JSON.
    pub async fn rpc(&self, method: &str, parameters: Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send(Method::POST, &format!("/v2/rpc/{method}"), &headers, parameters.to_string().into_bytes())
            .await
    }

    /// Pushes as the SDK does: the fields, then the file.
    pub async fn push(&self, method: &str, fields: &[(&str, &str)], package: &Package) -> Answer {
        let zip = package.zip();
        let mut all = vec![("public", "False"), ("private", "False")];
        let digest = md5(&zip);
        all.push(("md5sum", &digest));
        all.extend(fields);
        self.push_bytes(method, &all, &zip).await
    }

    /// The same with a Hub that may be gone.
    pub async fn try_push(&self, method: &str, fields: &[(&str, &str)], package: &Package) -> Option<Answer> {
        let zip = package.zip();
        let digest = md5(&zip);
        let mut all = vec![("public", "False"), ("private", "False"), ("md5sum", &*digest)];
        all.extend(fields);
        let (headers, body) = form(&all, &zip);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.try_send(Method::POST, &format!("/v2/rpc/{method}"), &headers, body).await
    }

    /// Pushes exactly these fields and bytes.
    pub async fn push_bytes(&self, method: &str, fields: &[(&str, &str)], zip: &[u8]) -> Answer {
        self.push_to(Method::POST, &format!("/v2/rpc/{method}"), fields, zip).await
    }

    /// Sends the form of a push, with the headers of a client.
    pub async fn push_to(&self, method: Method, path: &str, fields: &[(&str, &str)], zip: &[u8]) -> Answer {
        let (headers, body) = form(fields, zip);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.send(method, path, &headers, body).await
    }
}

/// The form of a push and the headers of a client.
fn form(fields: &[(&str, &str)], zip: &[u8]) -> (Vec<(&'static str, String)>, Vec<u8>) {
    const BOUNDARY: &str = "0123456789abcdef";
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"filename\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(zip);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let headers = [
        ("content-type", format!("multipart/form-data; boundary={BOUNDARY}")),
        ("jinameta-jina", "3.27.0".to_owned()),
        ("jinameta-python", "3.11.7".to_owned()),
        ("jinameta-session-id", "5b0f4d9c-0000-11ee-8000-0242ac120002".to_owned()),
        ("jinameta-processor", String::new()),
    ];
    (headers.into(), body)
}
