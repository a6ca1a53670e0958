//! How are an RPC's parameters read? From the query, a form, a multipart form or JSON, the body over the query; booleans
//! as Python, JSON or JavaScript write them (PROTOCOL.md 0).

use std::{collections::HashMap, task::Poll};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequest, Request},
    http::header,
};
use serde_json::Value;

use super::error::RpcError;
use crate::{error::Error, http::upload::Form};

/// An RPC's body that is no upload has at most this many bytes.
const BODY_BYTES: usize = 1 << 20;
/// How long each piece of a small form may take, or all of another small body.
const PIECE_TIME: std::time::Duration = std::time::Duration::from_secs(30);

/// The parameters of a call.
#[derive(Debug, Default)]
pub(super) struct Parameters(HashMap<String, Value>);

impl Parameters {
    /// Those of a query string.
    pub(super) fn of_query(query: Option<&str>) -> Self {
        let mut parameters = Self::default();
        parameters.add_form(query.unwrap_or_default().as_bytes());
        parameters
    }

    /// Adds one of a form; a repeated one becomes a list.
    pub(super) fn add(&mut self, name: String, text: String) {
        match self.0.get_mut(&name) {
            Some(Value::Array(items)) => items.push(Value::String(text)),
            Some(first) => *first = Value::Array(vec![first.take(), Value::String(text)]),
            None => {
                self.0.insert(name, Value::String(text));
            }
        }
    }

    fn add_form(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.add(decode(name), decode(value));
        }
    }

    fn put_all(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// A text that is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = match self.0.get(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Array(items) => items.last()?.as_str()?.to_owned(),
            Value::Null | Value::Object(_) => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// A required text.
    pub(super) fn required(&self, name: &'static str) -> Result<String, Error> {
        self.text(name).ok_or_else(|| {
            Error::invalid("parameter_missing", format!("The parameter '{name}' is missing."), "Send it.")
        })
    }

    /// A flag; anything but `True`, `true`, `1` is false.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text.eq_ignore_ascii_case("true") || text == "1")
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    /// A list as comma text, whatever way it came.
    pub(super) fn comma_list(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            _ => self.text(name).unwrap_or_default(),
        }
    }

    /// A flag that may be left out: `None` then.
    pub(super) fn said_flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|_| self.flag(name))
    }

    /// All texts of a list, however many there are; commas are part of them.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => self.text(name).into_iter().collect(),
        }
    }

    /// A JSON value: itself, or a text that holds one, as text.
    pub(super) fn json_text(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(object @ Value::Object(_)) => object.to_string(),
            _ => self.text(name).unwrap_or_default(),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Parameters {
    type Rejection = RpcError;

    async fn from_request(request: Request, _: &S) -> Result<Self, RpcError> {
        let mut parameters = Self::of_query(request.uri().query());
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let mut body = Self::default();
        if kind.eq_ignore_ascii_case("multipart/form-data") {
            let content_type = content_type.to_owned();
            let stream = request.into_body().into_data_stream();
            let mut form = Form::new(Some(&content_type), stream, PIECE_TIME)?;
            while let Some(part) = form.next().await? {
                let name = part.name();
                body.add(name, part.text().await?);
            }
        } else {
            let is_form = kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
            let bytes = small_body(request.into_body(), BODY_BYTES).await?;
            if is_form {
                body.add_form(&bytes);
            } else if !bytes.is_empty() {
                // Whatever else it calls itself: the clients' JSON comes with and without its type.
                let object: Option<_> = serde_json::from_slice(&bytes).map_err(|_| {
                    Error::invalid(
                        "body",
                        "The body is no JSON object.",
                        "Send parameters as a JSON object, a form, or in the query.",
                    )
                })?;
                body.0 = object.unwrap_or_default();
            }
        }
        if parameters.0.is_empty() {
            return Ok(body);
        }
        parameters.put_all(body);
        Ok(parameters)
    }
}

/// A body of at most `limit` bytes that has all come in time.
pub(super) async fn small_body(body: Body, limit: usize) -> Result<Bytes, Error> {
    let mut coming = std::pin::pin!(to_bytes(body, limit));
    // Most came with their head: a clock is set only for those that did not.
    let come = match futures_util::poll!(&mut coming) {
        Poll::Ready(come) => Ok(come),
        Poll::Pending => tokio::time::timeout(PIECE_TIME, coming).await,
    };
    match come {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => {
            let cause = format!("The body broke off or is longer than {} KiB.", limit >> 10);
            Err(Error::invalid("body", cause, "Send less."))
        }
        Err(_) => Err(Error::invalid("body_stalled", "The body did not come in time.", "Send it faster.")),
    }
}

fn decode(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use axum::http::Request as HttpRequest;
    use serde_json::json;

    use super::*;

    async fn read(content_type: &str, query: &str, body: &str) -> Parameters {
        let request = HttpRequest::builder()
            .method("POST")
            .uri(format!("/v2/rpc/x{query}"))
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body.to_owned()))
            .unwrap();
        Parameters::from_request(request, &()).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    #[tokio::test]
    async fn the_body_wins_over_the_query_whatever_its_kind() {
        let multipart = "--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\nbody\r\n--b--\r\n";
        for (content_type, body) in [
            ("application/json", json!({"id": "body"}).to_string()),
            ("application/x-www-form-urlencoded", "id=body".to_owned()),
            ("multipart/form-data; boundary=b", multipart.to_owned()),
        ] {
            let parameters = read(content_type, "?id=query&tag=v%2B1", &body).await;
            assert_eq!(parameters.text("id").as_deref(), Some("body"), "{content_type}");
            assert_eq!(parameters.text("tag").as_deref(), Some("v+1"));
        }
    }

    #[tokio::test]
    async fn flags_are_read_as_python_json_and_javascript_write_them() {
        let parameters =
            read("application/json", "?a=True&b=true&c=False&d=", r#"{"e": true, "f": false}"#).await;
        let flags: Vec<bool> = ["a", "b", "c", "d", "e", "f", "g"].map(|name| parameters.flag(name)).into();
        assert_eq!(flags, [true, true, false, false, true, false, false]);
    }

    #[tokio::test]
    async fn an_empty_body_of_any_kind_is_no_parameters() {
        assert_eq!(read("application/octet-stream", "", "").await.text("id"), None);
    }
}
