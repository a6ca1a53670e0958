//! How does a test read an answer that goes on? Line by line, as it comes.

use std::time::Duration;

use axum::body::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

/// Much longer than anything takes, so that only what hangs fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer that may not have ended.
pub struct Lines {
    body: axum::body::Body,
    text: String,
}

impl Lines {
    pub async fn get(url: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = Request::get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        Self { body: axum::body::Body::new(response.into_body()), text: String::new() }
    }

    /// The next line; `None` when the answer has ended.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.text.find('\n') {
                let line: String = self.text.drain(..=end).collect();
                return Some(serde_json::from_str(&line).unwrap());
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("the answer hangs")?;
            if let Ok(data) = frame.unwrap().into_data() {
                self.text.push_str(std::str::from_utf8(&data).unwrap());
            }
        }
    }
}
