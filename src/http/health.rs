//! Is the Hub alive, and would it take a push now?

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::json;

use crate::app::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        // The public Hub's own checks waited for this.
        .route("/ping", get(async || "pong\n"))
        .route("/readyz", get(ready))
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
