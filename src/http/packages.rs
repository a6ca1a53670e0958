//! How does a client download a package? From a signed address below `/packages/` (PROTOCOL.md J).

use axum::{
    Router,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, Method, header},
    response::Response,
    routing::get,
};

use super::{
    downloads::{self, Signed},
    problem::Problem,
};
use crate::{
    app::App,
    hub::download::{Content, DownloadAddress},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/packages/{file}", get(download))
}

/// The full address of a package.
pub(super) fn address(external_url: &str, address: &DownloadAddress) -> String {
    format!("{external_url}/packages/{}.zip?{}", address.sha256, downloads::query(address))
}

async fn download(
    State(app): State<App>,
    method: Method,
    Path(file): Path<String>,
    signed: Result<Query<Signed>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let digest = file.strip_suffix(".zip");
    let mut response = downloads::serve(&app, Content::Package, digest, signed, &method, &headers).await?;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    Ok(response)
}
