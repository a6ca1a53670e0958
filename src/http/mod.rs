//! Which surface answers which request? The only home of axum: handlers parse, call one use case, and render.

mod address;
mod api;
mod artifacts;
mod caller;
mod downloads;
mod health;
mod layers;
mod ndjson;
mod packages;
mod portal;
mod problem;
mod pull;
mod push;
pub mod server;
mod stall;
mod story;
mod upload;
mod v1;
mod v2;

use axum::Router;

use crate::app::App;

/// All surfaces on one router.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .merge(health::routes())
        .merge(packages::routes())
        .merge(artifacts::routes())
        .merge(v1::routes())
        .merge(v2::routes())
        .merge(api::routes())
        .merge(portal::routes(&app))
        .with_state(app);
    layers::around(routes)
}
