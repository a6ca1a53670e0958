//! `/api/v1/executors/{executor}/access` and `…/secret`: whom the owner of an Executor lets in, and its secret.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::asked::{Asker, Body, Named, Part};
use crate::{
    app::App,
    auth::policy::Action,
    domain::{
        AccessLevel, Login, Secret,
        access::{Grant, Grantee},
        team::TeamName,
    },
    http::{
        problem::Problem,
        routes::{Needs, Routes, Verb},
    },
};

pub(super) fn routes() -> Routes {
    let manage = Needs::Executor(Action::Manage);
    let (person, team) = (
        "/api/v1/executors/{executor}/access/people/{login}",
        "/api/v1/executors/{executor}/access/teams/{team}",
    );
    Routes::new()
        .get("/api/v1/executors/{executor}/access", manage, list)
        .on(&[Verb::Put], person, manage, put_person)
        .on(&[Verb::Delete], person, manage, revoke_person)
        .on(&[Verb::Put], team, manage, put_team)
        .on(&[Verb::Delete], team, manage, revoke_team)
        .post("/api/v1/executors/{executor}/secret", manage, rotate_secret)
}

#[derive(Debug, Serialize)]
struct ListResponse {
    grants: Vec<GrantSummary>,
}

/// Either `person` or `team` says who.
#[derive(Debug, Serialize)]
struct GrantSummary {
    person: Option<Login>,
    team: Option<TeamName>,
    level: AccessLevel,
    granted_at: DateTime<Utc>,
    granted_by: Option<Login>,
}

impl From<Grant> for GrantSummary {
    fn from(grant: Grant) -> Self {
        let (person, team) = match grant.to {
            Grantee::Person(login) => (Some(login), None),
            Grantee::Team(name) => (None, Some(name)),
        };
        let Grant { level, granted_at, granted_by, .. } = grant;
        Self { person, team, level, granted_at, granted_by }
    }
}

async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    Named(subject): Named,
) -> Result<Json<ListResponse>, Problem> {
    let grants = app.hub().access_list(&caller, &subject).await?;
    Ok(Json(ListResponse { grants: grants.into_iter().map(GrantSummary::from).collect() }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LevelRequest {
    level: AccessLevel,
}

async fn put_person(
    State(app): State<App>,
    Asker(caller): Asker,
    Named(subject): Named,
    Part((_, login)): Part<(String, Login)>,
    Body(request): Body<LevelRequest>,
) -> Result<StatusCode, Problem> {
    app.hub().grant_access(&caller, &subject, &Grantee::Person(login), request.level).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke_person(
    State(app): State<App>,
    Asker(caller): Asker,
    Named(subject): Named,
    Part((_, login)): Part<(String, Login)>,
) -> Result<StatusCode, Problem> {
    app.hub().revoke_access(&caller, &subject, &Grantee::Person(login)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn put_team(
    State(app): State<App>,
    Asker(caller): Asker,
    Named(subject): Named,
    Part((_, team)): Part<(String, TeamName)>,
    Body(request): Body<LevelRequest>,
) -> Result<StatusCode, Problem> {
    app.hub().grant_access(&caller, &subject, &Grantee::Team(team), request.level).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke_team(
    State(app): State<App>,
    Asker(caller): Asker,
    Named(subject): Named,
    Part((_, team)): Part<(String, TeamName)>,
) -> Result<StatusCode, Problem> {
    app.hub().revoke_access(&caller, &subject, &Grantee::Team(team)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretRequest {
    /// What to choose; without it one is made.
    secret: Option<String>,
}

/// Shown here and never again.
#[derive(Serialize)]
struct SecretResponse {
    secret: String,
}

async fn rotate_secret(
    State(app): State<App>,
    Asker(caller): Asker,
    Named(subject): Named,
    Body(request): Body<SecretRequest>,
) -> Result<Json<SecretResponse>, Problem> {
    let secret = app.hub().rotate_secret(&caller, &subject, request.secret.map(Secret::new)).await?;
    Ok(Json(SecretResponse { secret: secret.expose().to_owned() }))
}
