//! How does an error leave by HTTP where no old client needs other words? As problem details (RFC 9457) with a stable code;
//! the status of each class of error and what the log says of it are the same on every surface.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    error::{Error, ErrorKind},
    http::layers::{LoggedError, current_request_id},
};

/// An error as problem details.
#[derive(Debug)]
pub(super) struct Problem {
    error: Error,
    status: StatusCode,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self { status: status(error.kind), error }
    }
}

impl Problem {
    /// The same where HTTP has a status of its own for it.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { error, status } = self;
        let body = json!({
            "type": format!("urn:executor-hub:error:{}", error.code),
            "title": error.cause,
            "status": status.as_u16(),
            "code": error.code,
            "remedy": error.remedy,
            "request_id": current_request_id(),
        });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        retry_after(&error, headers);
        response.extensions_mut().insert(logged(&error));
        response
    }
}

/// Says when to try again, in whole seconds, where that is known.
pub(super) fn retry_after(error: &Error, headers: &mut HeaderMap) {
    let fallback = matches!(error.kind, ErrorKind::Unavailable).then_some(2);
    if let Some(seconds) = error.retry_after.map(|wait| wait.as_secs().max(1)).or(fallback) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// What the log shall say of an error.
pub(super) fn logged(error: &Error) -> LoggedError {
    let mut text = error.cause.clone();
    let mut source = error.source_for_log().map(|source| source as &(dyn std::error::Error + 'static));
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    LoggedError { code: error.code, text }
}

/// The HTTP status of an error.
pub(super) fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid | ErrorKind::BrokenUpload => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::PolicyDenied => StatusCode::CONFLICT,
        ErrorKind::TooLarge | ErrorKind::OverQuota => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::NameTaken | ErrorKind::Rejected(_) | ErrorKind::BuildFailed => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
