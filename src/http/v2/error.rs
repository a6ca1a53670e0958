//! How does the RPC tell of an error? In the envelope and the numbers that old clients look for, with our code, remedy and
//! request id beside them (PROTOCOL.md 0 and E).

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorKind},
    http::{
        layers::{LoggedError, current_request_id},
        problem::{logged, retry_after, status},
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
        retry_after(&self.0, response.headers_mut());
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
        ErrorKind::MethodNotAllowed => (40502, "IncompatibleMethodError"),
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

/// What the log shall say.
pub(super) fn for_log(error: &Error) -> LoggedError {
    logged(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::every_kind;

    /// The keys of the dictionary that `hubble.Client` looks `status` up in; anything else makes it die of a `KeyError`.
    const KNOWN: [u32; 26] = [
        40001, 40002, 40003, 40004, 40101, 40102, 40103, 40301, 40401, 40402, 40403, 40501, 40502, 40901,
        41301, 41302, 42201, 42202, 42203, 42204, 50001, 50002, 50003, 50004, 50005, 50006,
    ];

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "code", "What happened.", "What to do.")
    }

    #[test]
    fn every_kind_of_error_fills_the_fields_that_each_generation_reads() {
        for kind in every_kind() {
            let line = stream_line(&error(kind), Some("abc"));
            let shown = |value: &Value| value.as_str().is_some_and(|text| text.contains("What happened."));
            // 2.7 and 3.0 read payload.message, which must be a text; 3.1 and 3.2 message; 3.3 and later
            // payload.readableMessage; 0.26.2 and later, at HTTP 400 and above, readableMessage.
            assert_eq!(line["type"], "error", "{kind:?}");
            assert!(shown(&line["payload"]["message"]) && shown(&line["message"]), "{line}");
            assert!(shown(&line["payload"]["readableMessage"]) && shown(&line["readableMessage"]), "{line}");
            // Asynchronous pushes stop at a `code` of 400 and above and show `message`.
            assert!(line["code"].as_u64().is_some_and(|code| code >= 400), "{line}");
            assert_eq!(line["code"].as_u64(), Some(u64::from(http_status(kind).as_u16())));
            // With these two, 3.3 and later would show words of their own instead of ours.
            assert!(
                line["payload"].get("service").is_none() && line["payload"].get("cmd").is_none(),
                "{line}"
            );
        }
    }

    #[test]
    fn every_number_but_the_two_of_pushes_is_one_that_the_sdk_knows() {
        for kind in every_kind() {
            let (status, name) = number(kind);
            let is_of_pushes = matches!(kind, ErrorKind::PolicyDenied | ErrorKind::Rejected(_));
            assert_eq!(KNOWN.contains(&status), !is_of_pushes, "{kind:?} {status}");
            let whole = envelope(&error(kind), None);
            assert!(whole["message"].as_str().is_some_and(|text| text.starts_with(name)), "{whole}");
        }
    }

    #[test]
    fn what_the_inspection_found_is_told_by_its_number_too() {
        let whole = envelope(&error(ErrorKind::Rejected(4001)), None);
        assert_eq!(whole["err"]["code"], 4001);
    }
}
