//! `GET /api/v1/executors/{executor}`: one Executor with its arguments, dependencies, readme, tags and images.

use axum::{extract::State, http::HeaderMap, response::Response};

use super::wire::Executor;
use crate::{
    app::App,
    auth::Caller,
    domain::ExecutorRef,
    http::{
        api::{
            answer,
            ask::{self, Asker, Named},
            openapi::ReadProblems,
        },
        problem::Problem,
    },
};

/// Show an Executor
#[utoipa::path(
    get,
    path = "/api/v1/executors/{executor}",
    tag = "executors",
    operation_id = "showExecutor",
    params(
        ask::ExecutorPath,
        ("X-Executor-Secret" = Option<String>, Header, description = "The secret of a private one"),
    ),
    responses((status = 200, description = "The Executor", body = Executor), (status = 304, description = "As the caller has it"), ReadProblems)
)]
pub(in crate::http::api) async fn handle(
    State(app): State<App>,
    Asker(caller): Asker,
    Named(reference): Named,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    show(&app, &caller, &reference, &headers).await
}

/// Show an Executor by its owner's login and its name
///
/// One whose name is `access`, `commits`, `secret`, `tags`, `tag-history`, `tag-rules`, `tasks` or
/// `undelete` is shown by its id.
#[utoipa::path(
    get,
    path = "/api/v1/executors/{owner}/{name}",
    tag = "executors",
    operation_id = "showOwnedExecutor",
    params(
        ("owner" = String, Path, description = "Login of its owner"),
        ("name" = String, Path, description = "Its name, or its id"),
        ("X-Executor-Secret" = Option<String>, Header, description = "The secret of a private one"),
    ),
    responses((status = 200, description = "The Executor", body = Executor), (status = 304, description = "As the caller has it"), ReadProblems)
)]
pub(in crate::http::api) async fn handle_owned(
    State(app): State<App>,
    Asker(caller): Asker,
    Named(reference): Named,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    show(&app, &caller, &reference, &headers).await
}

async fn show(
    app: &App,
    caller: &Caller,
    reference: &ExecutorRef,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let detail = app.hub().show(caller, reference, ask::secret(headers).as_ref()).await?;
    answer::json(headers, &Executor::from(detail))
}
