//! Our own REST: what scripts and the portal use.

mod executors;
mod rate;

use axum::Router;

use super::problem::Problem;
use crate::app::App;

pub(super) fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/api/v1/executors", axum::routing::get(executors::list::handle))
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
