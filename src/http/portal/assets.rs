//! Which files belong to the pages? A stylesheet, a script and an icon, each under an address that changes with its content,
//! so that browsers may keep it for ever.

use std::sync::LazyLock;

use axum::{
    extract::{Path, rejection::PathRejection},
    http::header,
    response::{IntoResponse as _, Response},
};
use sha2::{Digest as _, Sha256};

use crate::http::{problem::Problem, refused};

struct Asset {
    name: String,
    kind: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(extension: &str, kind: &'static str, content: &'static str) -> Self {
        let mut digest = hex::encode(Sha256::digest(content));
        digest.truncate(16);
        Self { name: format!("hub-{digest}.{extension}"), kind, content }
    }
}

static STYLESHEET: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", include_str!("../../../assets/hub.css")));
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("js", "text/javascript; charset=utf-8", include_str!("../../../assets/hub.js"))
});
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("svg", "image/svg+xml", include_str!("../../../assets/hub.svg")));

/// File names below `/assets/`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    /// The stylesheet.
    pub(super) stylesheet: &'static str,
    /// The script.
    pub(super) script: &'static str,
    /// The icon.
    pub(super) icon: &'static str,
}

/// The file names of this build of the program.
pub(super) fn names() -> Names {
    Names { stylesheet: &STYLESHEET.name, script: &SCRIPT.name, icon: &ICON.name }
}

pub(super) async fn serve(file: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(file) = file.map_err(refused::path)?;
    let assets = [&*STYLESHEET, &*SCRIPT, &*ICON];
    let Some(asset) = assets.into_iter().find(|asset| asset.name == file) else {
        return Err(crate::error::Error::new(
            crate::error::ErrorKind::NotFound,
            "route_not_found",
            "There is nothing at this address.",
            "Load the page again.",
        )
        .into());
    };
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        // An image opened by itself is a document of the Hub's; it needs nothing.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    Ok((headers, asset.content).into_response())
}
