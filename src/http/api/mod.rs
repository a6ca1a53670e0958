//! Our own API: what scripts, the portal and other Hubs use. A router function for each noun; the OpenAPI document is made of
//! the same lines that route.

mod answer;
mod ask;
mod docs;
mod executors;
mod me;
mod openapi;
mod people;
mod rate;
mod tasks;
mod tokens;

use axum::{Router, routing::get};
use utoipa_axum::router::OpenApiRouter;

use super::problem::Problem;
use crate::app::App;

pub use openapi::document;

/// Every route of the API with what the document says of it.
fn documented() -> OpenApiRouter<App> {
    openapi::head()
        .merge(executors::routes())
        .merge(tasks::routes())
        .merge(tokens::routes())
        .merge(people::routes())
        .merge(me::routes())
}

pub(super) fn routes(app: &App) -> Router<App> {
    let (routes, _) = documented().split_for_parts();
    routes
        .route("/api/v1/openapi.json", get(docs::json))
        .route("/api/v1/docs", get(docs::page))
        .route_layer(axum::middleware::from_fn_with_state(app.clone(), rate::limit))
        .fallback(not_found)
}

async fn not_found() -> Problem {
    crate::error::Error::new(
        crate::error::ErrorKind::NotFound,
        "route_not_found",
        "There is nothing at this address.",
        "Check the address.",
    )
    .into()
}
