//! How are JSON lines sent as they happen? One object a line, flushed at once, never a blank line.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;

/// One line.
pub(super) fn line(value: &Value) -> Bytes {
    let mut text = value.to_string();
    text.push('\n');
    Bytes::from(text)
}

/// A stream of lines. Proxies are asked not to collect them.
pub(super) fn response(lines: impl Stream<Item = Value> + Send + 'static) -> Response {
    let body = Body::from_stream(lines.map(|value| Ok::<_, Infallible>(line(&value))));
    with_headers(body.into_response())
}

/// A stream of whole lines that are bytes already, some at once.
pub(super) fn of_bytes(lines: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    with_headers(Body::from_stream(lines.map(Ok::<_, Infallible>)).into_response())
}

/// A stream of whole lines that may break off: what is missing is then missing to everybody who reads, because the answer
/// has no end.
pub(super) fn breaking<E>(lines: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Response
where
    E: Into<axum::BoxError> + 'static,
{
    with_headers(Body::from_stream(lines).into_response())
}

/// A stream of lines with breaths between them: `None` sends a blank that belongs to the next line, where every JSON
/// reader skips it. It keeps proxies from closing a connection that has nothing to say yet.
pub(super) fn breathing(lines: impl Stream<Item = Option<Value>> + Send + 'static) -> Response {
    let bytes = |value: Option<Value>| value.map_or(Bytes::from_static(b" "), |value| line(&value));
    let body = Body::from_stream(lines.map(move |value| Ok::<_, Infallible>(bytes(value))));
    with_headers(body.into_response())
}

/// A whole answer of one line.
pub(super) fn single(status: StatusCode, value: &Value) -> Response {
    with_headers((status, line(value)).into_response())
}

fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
