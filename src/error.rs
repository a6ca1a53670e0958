//! What can go wrong in a use case, in one shape that every surface can render?
//!
//! Which error type where: `thiserror` enums inside a capability (`StoreError`, `BlobError`, `Refusal`, `Fault`), this
//! [`Error`] from every use case, `anyhow` only in `main` and the command line. It is logged once, at the edge.

use std::{fmt, time::Duration};

use crate::domain::{ExecutorRef, Tag};

/// Why a use case did not do what was asked: a stable code, one sentence of cause and one of remedy. Surfaces add the
/// request id. Internal causes are carried for the log and never shown.
#[derive(Debug)]
pub struct Error {
    /// The class, which decides status codes.
    pub kind: ErrorKind,
    /// A stable word for programs, such as `name_taken`.
    pub code: &'static str,
    /// One sentence of cause.
    pub cause: String,
    /// One sentence of remedy; empty when there is none to give.
    pub remedy: String,
    /// How long to wait before another try, where that is known.
    pub retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Classes of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A parameter is missing or malformed.
    Invalid,
    /// The upload broke off or does not match its checksum.
    BrokenUpload,
    /// Nobody is signed in, or the token is not good (any more).
    Unauthenticated,
    /// Signed in, but not allowed.
    Forbidden,
    /// The address does not answer to this method.
    MethodNotAllowed,
    /// No such thing, or the caller may not know of it.
    NotFound,
    /// The name is held by somebody else.
    NameTaken,
    /// A rule of the registry, such as a protected tag, stands against it.
    PolicyDenied,
    /// More bytes than allowed.
    TooLarge,
    /// More than one person may have.
    OverQuota,
    /// The package cannot be used; the number is the one that old clients look for (4000–5000).
    Rejected(u16),
    /// The image build failed.
    BuildFailed,
    /// Too many requests.
    RateLimited,
    /// The database, the object store or the engine does not answer; worth another try.
    Unavailable,
    /// What was asked for is not offered here.
    NotImplemented,
    /// A fault of the Hub. Its cause is logged and never shown.
    Internal,
}

impl ErrorKind {
    /// Whether the Hub or its machine is at fault, and not whoever asked.
    pub fn is_the_hubs_own(self) -> bool {
        matches!(self, Self::Unavailable | Self::Internal)
    }
}

impl Error {
    /// An error of any kind.
    pub fn new(
        kind: ErrorKind,
        code: &'static str,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { kind, code, cause: cause.into(), remedy: remedy.into(), retry_after: None, source: None }
    }

    /// A parameter is missing or malformed.
    pub fn invalid(code: &'static str, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, code, cause, remedy)
    }

    /// A fault of the Hub; `source` is for the log.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            kind: ErrorKind::Internal,
            code: "internal",
            cause: "The Hub could not do this because of a fault of its own.".into(),
            remedy: "Try again; if it happens again, give the request id to the Hub's operator.".into(),
            retry_after: None,
            source: Some(source.into()),
        }
    }

    /// A part that the Hub needs does not answer; `source` is for the log.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            kind: ErrorKind::Unavailable,
            code: "unavailable",
            cause: "A part that the Hub needs does not answer at the moment.".into(),
            remedy: "Try again in a few seconds.".into(),
            retry_after: Some(Duration::from_secs(2)),
            source: Some(source.into()),
        }
    }

    /// There is no room for what was sent; `source` is for the log.
    pub fn storage_full(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            kind: ErrorKind::Unavailable,
            code: "storage_full",
            cause: "The Hub's disk is full.".into(),
            remedy: "Tell the Hub's operator, and try again when there is room.".into(),
            retry_after: Some(Duration::from_mins(1)),
            source: Some(source.into()),
        }
    }

    /// No such Executor, or the caller may not know of it: both look the same. The words before the colon are what
    /// programs of old look for (PROTOCOL.md B).
    pub fn executor_not_found(reference: &ExecutorRef, tag: Option<&Tag>) -> Self {
        let cause = match tag {
            None => format!("No such executor: {reference}."),
            Some(tag) => format!("No such executor: {reference} with tag {tag}."),
        };
        Self::new(
            ErrorKind::NotFound,
            "executor_not_found",
            cause,
            "Check the name and the tag; a private Executor needs its owner's sign-in or its secret.",
        )
    }

    /// No such task, or the caller may not know of it.
    pub fn task_not_found() -> Self {
        Self::new(
            ErrorKind::NotFound,
            "task_not_found",
            "No such build task.",
            "Check the task id and sign in as the one who pushed.",
        )
    }

    /// Nobody is signed in. With `was_refused`, a token came but is not good.
    pub fn sign_in_required(was_refused: bool) -> Self {
        let cause =
            if was_refused { "The token is invalid or expired." } else { "This needs a signed-in person." };
        Self::new(
            ErrorKind::Unauthenticated,
            if was_refused { "token_refused" } else { "sign_in_required" },
            cause,
            "Sign in with `jina auth login`, or set JINA_AUTH_TOKEN to a token of this Hub.",
        )
    }

    /// The same, and when another try may work.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// The internal cause, for the log.
    pub fn source_for_log(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.source.as_deref()
    }

    /// Cause and remedy in one text, for clients that show one.
    pub fn sentence(&self) -> String {
        if self.remedy.is_empty() { self.cause.clone() } else { format!("{} {}", self.cause, self.remedy) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

/// One error kind of each sort, for tests that must leave none out.
#[cfg(test)]
pub(crate) fn every_kind() -> Vec<ErrorKind> {
    use ErrorKind as K;
    let all = vec![
        K::Invalid,
        K::BrokenUpload,
        K::Unauthenticated,
        K::Forbidden,
        K::NotFound,
        K::MethodNotAllowed,
        K::NameTaken,
        K::PolicyDenied,
        K::TooLarge,
        K::OverQuota,
        K::Rejected(4000),
        K::Rejected(5000),
        K::BuildFailed,
        K::RateLimited,
        K::Unavailable,
        K::NotImplemented,
        K::Internal,
    ];
    for kind in &all {
        // A new kind does not compile here until it is in the list above.
        match kind {
            K::Invalid
            | K::BrokenUpload
            | K::Unauthenticated
            | K::Forbidden
            | K::NotFound
            | K::MethodNotAllowed
            | K::NameTaken
            | K::PolicyDenied
            | K::TooLarge
            | K::OverQuota
            | K::Rejected(_)
            | K::BuildFailed
            | K::RateLimited
            | K::Unavailable
            | K::NotImplemented
            | K::Internal => {}
        }
    }
    all
}
