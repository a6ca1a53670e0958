//! Which surface answers which request? The only home of axum: handlers parse, call one use case, and render.

mod address;
mod api;
mod artifacts;
mod caller;
mod downloads;
mod feeds;
mod health;
mod layers;
mod ndjson;
mod packages;
mod portal;
mod problem;
mod pull;
mod push;
pub mod server;
mod story;
mod tagged;
mod upload;
mod v1;
mod v2;

use axum::Router;

use crate::app::App;

pub use api::document as api_document;

/// All surfaces on one router.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .merge(health::routes())
        .merge(packages::routes())
        .merge(artifacts::routes())
        .merge(v1::routes())
        .merge(v2::routes())
        .merge(api::routes(&app))
        .merge(feeds::routes())
        .merge(portal::routes(&app))
        .with_state(app.clone());
    layers::around(routes, app)
}
