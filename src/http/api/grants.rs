//! `/api/v1/executors/{executor}/access` and `…/secret`: whom the owner of an Executor lets in, and its secret.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer,
    ask::{self, Asker, Body, Part, Pointed},
    openapi::{ReadProblems, WriteProblems},
};
use crate::{
    app::App,
    domain::{
        AccessLevel, Login, Secret,
        access::{self, Grantee},
        team::TeamName,
    },
    http::problem::Problem,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(put_person, revoke_person))
        .routes(routes!(put_team, revoke_team))
        .routes(routes!(rotate_secret))
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct GrantList {
    grants: Vec<Grant>,
}

/// Somebody who was let in; either `person` or `team` says who.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Grant {
    /// Login of a person.
    person: Option<String>,
    /// Name of a team.
    team: Option<String>,
    level: LevelWord,
    granted_at: DateTime<Utc>,
    /// Login of who let them in.
    granted_by: Option<String>,
}

impl From<access::Grant> for Grant {
    fn from(grant: access::Grant) -> Self {
        let (person, team) = match grant.to {
            Grantee::Person(login) => (Some(login.to_string()), None),
            Grantee::Team(name) => (None, Some(name.to_string())),
        };
        let granted_by = grant.granted_by.map(|login| login.to_string());
        Self { person, team, level: grant.level.into(), granted_at: grant.granted_at, granted_by }
    }
}

/// How far somebody is let in; each level holds those before it.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AccessLevel)]
pub(in crate::http::api) enum LevelWord {
    /// See it, pull it and follow its builds.
    Read,
    /// Push to it and change its tags.
    Write,
    /// Change its settings, say who else may use it, and delete it.
    Admin,
}

impl From<AccessLevel> for LevelWord {
    fn from(level: AccessLevel) -> Self {
        match level {
            AccessLevel::Read => Self::Read,
            AccessLevel::Write => Self::Write,
            AccessLevel::Admin => Self::Admin,
        }
    }
}

impl From<LevelWord> for AccessLevel {
    fn from(word: LevelWord) -> Self {
        match word {
            LevelWord::Read => Self::Read,
            LevelWord::Write => Self::Write,
            LevelWord::Admin => Self::Admin,
        }
    }
}

/// How far somebody is to be let in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct PutGrant {
    level: LevelWord,
}

/// A secret to be set. No `Debug`: it is a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct RotateSecret {
    /// What to choose; without it one is made.
    secret: Option<String>,
}

/// The secret that is good from now on. No `Debug`: it is a secret.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct RotatedSecret {
    /// Shown here and never again.
    secret: String,
}

/// List whom the owner of an Executor lets in
#[utoipa::path(
    get,
    path = "/api/v1/executors/{executor}/access",
    tag = "access",
    operation_id = "listGrants",
    params(ask::ExecutorPath, ask::SecretHeader),
    responses((status = 200, description = "All of them", body = GrantList), (status = 304, description = "As the caller has it"), ReadProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let grants = app.hub().access_list(&caller, &subject).await?;
    answer::json(&headers, &GrantList { grants: grants.into_iter().map(Grant::from).collect() })
}

/// Let somebody in, or further in or out
#[utoipa::path(
    put,
    path = "/api/v1/executors/{executor}/access/people/{login}",
    tag = "access",
    operation_id = "grantToPerson",
    params(ask::ExecutorPath, ("login" = String, Path, description = "Login of the person"), ask::SecretHeader),
    request_body = PutGrant,
    responses((status = 204, description = "They are in"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn put_person(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, login)): Part<(String, Login)>,
    Body(request): Body<PutGrant>,
) -> Result<StatusCode, Problem> {
    app.hub().grant_access(&caller, &subject, &Grantee::Person(login), request.level.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shut somebody out
#[utoipa::path(
    delete,
    path = "/api/v1/executors/{executor}/access/people/{login}",
    tag = "access",
    operation_id = "revokeFromPerson",
    params(ask::ExecutorPath, ("login" = String, Path, description = "Login of the person"), ask::SecretHeader),
    responses((status = 204, description = "They are out"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn revoke_person(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, login)): Part<(String, Login)>,
) -> Result<StatusCode, Problem> {
    app.hub().revoke_access(&caller, &subject, &Grantee::Person(login)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a team in, or further in or out
#[utoipa::path(
    put,
    path = "/api/v1/executors/{executor}/access/teams/{team}",
    tag = "access",
    operation_id = "grantToTeam",
    params(ask::ExecutorPath, ("team" = String, Path, description = "Name of the team"), ask::SecretHeader),
    request_body = PutGrant,
    responses((status = 204, description = "They are in"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn put_team(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, team)): Part<(String, TeamName)>,
    Body(request): Body<PutGrant>,
) -> Result<StatusCode, Problem> {
    app.hub().grant_access(&caller, &subject, &Grantee::Team(team), request.level.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shut a team out
#[utoipa::path(
    delete,
    path = "/api/v1/executors/{executor}/access/teams/{team}",
    tag = "access",
    operation_id = "revokeFromTeam",
    params(ask::ExecutorPath, ("team" = String, Path, description = "Name of the team"), ask::SecretHeader),
    responses((status = 204, description = "They are out"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn revoke_team(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Part((_, team)): Part<(String, TeamName)>,
) -> Result<StatusCode, Problem> {
    app.hub().revoke_access(&caller, &subject, &Grantee::Team(team)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give an Executor another secret
///
/// The one from before is good no more.
#[utoipa::path(
    post,
    path = "/api/v1/executors/{executor}/secret",
    tag = "access",
    operation_id = "rotateSecret",
    params(ask::ExecutorPath, ask::SecretHeader),
    request_body = RotateSecret,
    responses((status = 200, description = "The new secret", body = RotatedSecret), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn rotate_secret(
    State(app): State<App>,
    Asker(caller): Asker,
    Pointed(subject): Pointed,
    Body(request): Body<RotateSecret>,
) -> Result<Response, Problem> {
    let secret = app.hub().rotate_secret(&caller, &subject, request.secret.map(Secret::new)).await?;
    let mut response = Json(RotatedSecret { secret: secret.expose().to_owned() }).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
