//! `GET /api/v1/executors/{executor}/tasks`: the builds of an Executor.

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::wire::Task;
use crate::{
    app::App,
    http::{
        api::{
            answer,
            ask::{self, Asker, PageRequest, Parameters, Pointed},
            openapi::ReadProblems,
        },
        problem::Problem,
    },
};

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct TaskPage {
    tasks: Vec<Task>,
    /// Absent on the last page.
    next_cursor: Option<String>,
}

/// List the builds of an Executor, newest first, for those who may follow them
#[utoipa::path(
    get,
    path = "/api/v1/executors/{executor}/tasks",
    tag = "tasks",
    operation_id = "listTasks",
    params(ask::ExecutorPath, ask::SecretHeader, PageRequest),
    responses((status = 200, description = "A page", body = TaskPage), (status = 304, description = "As the caller has it"), ReadProblems)
)]
pub(in crate::http::api) async fn handle(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    headers: HeaderMap,
    Parameters(request): Parameters<PageRequest>,
) -> Result<Response, Problem> {
    let size = ask::page_size(request.limit)?;
    let page = app.hub().tasks(&caller, subject, request.cursor.as_deref(), size).await?;
    let tasks = page.items.into_iter().map(Task::from).collect();
    answer::json(&headers, &TaskPage { tasks, next_cursor: page.next })
}
