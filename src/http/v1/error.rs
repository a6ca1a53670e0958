//! How do jina 2.0 to 2.6 learn of an error? A push reads `result.message` of the last line; everything else shows the
//! body as it is, so there it is a sentence (PROTOCOL.md E).

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorKind},
    http::{
        layers::current_request_id,
        problem::{logged, retry_after, status},
    },
};

/// An error as the body that people are shown.
#[derive(Debug)]
pub(super) struct TextError(Error);

impl From<Error> for TextError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for TextError {
    fn into_response(self) -> Response {
        let text = sentence(&self.0, current_request_id().as_deref());
        let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        let mut response = (status(self.0.kind), headers, text).into_response();
        retry_after(&self.0, response.headers_mut());
        response.extensions_mut().insert(logged(&self.0));
        response
    }
}

/// The line that ends a push that was refused or failed. A `status` or `stream` beside `result` would make the clients
/// take it for progress; that rules the RPC's error object out (PROTOCOL.md, trap 1).
pub(super) fn last_line(error: &Error, request_id: Option<&str>) -> Value {
    json!({
        "result": {
            "statusCode": status(error.kind).as_u16(),
            "message": sentence(error, request_id),
            "data": null,
            "errorCode": error.code,
            "requestId": request_id,
        },
    })
}

fn sentence(error: &Error, request_id: Option<&str>) -> String {
    match (error.kind, request_id) {
        (ErrorKind::Internal, Some(id)) => format!("{} Request id: {id}.", error.sentence()),
        _ => error.sentence(),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::error::every_kind;

    #[test]
    fn every_kind_of_error_ends_a_push_with_a_text_that_all_generations_show() {
        for kind in every_kind() {
            let error = Error::new(kind, "code", "What happened.", "What to do.");
            let line = last_line(&error, Some("abc"));
            // The order in which the clients look: either key would hide the result.
            assert!(line.get("stream").is_none() && line.get("status").is_none(), "{line}");
            assert!(line["result"]["data"].is_null(), "{line}");
            let message = line["result"]["message"].as_str().unwrap_or_default();
            assert!(message.starts_with("What happened. What to do."), "{line}");
            assert!(line["result"]["statusCode"].as_u64().is_some_and(|code| code >= 400), "{line}");
        }
    }

    #[tokio::test]
    async fn every_kind_of_error_is_a_sentence_where_clients_show_the_body() {
        for kind in every_kind() {
            let error = Error::new(kind, "code", "What happened.", "What to do.");
            let response = TextError::from(error).into_response();
            assert!(response.status().as_u16() >= 400, "{kind:?}");
            let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
            let body = body.unwrap_or_default();
            assert!(body.starts_with(b"What happened. What to do."), "{kind:?}: {body:?}");
        }
    }
}
