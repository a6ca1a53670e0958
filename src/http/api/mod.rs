//! Our own REST: what scripts and the portal use.

mod executors;

use axum::Router;

use super::problem::Problem;
use crate::app::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/api/v1/executors", axum::routing::get(executors::list::handle)).fallback(not_found)
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
