//! `PATCH /api/v1/executors/{executor}`: settings of an Executor. What its package says is changed by a push alone.

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::wire::{Executor, VisibilityWord};
use crate::{
    app::App,
    http::{
        api::{
            answer,
            ask::{self, Body, Named, SignedIn},
            openapi::WriteProblems,
        },
        problem::Problem,
    },
};

/// Settings to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct ChangeRequest {
    visibility: Option<VisibilityWord>,
}

/// Change the settings of an Executor
///
/// With `If-Match`, only while it is as the caller saw it.
#[utoipa::path(
    patch,
    path = "/api/v1/executors/{executor}",
    tag = "executors",
    operation_id = "changeExecutor",
    params(
        ask::ExecutorPath,
        ("If-Match" = Option<String>, Header, description = "The ETag that the Executor was shown with"),
    ),
    request_body = ChangeRequest,
    responses((status = 200, description = "As it is now", body = Executor), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn handle(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Named(reference): Named,
    headers: HeaderMap,
    Body(request): Body<ChangeRequest>,
) -> Result<Response, Problem> {
    let before = app.hub().show(&caller, &reference, None).await?;
    answer::check_unchanged(&headers, &Executor::from(before))?;
    if let Some(visibility) = request.visibility {
        app.hub().set_visibility(&caller, &reference, visibility.into()).await?;
    }
    let after = app.hub().show(&caller, &reference, None).await?;
    answer::json(&HeaderMap::new(), &Executor::from(after))
}
