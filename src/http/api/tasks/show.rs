//! `GET /api/v1/tasks/{task}`: one build.

use axum::{extract::State, http::HeaderMap, response::Response};

use super::wire::Task;
use crate::{
    app::App,
    error::Error,
    http::{
        api::{
            answer,
            ask::{self, Asker, Part},
            openapi::ReadProblems,
        },
        problem::Problem,
    },
};

/// Show a build
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}",
    tag = "tasks",
    operation_id = "showTask",
    params(
        ("task" = String, Path, description = "Id of the task"),
        ("X-Executor-Secret" = Option<String>, Header, description = "The secret of its Executor"),
    ),
    responses((status = 200, description = "The task", body = Task), (status = 304, description = "As the caller has it"), ReadProblems)
)]
pub(in crate::http::api) async fn handle(
    State(app): State<App>,
    Asker(caller): Asker,
    Part(task): Part<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = task.parse().map_err(|_| Error::task_not_found())?;
    let watched = app.hub().watch(&caller, id, ask::secret(&headers).as_ref()).await?;
    answer::json(&headers, &Task::from(watched.task))
}
