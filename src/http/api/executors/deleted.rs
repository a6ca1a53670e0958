//! `GET /api/v1/deleted` and `GET /api/v1/executors/{executor}/deleted`: what can be brought back, and until when?

use axum::{extract::State, http::HeaderMap, response::Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    http::{
        api::{
            answer,
            ask::{self, Asker, Pointed, SignedIn},
            openapi::ReadProblems,
        },
        problem::Problem,
    },
    hub::deletion::Deleted,
};

/// Executors that were deleted and can still be brought back.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct DeletedExecutors {
    /// The last deleted first; at most a thousand.
    executors: Vec<DeletedExecutor>,
}

/// An Executor that was deleted and can still be brought back.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct DeletedExecutor {
    id: String,
    name: Option<String>,
    deleted_at: DateTime<Utc>,
    /// When it is gone for good.
    purge_at: DateTime<Utc>,
}

impl From<Deleted> for DeletedExecutor {
    fn from(deleted: Deleted) -> Self {
        Self {
            id: deleted.executor.id.to_string(),
            name: deleted.executor.name.map(|name| name.to_string()),
            deleted_at: deleted.deleted_at,
            purge_at: deleted.purge_at,
        }
    }
}

/// Commits and tags that were deleted and can still be brought back.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct DeletedParts {
    /// The last deleted first; at most a thousand.
    commits: Vec<DeletedCommit>,
    /// The last deleted first, without those that somebody made anew; at most a thousand. Those that went with a commit
    /// come back with it.
    tags: Vec<DeletedTag>,
}

/// A commit that was deleted and can still be brought back.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct DeletedCommit {
    id: String,
    deleted_at: DateTime<Utc>,
    /// When it is gone for good.
    purge_at: DateTime<Utc>,
}

/// A tag that was deleted and can still be brought back.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct DeletedTag {
    name: String,
    /// Where it pointed, and will point again.
    commit: String,
    deleted_at: DateTime<Utc>,
    /// Until then it can be brought back.
    until: DateTime<Utc>,
}

/// List the Executors of whoever asks that were deleted and can be brought back
#[utoipa::path(
    get,
    path = "/api/v1/deleted",
    tag = "executors",
    operation_id = "listDeleted",
    responses((status = 200, description = "What can be brought back", body = DeletedExecutors), (status = 304, description = "As the caller has it"), ReadProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn list(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let deleted = app.hub().deleted_executors(&caller).await?;
    answer::json(&headers, &DeletedExecutors { executors: deleted.into_iter().map(Into::into).collect() })
}

/// List the commits and tags of an Executor that were deleted and can be brought back
#[utoipa::path(
    get,
    path = "/api/v1/executors/{executor}/deleted",
    tag = "executors",
    operation_id = "listDeletedParts",
    params(ask::ExecutorPath, ask::SecretHeader),
    responses((status = 200, description = "What can be brought back", body = DeletedParts), (status = 304, description = "As the caller has it"), ReadProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn parts(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parts = app.hub().deleted_parts(&caller, &subject).await?;
    let commits = parts.commits.into_iter().map(|commit| DeletedCommit {
        id: commit.id.to_string(),
        deleted_at: commit.deleted_at,
        purge_at: commit.purge_at,
    });
    let tags = parts.tags.into_iter().map(|(until, tag)| DeletedTag {
        name: tag.name.to_string(),
        commit: tag.commit.to_string(),
        deleted_at: tag.deleted_at,
        until,
    });
    answer::json(&headers, &DeletedParts { commits: commits.collect(), tags: tags.collect() })
}
