//! How does a page tell of an error? In a page: what happened, what to do, and the id to ask the operator about.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    assets,
    cookies::Scope,
    visitor::{Frame, Needs, protect},
};
use crate::{
    app::App,
    error::{Error, ErrorKind},
    http::{
        layers::current_request_id,
        problem::{logged, retry_after, status},
    },
};

/// An error on its way to [`render`], which knows what every page needs.
#[derive(Debug, Clone)]
pub(super) struct PageError(Arc<Error>);

impl<E: Into<Error>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(Arc::new(error.into()))
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = status(self.0.kind).into_response();
        response.extensions_mut().insert(logged(&self.0));
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    cause: &'a str,
    remedy: &'a str,
    request_id: String,
}

/// What is told of an Executor or a build that is not there, and, byte for byte, of one that the visitor may not see.
#[derive(Template)]
#[template(path = "missing.html")]
struct MissingPage {
    frame: Frame,
}

/// Turns errors into pages. Strangers who want to read what is for signed-in people are sent to sign in.
pub(super) async fn render(State(app): State<App>, request: Request, next: Next) -> Response {
    let reads = (request.method() == Method::GET).then(|| request.uri().clone());
    let mut response = next.run(request).await;
    let Some(PageError(error)) = response.extensions_mut().remove::<PageError>() else { return response };
    let base = Scope::of(&app.settings().server.external_url).base;
    if let (ErrorKind::Unauthenticated, Some(address)) = (error.kind, reads) {
        let path = address.path_and_query().map_or("/", |path| path.as_str());
        let location = format!("{base}/sign-in?next={}", utf8_percent_encode(path, NON_ALPHANUMERIC));
        return (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    }
    let frame =
        Frame { base, assets: assets::names(), form_token: String::new(), person: None, may_sign_in: false };
    let rendered = if matches!(error.code, "executor_not_found" | "task_not_found" | "page_not_found") {
        MissingPage { frame }.render()
    } else {
        let request_id = current_request_id().unwrap_or_default();
        ErrorPage { frame, cause: &error.cause, remedy: &error.remedy, request_id }.render()
    };
    let Ok(html) = rendered else { return response };
    let (status, extensions) = (response.status(), std::mem::take(response.extensions_mut()));
    let mut response = (status, Html(html)).into_response();
    retry_after(&error, response.headers_mut());
    *response.extensions_mut() = extensions;
    // The policy is a constant here; a page without it would still run nothing.
    let _ = protect(&mut response, Needs::default());
    response
}

/// The text for a form that is shown again, if the error is one that its person can mend; else the error goes on.
pub(super) fn notice(error: Error) -> Result<(StatusCode, String), PageError> {
    match error.kind {
        ErrorKind::Internal | ErrorKind::Unavailable => Err(error.into()),
        kind => Ok((status(kind), error.sentence())),
    }
}
