//! `GET /api/v1/usage`: the space that whoever asks takes, and how much they may take; `…/usage/hub`: what everybody takes.

use axum::{extract::State, http::HeaderMap, response::Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{answer, ask::SignedIn, openapi::ReadProblems};
use crate::{app::App, http::problem::Problem, hub::usage};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(show_hub))
}

/// What somebody has here.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Usage {
    /// How many Executors, deleted ones included until they are purged.
    executors: u64,
    /// How many they may have; absent for any number.
    most_executors: Option<u64>,
    /// Bytes of their packages, each counted once.
    package_bytes: u64,
    /// How many they may come to; absent for any number.
    most_package_bytes: Option<u64>,
    /// Bytes of their artifacts.
    artifact_bytes: u64,
    /// The largest first; at most a thousand.
    by_executor: Vec<ExecutorUsage>,
}

/// What one Executor comes to.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct ExecutorUsage {
    id: String,
    name: Option<String>,
    /// How many commits, deleted ones included until they are purged.
    commits: u64,
    package_bytes: u64,
    /// Bytes of its images' layers; images share layers.
    image_bytes: u64,
    /// When it was deleted; its bytes count until it is purged.
    deleted_at: Option<DateTime<Utc>>,
}

/// What everybody has here.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct HubUsage {
    /// The largest first; at most a thousand.
    by_owner: Vec<OwnerUsage>,
    /// The largest first; at most a thousand.
    by_executor: Vec<OwnedExecutorUsage>,
}

/// What one person comes to.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct OwnerUsage {
    /// Their login; absent for what belongs to nobody.
    login: Option<String>,
    /// How many Executors.
    executors: u64,
    package_bytes: u64,
    artifact_bytes: u64,
}

/// What one Executor comes to, and whose it is.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct OwnedExecutorUsage {
    /// Login of its owner.
    owner: Option<String>,
    #[serde(flatten)]
    usage: ExecutorUsage,
}

impl From<usage::ExecutorUsage> for ExecutorUsage {
    fn from(usage: usage::ExecutorUsage) -> Self {
        Self {
            id: usage.id.to_string(),
            name: usage.name.map(|name| name.to_string()),
            commits: usage.commits,
            package_bytes: usage.package_bytes,
            image_bytes: usage.image_bytes,
            deleted_at: usage.deleted_at,
        }
    }
}

/// Show what whoever asks has here
#[utoipa::path(
    get,
    path = "/api/v1/usage",
    tag = "people",
    operation_id = "showUsage",
    responses((status = 200, description = "What they have", body = Usage), (status = 304, description = "As the caller has it"), ReadProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn show(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let usage = app.hub().usage(&caller).await?;
    let usage = Usage {
        executors: usage.executors,
        most_executors: usage.most_executors,
        package_bytes: usage.package_bytes,
        most_package_bytes: usage.most_package_bytes,
        artifact_bytes: usage.artifact_bytes,
        by_executor: usage.by_executor.into_iter().map(ExecutorUsage::from).collect(),
    };
    answer::json(&headers, &usage)
}

/// Show what everybody has here, for admins
#[utoipa::path(
    get,
    path = "/api/v1/usage/hub",
    tag = "people",
    operation_id = "showHubUsage",
    responses((status = 200, description = "What there is", body = HubUsage), (status = 304, description = "As the caller has it"), ReadProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn show_hub(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let usage = app.hub().usage_of_all(&caller).await?;
    let by_owner = usage.by_owner.into_iter().map(|owner| OwnerUsage {
        login: owner.login,
        executors: owner.executors,
        package_bytes: owner.package_bytes,
        artifact_bytes: owner.artifact_bytes,
    });
    let by_executor = usage.by_executor.into_iter().map(|usage| OwnedExecutorUsage {
        owner: usage.owner.as_ref().map(|owner| owner.login.to_string()),
        usage: usage.into(),
    });
    let usage = HubUsage { by_owner: by_owner.collect(), by_executor: by_executor.collect() };
    answer::json(&headers, &usage)
}
