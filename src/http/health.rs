//! Is the Hub alive, and would it take a push now?

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use super::{
    problem::Problem,
    refused,
    routes::{Needs, Routes},
};
use crate::app::App;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/livez", Needs::Nothing, async || "ok\n")
        // The public Hub's own checks waited for this.
        .get("/ping", Needs::Nothing, async || "pong\n")
        .get("/readyz", Needs::Nothing, ready)
        .refuse_other_methods(async || Problem::from(refused::other_method()))
}

async fn ready(State(app): State<App>) -> Response {
    let readiness = app.readiness().await;
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |ok: bool| if ok { "ok" } else { "failing" };
    let body = json!({
        "status": word(readiness.is_ready()),
        "database": word(readiness.database),
        "storage": word(readiness.storage),
        // Without an engine packages are still taken and served: worse, but ready.
        "builds": readiness.builds,
    });
    (status, Json(body)).into_response()
}
