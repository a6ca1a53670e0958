//! Deletion of Executors and commits, and its undoing while the undo window is open.

use axum::{Json, extract::State, http::StatusCode};

use super::deleted::DeletedExecutor;
use crate::{
    app::App,
    http::{
        api::{
            ask::{self, Asker, Part, Pointed},
            openapi::WriteProblems,
        },
        problem::Problem,
    },
};

/// Delete an Executor with its commits, tags and images
///
/// It can be brought back by its id until `purge_at`.
#[utoipa::path(
    delete,
    path = "/api/v1/executors/{executor}",
    tag = "executors",
    operation_id = "deleteExecutor",
    params(ask::ExecutorPath, ask::SecretHeader),
    responses((status = 200, description = "It is deleted", body = DeletedExecutor), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn executor(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
) -> Result<Json<DeletedExecutor>, Problem> {
    Ok(Json(app.hub().delete_executor(&caller, &subject).await?.into()))
}

/// Bring a deleted Executor back
#[utoipa::path(
    post,
    path = "/api/v1/executors/{executor}/undelete",
    tag = "executors",
    operation_id = "undeleteExecutor",
    params(ask::ExecutorPath, ask::SecretHeader),
    responses((status = 204, description = "It is there again"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn undelete_executor(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
) -> Result<StatusCode, Problem> {
    app.hub().undelete_executor(&caller, &subject).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a commit and the tags that point at it
///
/// Not one that a protected tag holds.
#[utoipa::path(
    delete,
    path = "/api/v1/executors/{executor}/commits/{commit}",
    tag = "executors",
    operation_id = "deleteCommit",
    params(ask::ExecutorPath, ("commit" = String, Path, description = "Id of the commit"), ask::SecretHeader),
    responses((status = 204, description = "It is deleted"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn commit(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, commit)): Part<(String, String)>,
) -> Result<StatusCode, Problem> {
    let commit = commit.parse().map_err(|_| ask::no_such_path())?;
    app.hub().delete_commit(&caller, &subject, commit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bring a deleted commit back
#[utoipa::path(
    post,
    path = "/api/v1/executors/{executor}/commits/{commit}/undelete",
    tag = "executors",
    operation_id = "undeleteCommit",
    params(ask::ExecutorPath, ("commit" = String, Path, description = "Id of the commit"), ask::SecretHeader),
    responses((status = 204, description = "It is there again"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn undelete_commit(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, commit)): Part<(String, String)>,
) -> Result<StatusCode, Problem> {
    let commit = commit.parse().map_err(|_| ask::no_such_path())?;
    app.hub().undelete_commit(&caller, &subject, commit).await?;
    Ok(StatusCode::NO_CONTENT)
}
