//! How does the RPC tell of an error? In the envelope and the numbers that old clients look for, with our code, remedy and
//! request id beside them (PROTOCOL.md 0 and E).

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    domain::task::{Failure, FaultKind},
    error::{Error, ErrorKind},
    http::{
        layers::{LoggedError, current_request_id},
        problem::{logged, status},
    },
};

/// An error as the RPC shows it.
#[derive(Debug)]
pub(super) struct RpcError(pub(super) Error);

impl From<Error> for RpcError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for RpcError {
    fn into_response(self) -> Response {
        let mut response =
            (http_status(self.0.kind), Json(envelope(&self.0, current_request_id().as_deref())))
                .into_response();
        if matches!(self.0.kind, ErrorKind::Unavailable) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response.extensions_mut().insert(logged(&self.0));
        response
    }
}

/// The HTTP status: the first three digits of the five-digit one, except that a lack of service says 503 to proxies.
pub(super) fn http_status(kind: ErrorKind) -> StatusCode {
    status(kind)
}

/// Five digits and the class name that `hubble.excepts` knows them by. Only 40902 and 42205 are not in that table; the
/// calls that go through `hubble.Client` never answer them.
fn number(kind: ErrorKind) -> (u32, &'static str) {
    match kind {
        ErrorKind::Invalid => (40001, "ParamValidationError"),
        ErrorKind::BrokenUpload => (40003, "DataStreamBrokenError"),
        ErrorKind::Unauthenticated => (40103, "AuthenticationRequiredError"),
        ErrorKind::Forbidden | ErrorKind::RateLimited => (40301, "OperationNotAllowedError"),
        ErrorKind::NotFound => (40403, "RequestedEntityNotFoundError"),
        ErrorKind::PolicyDenied => (40902, "ResourcePolicyDenyError"),
        ErrorKind::TooLarge => (41301, "FileTooLargeError"),
        ErrorKind::OverQuota => (41302, "MaximumUploadSizeReachedError"),
        ErrorKind::NameTaken => (42202, "IdentifierNamespaceOccupiedError"),
        ErrorKind::Rejected(_) => (42205, "DownstreamServiceFailureError"),
        ErrorKind::BuildFailed => (50003, "ServerSubprocessError"),
        ErrorKind::Unavailable => (50002, "DownstreamServiceError"),
        ErrorKind::NotImplemented => (50005, "NotImplementedError"),
        ErrorKind::Internal => (50001, "InternalServerError"),
    }
}

/// The whole error object. `message` begins with the class name, as it did on the public Hub; `readableMessage` is what
/// people read.
pub(super) fn envelope(error: &Error, request_id: Option<&str>) -> Value {
    let (status, name) = number(error.kind);
    let mut sentence = error.sentence();
    if let (ErrorKind::Internal, Some(id)) = (error.kind, request_id) {
        sentence = format!("{sentence} Request id: {id}.");
    }
    let mut object = json!({
        "code": http_status(error.kind).as_u16(),
        "status": status,
        "data": null,
        "name": name,
        "message": format!("{name}: {sentence}"),
        "readableMessage": sentence,
        "errorCode": error.code,
        "remedy": error.remedy,
        "requestId": request_id,
    });
    if let ErrorKind::Rejected(number) = error.kind {
        // No `service` beside it: clients would put their own text over ours (PROTOCOL.md E).
        object["err"] = json!({"code": number, "message": sentence});
    }
    object
}

/// The error as the one line of a push's stream, in both shapes at once: every generation since 2.7 shows its text,
/// whether it looks at the HTTP status, at the stream, or at neither (PROTOCOL.md E, proven there).
pub(super) fn stream_line(error: &Error, request_id: Option<&str>) -> Value {
    let payload = envelope(error, request_id);
    let mut line = payload.clone();
    line["type"] = json!("error");
    line["subject"] = json!("createExecutor");
    line["message"] = payload["readableMessage"].clone();
    line["payload"] = payload;
    line
}

/// A failed build as an error.
pub(super) fn of_failure(failure: &Failure) -> Error {
    let (kind, code) = match failure.kind {
        FaultKind::ProtectedTag => (ErrorKind::PolicyDenied, "tag_protected"),
        FaultKind::Engine => (ErrorKind::Unavailable, "engine"),
        kind => (ErrorKind::BuildFailed, kind.as_str()),
    };
    let mut text = failure.message.clone();
    if !failure.lines.is_empty() {
        text.push('\n');
        text.push_str(&failure.lines.join("\n"));
    }
    Error::new(kind, code, text, "")
}

/// What the log shall say.
pub(super) fn for_log(error: &Error) -> LoggedError {
    logged(error)
}
