//! How does the API answer? With JSON under a strong tag, so that nobody is sent again what they have.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

use crate::{
    error::{Error, ErrorKind},
    http::{
        problem::Problem,
        tagged::{matches, tag_of, tagged},
    },
};

/// A body as JSON with its tag; 304 without the body when the client has it.
pub(in crate::http::api) fn json(headers: &HeaderMap, body: &impl Serialize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(body).map_err(Error::internal)?;
    Ok(tagged(headers, bytes, HeaderValue::from_static("application/json")))
}

/// Whether the client takes an answer of this type, by name.
pub(in crate::http::api) fn is_accepted(headers: &HeaderMap, mime: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|one| one.split(';').next().unwrap_or_default().trim() == mime)
}

/// Refuses to change what is not any more as the caller saw it.
pub(in crate::http::api) fn check_unchanged(
    headers: &HeaderMap,
    body: &impl Serialize,
) -> Result<(), Problem> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    let tag = tag_of(&serde_json::to_vec(body).map_err(Error::internal)?);
    if matches(headers, header::IF_MATCH, &tag) {
        return Ok(());
    }
    let remedy = "Get it again, and send its ETag in If-Match.";
    let error =
        Error::new(ErrorKind::PolicyDenied, "changed_meanwhile", "It is not any more as you saw it.", remedy);
    Err(Problem::from(error).with_status(StatusCode::PRECONDITION_FAILED))
}
