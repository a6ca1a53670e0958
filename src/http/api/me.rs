//! `GET /api/v1/me`: who asks, and what their token reaches.

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::tokens::wire::ScopeWord;
use crate::{
    app::App,
    auth::Caller,
    domain::user::Role,
    http::{
        api::{answer, ask::SignedIn, openapi::ReadProblems},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(handle))
}

/// Whoever asks.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Me {
    login: String,
    display_name: String,
    is_admin: bool,
    /// How far the token reaches that was sent.
    scope: ScopeWord,
    /// Ids of the Executors that it is limited to; absent when it is not limited.
    executors: Option<Vec<String>>,
}

/// Show who asks
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "tokens",
    operation_id = "showMe",
    responses((status = 200, description = "Whoever asks", body = Me), (status = 304, description = "As the caller has it"), ReadProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn handle(
    State(_): State<App>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let user = caller.require_user()?;
    let Caller::Person { power, .. } = &caller else {
        return Err(crate::error::Error::sign_in_required(false).into());
    };
    let me = Me {
        login: user.login.to_string(),
        display_name: user.display_name.clone(),
        is_admin: user.role == Role::Admin,
        scope: power.scope.into(),
        executors: power.executors.as_ref().map(|ids| ids.iter().map(ToString::to_string).collect()),
    };
    answer::json(&headers, &me)
}
