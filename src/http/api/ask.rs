//! What does a request of the API say? Who asks, which Executor it means, its parameters and its body; whatever cannot be
//! read or is not known is an error that says so.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, RawPathParams, Request},
    http::{HeaderMap, Method, header, request::Parts},
};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;

use crate::{
    app::App,
    auth::Caller,
    domain::{ExecutorRef, Secret, page::PageSize},
    error::{Error, ErrorKind},
    http::{caller, problem::Problem, pull},
    hub::subject::Subject,
};

/// Whoever asks.
#[derive(Debug)]
pub(in crate::http::api) struct Asker(pub(in crate::http::api) Caller);

impl FromRequestParts<App> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        check_cookies(&parts.method, &parts.headers)?;
        Ok(Self(app.auth().caller(&caller::credentials(&parts.headers)).await?))
    }
}

/// Whoever asks, signed in; asked to be before anything else of the request is looked at.
#[derive(Debug)]
pub(in crate::http::api) struct SignedIn(pub(in crate::http::api) Caller);

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Asker(caller) = Asker::from_request_parts(parts, app).await?;
        caller.require_user()?;
        Ok(Self(caller))
    }
}

/// A browser sends its cookies with whatever a page asks for: they let it look, and change nothing. Whoever has one and
/// meant to be signed in must not become an anonymous caller either.
pub(in crate::http::api) fn check_cookies(method: &Method, headers: &HeaderMap) -> Result<(), Error> {
    let is_by_cookie = !headers.contains_key(header::AUTHORIZATION)
        && caller::cookie(headers, caller::SESSION_COOKIE).is_some();
    if method.is_safe() || !is_by_cookie {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unauthenticated,
        "token_required",
        "A cookie does not authorise changes.",
        "Send a token: `Authorization: Bearer …`.",
    ))
}

/// The Executor that the path names: `/executors/{executor}…` or `/executors/{owner}/{name}`.
#[derive(Debug)]
pub(in crate::http::api) struct Named(pub(in crate::http::api) ExecutorRef);

impl FromRequestParts<App> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| no_such_path())?;
        let part = |name: &str| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        let text = match (part("executor"), part("owner"), part("name")) {
            (Some(executor), _, _) => executor.to_owned(),
            (None, Some(owner), Some(name)) => format!("{owner}/{name}"),
            _ => return Err(no_such_path().into()),
        };
        Ok(Self(reference(&text)?))
    }
}

/// The Executor that the path names, for somebody who may know its secret and sends it as `X-Executor-Secret`.
#[derive(Debug)]
pub(in crate::http::api) struct Pointed(pub(in crate::http::api) Subject);

impl FromRequestParts<App> for Pointed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Named(reference) = Named::from_request_parts(parts, app).await?;
        Ok(Self(Subject { reference, secret: secret(&parts.headers) }))
    }
}

/// What [`Named`] reads, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "nobody makes one: it describes a part of the path")]
pub(in crate::http::api) struct ExecutorPath {
    /// `owner%2Fname`, a bare name, or the 8-character id
    executor: String,
}

/// What [`secret`] reads, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "nobody makes one: it describes a header")]
pub(in crate::http::api) struct SecretHeader {
    /// The secret of the Executor
    #[param(rename = "X-Executor-Secret")]
    secret: Option<String>,
}

/// The Executor that a text means. No Executor can have a name that cannot be read.
pub(in crate::http::api) fn reference(text: &str) -> Result<ExecutorRef, Error> {
    Ok(pull::reference(text, None)?.0)
}

/// A part of the path that must be read as something else; what cannot be is not there.
#[derive(Debug)]
pub(in crate::http::api) struct Part<T>(pub(in crate::http::api) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Part<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let part = Path::<T>::from_request_parts(parts, app).await.map_err(|_| no_such_path())?;
        Ok(Self(part.0))
    }
}

pub(in crate::http::api) fn no_such_path() -> Error {
    Error::new(
        ErrorKind::NotFound,
        "route_not_found",
        "There is nothing at this address.",
        "Check the address.",
    )
}

/// Parameters of the query; one that is not known is an error.
#[derive(Debug)]
pub(in crate::http::api) struct Parameters<T>(pub(in crate::http::api) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let query = Query::<T>::try_from_uri(&parts.uri).map_err(|rejection| {
            let why = std::error::Error::source(&rejection)
                .map_or_else(|| rejection.to_string(), ToString::to_string);
            Error::invalid("query", format!("The query cannot be read: {why}."), "Check its parameters.")
        })?;
        Ok(Self(query.0))
    }
}

/// Bytes of a JSON body.
const BODY_BYTES: usize = 64 << 10;

/// A body of JSON; a field that is not known is an error.
#[derive(Debug)]
pub(in crate::http::api) struct Body<T>(pub(in crate::http::api) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let mime = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        if !mime.eq_ignore_ascii_case("application/json") {
            let remedy = "Send it with `Content-Type: application/json`.";
            return Err(Error::invalid("content_type", "The body is not declared as JSON.", remedy).into());
        }
        let limit = axum::extract::DefaultBodyLimit::max(BODY_BYTES);
        let mut request = request;
        limit.apply(&mut request);
        let bytes = Bytes::from_request(request, app).await.map_err(|rejection| {
            let cause = format!("The body cannot be read: {rejection}.");
            Error::invalid("body", cause, "Send a body of at most 64 KiB.")
        })?;
        let body = serde_json::from_slice(&bytes).map_err(|why| {
            Error::invalid("body", format!("The body cannot be read: {why}."), "Check its fields.")
        })?;
        Ok(Self(body))
    }
}

/// The secret of an Executor, for those who have one.
pub(in crate::http::api) fn secret(headers: &HeaderMap) -> Option<Secret> {
    let text = headers.get("x-executor-secret")?.to_str().ok()?.trim();
    (!text.is_empty()).then(|| Secret::new(text))
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct PageRequest {
    /// `next_cursor` of the page before.
    pub(in crate::http::api) cursor: Option<String>,
    /// Items of a page; 20 when nothing is said.
    #[param(minimum = 1, maximum = 100)]
    pub(in crate::http::api) limit: Option<i64>,
}

/// The size of a page; more than a hundred, or nothing, is an error.
pub(in crate::http::api) fn page_size(limit: Option<i64>) -> Result<PageSize, Error> {
    if limit.is_none_or(|limit| (1..=100).contains(&limit)) {
        return Ok(PageSize::nearest(limit));
    }
    Err(Error::invalid("limit", "A page has 1 to 100 items.", "Choose another limit."))
}
