//! `/api/v1/executors/{executor}/tags/{tag}`: a tag after its push: moved or rolled back, protected, deleted and brought
//! back; and its history.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire::Tag;
use crate::{
    app::App,
    domain,
    error::Error,
    http::{
        api::{
            answer,
            ask::{self, Asker, Body, PageRequest, Parameters, Part, Pointed},
            openapi::{ReadProblems, WriteProblems},
        },
        problem::Problem,
    },
    hub::tags::{Change, TagChange, TagState},
};

impl From<TagState> for Tag {
    fn from(state: TagState) -> Self {
        Self {
            name: state.name.to_string(),
            commit: state.commit.to_string(),
            protected: state.is_protected,
            moved_at: state.moved_at,
            moved_by: state.moved_by,
        }
    }
}

/// Where a tag is to point.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct MoveTag {
    /// Id of a commit of the same Executor that can be pulled, older or newer.
    commit: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct TagHistoryPage {
    /// The newest first.
    changes: Vec<TagChangeEntry>,
    /// Absent on the last page.
    next_cursor: Option<String>,
}

/// One change of a tag; it is never altered or removed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TagChange)]
pub(in crate::http::api) struct TagChangeEntry {
    tag: String,
    change: ChangeWord,
    /// Id of the commit that it pointed at.
    from: Option<String>,
    /// Id of the commit that it pointed at afterwards.
    to: Option<String>,
    /// Whether it never moves again since then.
    protected: bool,
    at: DateTime<Utc>,
    /// Login of who did it.
    by: Option<String>,
}

/// What happened to a tag.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TagChangeKind)]
enum ChangeWord {
    Created,
    Moved,
    Protected,
    Deleted,
}

impl From<TagChange> for TagChangeEntry {
    fn from(change: TagChange) -> Self {
        Self {
            tag: change.name.to_string(),
            change: match change.change {
                Change::Created => ChangeWord::Created,
                Change::Moved => ChangeWord::Moved,
                Change::Protected => ChangeWord::Protected,
                Change::Deleted => ChangeWord::Deleted,
            },
            from: change.from.map(|commit| commit.to_string()),
            to: change.to.map(|commit| commit.to_string()),
            protected: change.is_protected,
            at: change.at,
            by: change.by,
        }
    }
}

/// Show what happened to the tags of an Executor, the newest change first
#[utoipa::path(
    get,
    path = "/api/v1/executors/{executor}/tag-history",
    tag = "executors",
    operation_id = "listTagHistory",
    params(ask::ExecutorPath, PageRequest, ask::SecretHeader),
    responses((status = 200, description = "A page", body = TagHistoryPage), (status = 304, description = "As the caller has it"), ReadProblems),
)]
pub(in crate::http::api) async fn history(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    headers: HeaderMap,
    Parameters(request): Parameters<PageRequest>,
) -> Result<Response, Problem> {
    let size = ask::page_size(request.limit)?;
    let page = app.hub().tag_history(&caller, &subject, None, request.cursor.as_deref(), size).await?;
    let changes = page.items.into_iter().map(TagChangeEntry::from).collect();
    answer::json(&headers, &TagHistoryPage { changes, next_cursor: page.next })
}

/// Show what happened to a tag, the newest change first
///
/// That of a deleted tag stays.
#[utoipa::path(
    get,
    path = "/api/v1/executors/{executor}/tags/{tag}/history",
    tag = "executors",
    operation_id = "listHistoryOfTag",
    params(ask::ExecutorPath, ("tag" = String, Path, description = "The tag"), PageRequest, ask::SecretHeader),
    responses((status = 200, description = "A page", body = TagHistoryPage), (status = 304, description = "As the caller has it"), ReadProblems),
)]
pub(in crate::http::api) async fn history_of(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, tag)): Part<(String, domain::Tag)>,
    headers: HeaderMap,
    Parameters(request): Parameters<PageRequest>,
) -> Result<Response, Problem> {
    let size = ask::page_size(request.limit)?;
    let page = app.hub().tag_history(&caller, &subject, Some(&tag), request.cursor.as_deref(), size).await?;
    let changes = page.items.into_iter().map(TagChangeEntry::from).collect();
    answer::json(&headers, &TagHistoryPage { changes, next_cursor: page.next })
}

/// Point a tag at a commit of its Executor, older or newer
///
/// A tag that is not there is made; a protected one never moves.
#[utoipa::path(
    put,
    path = "/api/v1/executors/{executor}/tags/{tag}",
    tag = "executors",
    operation_id = "moveTag",
    params(ask::ExecutorPath, ("tag" = String, Path, description = "The tag"), ask::SecretHeader),
    request_body = MoveTag,
    responses((status = 200, description = "As it is now", body = Tag), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn put(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, tag)): Part<(String, domain::Tag)>,
    Body(request): Body<MoveTag>,
) -> Result<Json<Tag>, Problem> {
    let commit = request.commit.parse().map_err(|_| {
        Error::invalid("commit", "That is no id of a commit.", "Choose one of the commits that are listed.")
    })?;
    Ok(Json(app.hub().move_tag(&caller, &subject, &tag, commit).await?.into()))
}

/// Delete a tag
///
/// Its commit stays. A protected one cannot be deleted.
#[utoipa::path(
    delete,
    path = "/api/v1/executors/{executor}/tags/{tag}",
    tag = "executors",
    operation_id = "deleteTag",
    params(ask::ExecutorPath, ("tag" = String, Path, description = "The tag"), ask::SecretHeader),
    responses((status = 204, description = "It is no more"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn delete(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, tag)): Part<(String, domain::Tag)>,
) -> Result<StatusCode, Problem> {
    app.hub().delete_tag(&caller, &subject, &tag).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bring a deleted tag back
///
/// While the undo window is open and nobody made it anew.
#[utoipa::path(
    post,
    path = "/api/v1/executors/{executor}/tags/{tag}/undelete",
    tag = "executors",
    operation_id = "undeleteTag",
    params(ask::ExecutorPath, ("tag" = String, Path, description = "The tag"), ask::SecretHeader),
    responses((status = 200, description = "As it is now", body = Tag), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn undelete(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, tag)): Part<(String, domain::Tag)>,
) -> Result<Json<Tag>, Problem> {
    Ok(Json(app.hub().undelete_tag(&caller, &subject, &tag).await?.into()))
}

/// Protect a tag where it points
///
/// It never moves again, and nobody can take that back.
#[utoipa::path(
    put,
    path = "/api/v1/executors/{executor}/tags/{tag}/protection",
    tag = "executors",
    operation_id = "protectTag",
    params(ask::ExecutorPath, ("tag" = String, Path, description = "The tag"), ask::SecretHeader),
    responses((status = 200, description = "As it is now", body = Tag), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn protect(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, tag)): Part<(String, domain::Tag)>,
) -> Result<Json<Tag>, Problem> {
    Ok(Json(app.hub().protect_tag(&caller, &subject, &tag).await?.into()))
}
