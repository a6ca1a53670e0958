//! Is the Hub alive, would it take a push now, and what are its figures? Everybody may know the first two; details and
//! figures are for operators.

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{
    caller,
    problem::Problem,
    refused,
    routes::{Needs, Routes},
};
use crate::{
    app::{App, Readiness},
    auth::Credentials,
    error::Error,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/livez", Needs::Nothing, async || "ok\n")
        // Nothing is served before the database is migrated and everything has started.
        .get("/startupz", Needs::Nothing, async || "ok\n")
        .get("/version", Needs::Nothing, version)
        // The public Hub's own checks waited for this.
        .get("/ping", Needs::Nothing, async || "pong\n")
        .get("/readyz", Needs::Nothing, ready)
        .get("/metrics", Needs::Administration, metrics)
        .refuse_other_methods(async || Problem::from(refused::other_method()))
}

/// What a listener for operators serves: whoever reaches it may know everything of this.
pub fn observation_router(app: App) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(async |State(app): State<App>| told(&app.readiness().await, true)))
        .route("/metrics", get(async |State(app): State<App>| exposition(app.figures().await)))
        .with_state(app)
}

/// What runs here, for people and scripts that look after it.
async fn version() -> Json<Value> {
    Json(json!({"name": "executor-hub", "version": env!("CARGO_PKG_VERSION")}))
}

async fn ready(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    // Hosts and folders are nothing for strangers, and who asks is only looked up when it matters: a health check must
    // work where the database does not.
    let wants_detail = query.is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let may_know = wants_detail && may_observe(&app, &headers).await.is_ok();
    told(&app.readiness().await, may_know)
}

async fn metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    may_observe(&app, &headers).await?;
    Ok(exposition(app.figures().await))
}

/// The token of the settings, or an admin.
async fn may_observe(app: &App, headers: &HeaderMap) -> Result<(), Error> {
    let credentials = caller::credentials(headers);
    if let Credentials::Token(token) = &credentials
        && token.is_same_as(&app.settings().server.metrics_token)
    {
        return Ok(());
    }
    app.auth().authorize_observation(&credentials).await
}

fn exposition(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn told(readiness: &Readiness, with_detail: bool) -> Response {
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = Map::new();
    body.insert("status".into(), json!(readiness.state().as_str()));
    for check in readiness.checks.iter().filter(|check| check.name != "builds") {
        body.insert(check.name.into(), json!(check.state.as_str()));
    }
    body.insert("builds".into(), json!(readiness.builds));
    if readiness.stopping {
        body.insert("stopping".into(), json!(true));
    }
    if with_detail {
        let detail = readiness.checks.iter().map(|check| {
            let milliseconds = u64::try_from(check.took.as_millis()).unwrap_or(u64::MAX);
            json!({
                "name": check.name, "state": check.state.as_str(), "detail": check.detail, "milliseconds": milliseconds,
            })
        });
        body.insert("checks".into(), detail.collect::<Vec<Value>>().into());
        body.insert("version".into(), json!(env!("CARGO_PKG_VERSION")));
    }
    (status, Json(body)).into_response()
}
