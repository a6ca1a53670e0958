//! The registry of images: the OCI distribution specification 1.1 below `/v2/`, for Docker and its kin. One catch-all route,
//! because names of repositories have slashes; what each of its requests needs stands in one table (`route.rs`).

mod blobs;
mod error;
mod login;
mod manifests;
mod referrers;
mod route;
mod tags;
mod token;
mod uploads;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode},
    response::{IntoResponse as _, Response},
};

use self::{
    error::OciError,
    login::{Asked, Comer},
    route::{OciRoute, What},
};
use crate::{
    app::App,
    domain::image::{RepositoryName, is_repository},
    error::{Error, ErrorKind},
    http::{
        refused,
        routes::{Needs, Routes, Verb},
    },
    hub::repositories::Closed,
};

type Answer = Result<Response, OciError>;

const ALL: &[Verb] = &[Verb::Get, Verb::Post, Verb::Put, Verb::Patch, Verb::Delete];

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/v2", Needs::Proof, base)
        .get("/v2/", Needs::Proof, base)
        .on(&[Verb::Get, Verb::Post], "/token", Needs::Proof, token::handle)
        .get("/v2/_catalog", Needs::Nothing, catalog)
        .refuse_other_methods(async || OciError::from(refused::other_method()).into_response())
        .catch_all("/v2/{*rest}", ALL, route::TABLE, handle)
}

/// Whether there is a registry here, and whether it knows the caller: where Docker begins.
async fn base(State(app): State<App>, request: Request) -> Response {
    let known = Comer::of(&app, request.headers()).await.and_then(|comer| match comer.brought_something {
        true => Ok(with_version(StatusCode::OK.into_response())),
        false => Err(Error::sign_in_required(false)),
    });
    known.unwrap_or_else(|error| with_version(OciError::from(error).challenged(&app, None).into_response()))
}

/// A list of all repositories is not offered: the Hub has its own lists, of what the caller may see.
async fn catalog() -> Response {
    OciError::unsupported("This registry lists no repositories; look into the catalogue of the Hub.")
        .into_response()
}

async fn handle(State(app): State<App>, request: Request) -> Response {
    let path =
        percent_encoding::percent_decode_str(request.uri().path()).decode_utf8().map(Into::<String>::into);
    let Some(route) = path.ok().as_deref().and_then(|path| OciRoute::read(path.strip_prefix("/v2/")?)) else {
        return refused::unknown_route(request).await;
    };
    match answer(&app, &route, request).await {
        Ok(response) => with_version(response),
        Err(error) => with_version(error.into_response()),
    }
}

async fn answer(app: &App, route: &OciRoute, request: Request) -> Answer {
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let Some(action) = route.what.action(&method) else {
        return Err(OciError::from(refused::other_method()));
    };
    let asked = Asked { name: &route.name, action };
    let comer = Comer::of(app, request.headers())
        .await
        .map_err(|error| OciError::from(error).challenged(app, Some(asked)))?;
    if !is_repository(&route.name) {
        return Err(name_invalid().into());
    }
    let opened = match route.name.parse::<RepositoryName>() {
        Ok(name) => app.hub().open_repository(&comer.visitor, &name, action).await,
        // No Executor can have such a name.
        Err(_) => Err(Closed::Hidden),
    };
    let repository = opened.map_err(|closed| comer.refuse(app, asked, closed))?;
    let (parts, body) = request.into_parts();
    let here = Here { app, name: &route.name, repository: &repository, visitor: &comer.visitor };
    match (&route.what, method) {
        (What::Manifest(reference), Method::GET) => manifests::get(here, reference, &parts).await,
        (What::Manifest(reference), Method::PUT) => {
            manifests::put(here, reference, Request::from_parts(parts, body)).await
        }
        (What::Manifest(reference), _) => manifests::delete(here, reference).await,
        (What::Blob(digest), Method::GET) => blobs::get(here, digest, &parts).await,
        (What::Blob(digest), _) => blobs::delete(here, digest).await,
        (What::Uploads, _) => uploads::begin(here, Request::from_parts(parts, body)).await,
        (What::Upload(id), Method::GET) => uploads::status(here, id).await,
        (What::Upload(id), Method::PATCH) => {
            uploads::append(here, id, Request::from_parts(parts, body)).await
        }
        (What::Upload(id), Method::PUT) => uploads::finish(here, id, Request::from_parts(parts, body)).await,
        (What::Upload(id), _) => uploads::cancel(here, id).await,
        (What::Tags, _) => tags::list(here, &parts).await,
        (What::Referrers(digest), _) => referrers::list(here, digest, &parts).await,
    }
}

/// What every handler has: a repository that its caller was let into.
#[derive(Clone, Copy)]
struct Here<'a> {
    app: &'a App,
    /// The repository's name as it was asked for: addresses in answers repeat it.
    name: &'a str,
    repository: &'a crate::hub::repositories::Repository,
    visitor: &'a crate::hub::repositories::Visitor,
}

fn with_version(mut response: Response) -> Response {
    const VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
    response.headers_mut().insert(VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

fn name_invalid() -> Error {
    Error::new(
        ErrorKind::Invalid,
        "name_invalid",
        "This is no repository's name.",
        "Names of repositories are lower case: OWNER/NAME, NAME or ID.",
    )
}

/// A header whose value was made here.
fn header(name: &'static str, value: &str) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""));
    (HeaderName::from_static(name), value)
}
