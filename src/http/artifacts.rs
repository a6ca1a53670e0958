//! How does a client download an artifact? From a signed address below `/artifacts/` (PROTOCOL.md G).

use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, Method, header},
    response::Response,
};

use super::{
    downloads::{self, Signed},
    problem::Problem,
    refused,
    routes::{Needs, Routes},
};
use crate::{
    app::App,
    hub::download::{Content, DownloadAddress},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/artifacts/{digest}", Needs::SignedAddress, download)
        .refuse_other_methods(async || Problem::from(refused::other_method()))
}

/// The full address of an artifact's bytes.
pub(super) fn address(external_url: &str, address: &DownloadAddress) -> String {
    format!("{external_url}/artifacts/{}?{}", address.sha256, downloads::query(address))
}

async fn download(
    State(app): State<App>,
    method: Method,
    digest: Result<Path<String>, PathRejection>,
    signed: Result<Query<Signed>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path(digest) = digest.map_err(refused::path)?;
    let mut response =
        downloads::serve(&app, Content::Artifact, Some(&digest), signed, &method, &headers).await?;
    let headers = response.headers_mut();
    // Anybody may have uploaded anything: a browser saves it and never shows it as a page of this Hub's.
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}
