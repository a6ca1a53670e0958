//! How does a client download a package? From a signed address below `/packages/` (PROTOCOL.md J).

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
        .get("/packages/{file}", Needs::SignedAddress, download)
        .refuse_other_methods(async || Problem::from(refused::other_method()))
}

/// The full address of a package.
pub(super) fn address(external_url: &str, address: &DownloadAddress) -> String {
    format!("{external_url}/packages/{}.zip?{}", address.sha256, downloads::query(address))
}

async fn download(
    State(app): State<App>,
    method: Method,
    file: Result<Path<String>, PathRejection>,
    signed: Result<Query<Signed>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path(file) = file.map_err(refused::path)?;
    let digest = file.strip_suffix(".zip");
    let mut response = downloads::serve(&app, Content::Package, digest, signed, &method, &headers).await?;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    Ok(response)
}
