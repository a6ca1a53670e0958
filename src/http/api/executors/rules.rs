//! `/api/v1/executors/{executor}/tag-rules`: which tags of an Executor are protected by rule.

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    domain::TagPattern,
    http::{
        api::{
            answer,
            ask::{self, Asker, Body, Pointed},
            openapi::{ReadProblems, WriteProblems},
        },
        problem::Problem,
    },
    hub::tags,
};

/// Which tags are protected by rule.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct TagRules {
    /// Signs of a tag, and `*` for any text.
    patterns: Vec<String>,
    /// Whether they are the Executor's own; else they are the operator's.
    are_own: bool,
}

impl From<tags::TagRules> for TagRules {
    fn from(rules: tags::TagRules) -> Self {
        let patterns = rules.patterns.iter().map(ToString::to_string).collect();
        Self { patterns, are_own: rules.are_own }
    }
}

/// Which tags are to be protected by rule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct SetTagRules {
    /// Such as `v*`. Without it the operator's count again; an empty list protects none.
    #[schema(value_type = Option<Vec<String>>)]
    patterns: Option<Vec<TagPattern>>,
}

/// Show which tags of an Executor are protected by rule
#[utoipa::path(
    get,
    path = "/api/v1/executors/{executor}/tag-rules",
    tag = "executors",
    operation_id = "showTagRules",
    params(ask::ExecutorPath, ask::SecretHeader),
    responses((status = 200, description = "The rules", body = TagRules), (status = 304, description = "As the caller has it"), ReadProblems),
)]
pub(in crate::http::api) async fn show(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let rules = app.hub().tag_rules(&caller, &subject).await?;
    answer::json(&headers, &TagRules::from(rules))
}

/// Say which tags of an Executor are protected by rule
///
/// What was pushed while a pattern stood stays protected without it.
#[utoipa::path(
    put,
    path = "/api/v1/executors/{executor}/tag-rules",
    tag = "executors",
    operation_id = "setTagRules",
    params(ask::ExecutorPath, ask::SecretHeader),
    request_body = SetTagRules,
    responses((status = 200, description = "As they are now", body = TagRules), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn put(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Body(request): Body<SetTagRules>,
) -> Result<Json<TagRules>, Problem> {
    let rules = app.hub().set_tag_rules(&caller, &subject, request.patterns.as_deref()).await?;
    Ok(Json(rules.into()))
}
