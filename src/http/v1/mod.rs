//! The REST of jina 2.0 to 2.6, as those clients call it (PROTOCOL.md A): one path to push, one to ask about an Executor.

mod error;
mod pull;
mod push;
mod wire;

use axum::{
    Router,
    routing::{get, post},
};

use crate::app::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/executors", post(push::create).put(push::update))
        // The clients put a slash before their `?`, also when nothing follows.
        .route("/v1/executors/{name}/", get(pull::handle))
        .route("/v1/executors/{name}", get(pull::handle))
}
