//! Which surface answers which request? The only home of axum: handlers parse, call one use case, and render.

mod address;
mod api;
mod artifacts;
mod caller;
mod downloads;
mod feeds;
mod health;
mod idle;
mod layers;
mod ndjson;
mod oci;
mod packages;
mod portal;
mod probe;
mod problem;
mod pull;
mod push;
mod refused;
pub mod routes;
pub mod server;
mod stall;
mod story;
mod tagged;
pub mod tls;
mod upload;
mod v1;
mod v2;

use axum::{
    BoxError,
    body::{Bytes, HttpBody},
};

use self::routes::{Declared, Routes};
use crate::app::App;

pub use api::document as api_document;
pub use health::observation_router;

/// All surfaces on one router.
pub fn router<B>(app: &App) -> impl server::Surface<B> + use<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let routes = routes(app).into_router().fallback(refused::unknown_route).with_state(app.clone());
    layers::around(routes, app)
}

/// Every route there is, with what it lets a caller do.
pub fn table(app: &App) -> Vec<Declared> {
    routes(app).declared().to_vec()
}

fn routes(app: &App) -> Routes {
    health::routes()
        .merge(probe::routes())
        .merge(packages::routes())
        .merge(artifacts::routes())
        .merge(v1::routes())
        .merge(v2::routes())
        .merge(api::routes(app))
        .merge(oci::routes())
        .merge(feeds::routes())
        .merge(portal::routes(app))
}
