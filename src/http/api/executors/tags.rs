//! `GET /api/v1/executors/{executor}/tags`: the names of its commits.

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::wire::Tag;
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
pub(in crate::http::api) struct TagPage {
    tags: Vec<Tag>,
    /// Absent on the last page.
    next_cursor: Option<String>,
}

/// List the tags of an Executor by name
#[utoipa::path(
    get,
    path = "/api/v1/executors/{executor}/tags",
    tag = "executors",
    operation_id = "listTags",
    params(ask::ExecutorPath, ask::SecretHeader, PageRequest),
    responses((status = 200, description = "A page", body = TagPage), (status = 304, description = "As the caller has it"), ReadProblems)
)]
pub(in crate::http::api) async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    headers: HeaderMap,
    Parameters(request): Parameters<PageRequest>,
) -> Result<Response, Problem> {
    let size = ask::page_size(request.limit)?;
    let page = app.hub().tag_page(&caller, subject, request.cursor.as_deref(), size).await?;
    let tags = page.items.into_iter().map(Tag::from).collect();
    answer::json(&headers, &TagPage { tags, next_cursor: page.next })
}
