//! `GET /api/v1/executors/{executor}/commits`: what was pushed and may be pulled.

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::wire::{Commit, Package};
use crate::{
    app::App,
    http::{
        api::{
            answer,
            ask::{self, Asker, PageRequest, Parameters, Part, Pointed},
            openapi::ReadProblems,
        },
        problem::Problem,
    },
};

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct CommitPage {
    commits: Vec<Commit>,
    /// Absent on the last page.
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct CommitDetail {
    commit: Commit,
    /// What is in its package.
    package: Package,
}

/// List the commits of an Executor that may be pulled, newest first
#[utoipa::path(
    get,
    path = "/api/v1/executors/{executor}/commits",
    tag = "executors",
    operation_id = "listCommits",
    params(ask::ExecutorPath, ask::SecretHeader, PageRequest),
    responses((status = 200, description = "A page", body = CommitPage), (status = 304, description = "As the caller has it"), ReadProblems)
)]
pub(in crate::http::api) async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    headers: HeaderMap,
    Parameters(request): Parameters<PageRequest>,
) -> Result<Response, Problem> {
    let size = ask::page_size(request.limit)?;
    let page = app.hub().commits(&caller, subject, request.cursor.as_deref(), size).await?;
    let commits = page.items.into_iter().map(Commit::from).collect();
    answer::json(&headers, &CommitPage { commits, next_cursor: page.next })
}

/// Show a commit of an Executor
#[utoipa::path(
    get,
    path = "/api/v1/executors/{executor}/commits/{commit}",
    tag = "executors",
    operation_id = "showCommit",
    params(
        ask::ExecutorPath,
        ("commit" = String, Path, description = "Id of the commit"),
        ask::SecretHeader,
    ),
    responses((status = 200, description = "The commit", body = CommitDetail), (status = 304, description = "As the caller has it"), ReadProblems)
)]
pub(in crate::http::api) async fn show(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, commit)): Part<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = commit.parse().map_err(|_| ask::no_such_path())?;
    let (commit, package) = app.hub().commit(&caller, subject, id).await?;
    answer::json(&headers, &CommitDetail { commit: commit.into(), package: package.into() })
}
