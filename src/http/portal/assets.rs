//! Which files belong to the pages? One stylesheet, under an address that changes with its content, so that browsers may keep
//! it for ever.

use std::sync::LazyLock;

use axum::{
    extract::{Path, rejection::PathRejection},
    http::header,
    response::{IntoResponse as _, Response},
};
use sha2::{Digest as _, Sha256};

use crate::http::{problem::Problem, refused};

const STYLESHEET: &str = include_str!("../../../assets/hub.css");

static STYLESHEET_NAME: LazyLock<String> = LazyLock::new(|| {
    let mut digest = hex::encode(Sha256::digest(STYLESHEET));
    digest.truncate(16);
    format!("hub-{digest}.css")
});

/// The file name of the stylesheet, below `/assets/`.
pub(super) fn stylesheet() -> &'static str {
    &STYLESHEET_NAME
}

pub(super) async fn serve(file: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(file) = file.map_err(refused::path)?;
    if file != *STYLESHEET_NAME {
        return Err(crate::error::Error::new(
            crate::error::ErrorKind::NotFound,
            "route_not_found",
            "There is nothing at this address.",
            "Load the page again.",
        )
        .into());
    }
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, STYLESHEET).into_response())
}
