//! `POST /api/v1/tasks/{task}/cancel` and `…/retry`: a build that is stopped or started again.

use axum::{Json, extract::State, http::HeaderMap};

use super::wire::Task;
use crate::{
    app::App,
    error::Error,
    http::{
        api::{
            ask::{self, Asker, Part},
            openapi::WriteProblems,
        },
        problem::Problem,
    },
};

/// Stop a build
///
/// One that waits is over at once, one that runs ends as soon as its worker hears of it, and one that is over stays as it
/// ended.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{task}/cancel",
    tag = "tasks",
    operation_id = "cancelTask",
    params(("task" = String, Path, description = "Id of the task"), ask::SecretHeader),
    responses((status = 200, description = "As it is then", body = Task), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn cancel(
    State(app): State<App>,
    Asker(caller): Asker,
    Part(task): Part<String>,
    headers: HeaderMap,
) -> Result<Json<Task>, Problem> {
    let id = task.parse().map_err(|_| Error::task_not_found())?;
    Ok(Json(app.hub().cancel_build(&caller, id, ask::secret(&headers).as_ref()).await?.into()))
}

/// Build the commit of a failed or cancelled build again
///
/// Where it is being built already, that build is told.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{task}/retry",
    tag = "tasks",
    operation_id = "retryTask",
    params(("task" = String, Path, description = "Id of the task"), ask::SecretHeader),
    responses((status = 200, description = "The new build", body = Task), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn retry(
    State(app): State<App>,
    Asker(caller): Asker,
    Part(task): Part<String>,
    headers: HeaderMap,
) -> Result<Json<Task>, Problem> {
    let id = task.parse().map_err(|_| Error::task_not_found())?;
    Ok(Json(app.hub().retry_build(&caller, id, ask::secret(&headers).as_ref()).await?.into()))
}
