//! How does an error leave to Docker? As the specification's list of codes; the status decides what a client does next, and
//! a 401 says where to get a token.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::login::Asked;
use crate::{
    app::App,
    error::{Error, ErrorKind},
    http::problem,
};

/// An error in the specification's words.
#[derive(Debug)]
pub(super) struct OciError {
    error: Error,
    status: StatusCode,
    code: &'static str,
    challenge: Option<String>,
}

/// Our codes, and what the specification calls them.
const CODES: &[(&str, StatusCode, &str)] = &[
    ("blob_unknown", StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
    ("blob_upload_unknown", StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
    ("upload_broken", StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
    ("upload_busy", StatusCode::CONFLICT, "BLOB_UPLOAD_INVALID"),
    ("blob_too_large", StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID"),
    ("digest_invalid", StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
    ("manifest_blob_unknown", StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN"),
    ("manifest_invalid", StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
    ("manifest_unknown", StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
    ("manifest_too_large", StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID"),
    ("tag_invalid", StatusCode::BAD_REQUEST, "TAG_INVALID"),
    ("name_invalid", StatusCode::BAD_REQUEST, "NAME_INVALID"),
    ("name_unknown", StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
    ("unsupported", StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
];

impl From<Error> for OciError {
    fn from(error: Error) -> Self {
        let known = CODES.iter().find(|(code, ..)| *code == error.code);
        let (status, code) = match (known, error.kind) {
            (Some((_, status, code)), _) => (*status, *code),
            (None, ErrorKind::Unauthenticated) => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            (None, ErrorKind::Forbidden | ErrorKind::PolicyDenied) => (StatusCode::FORBIDDEN, "DENIED"),
            (None, ErrorKind::RateLimited) => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
            (None, ErrorKind::MethodNotAllowed) => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            (None, kind) => (problem::status(kind), "UNKNOWN"),
        };
        Self { error, status, code, challenge: None }
    }
}

impl OciError {
    /// Something of the specification that is not offered here.
    pub(super) fn unsupported(cause: &str) -> Self {
        Error::new(ErrorKind::NotImplemented, "unsupported", cause, "").into()
    }

    /// The same, and where to get a token that reaches so far.
    pub(super) fn challenged(self, app: &App, asked: Option<Asked<'_>>) -> Self {
        if self.status != StatusCode::UNAUTHORIZED {
            return self;
        }
        let settings = &app.settings().server;
        let (realm, service) = (&settings.external_url, super::login::service(app));
        let scope = asked.map(|asked| format!(",scope=\"{}\"", asked.scope())).unwrap_or_default();
        let challenge = format!("Bearer realm=\"{realm}/token\",service=\"{service}\"{scope}");
        Self { challenge: Some(challenge), ..self }
    }
}

impl IntoResponse for OciError {
    fn into_response(self) -> Response {
        let Self { error, status, code, challenge } = self;
        let detail = json!({"code": error.code, "request_id": crate::http::layers::current_request_id()});
        let body = json!({"errors": [{"code": code, "message": error.sentence(), "detail": detail}]});
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        problem::retry_after(&error, headers);
        if let Some(challenge) = challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response.extensions_mut().insert(problem::logged(&error));
        response
    }
}
