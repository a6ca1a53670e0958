//! What does a request of the API say? Who asks, what its path names, its parameters and its body; whatever cannot be read
//! or is not known is an error that says so.

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Query, RawPathParams, Request},
    http::request::Parts,
};
use serde::{Deserialize, de::DeserializeOwned};

use super::ask::secret;
use crate::{
    app::App,
    error::Error,
    http::{problem::Problem, pull, refused},
    hub::subject::Subject,
};

pub(super) use super::ask::{Asker, SignedIn};

/// The Executor that the path names as `{executor}`: `owner%2Fname`, a bare name or an id; with the header
/// `x-executor-secret`, as somebody who knows its secret.
pub(super) struct Named(pub(super) Subject);

impl FromRequestParts<App> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, app).await;
        let params = params.map_err(|_| refused::nowhere())?;
        let text = params.iter().find(|(key, _)| *key == "executor").map(|(_, value)| value);
        let (reference, _) = pull::reference(text.ok_or_else(refused::nowhere)?, None)?;
        Ok(Self(Subject { reference, secret: secret(&parts.headers) }))
    }
}

/// Parts of the path, read as what they must be; what cannot be is not there.
pub(super) struct Part<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Part<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let part = Path::<T>::from_request_parts(parts, app).await.map_err(refused::path)?;
        Ok(Self(part.0))
    }
}

/// Parameters of the query; one that is not known is an error.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        Ok(Self(Query::<T>::try_from_uri(&parts.uri).map_err(refused::query)?.0))
    }
}

/// Bytes of a JSON body.
const BODY_BYTES: usize = 64 << 10;
/// How long it may take to arrive.
const BODY_TIME: std::time::Duration = std::time::Duration::from_secs(30);

/// A body of JSON; a field that is not known is an error.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let read = axum::body::to_bytes(request.into_body(), BODY_BYTES);
        let Ok(Ok(bytes)) = tokio::time::timeout(BODY_TIME, read).await else {
            let cause = format!("The body broke off or is longer than {} KiB.", BODY_BYTES >> 10);
            return Err(Error::invalid("body", cause, "Send less.").into());
        };
        let body = serde_json::from_slice(&bytes).map_err(|why| {
            Error::invalid("body", format!("The body cannot be read: {why}."), "Check its fields.")
        })?;
        Ok(Self(body))
    }
}

/// Which page of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageRequest {
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
    /// Items of a page, 1 to 100; 20 when nothing is said.
    pub(super) limit: Option<i64>,
}
