//! `/api/v1/teams`: people under one name, and who belongs to them.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer,
    ask::{self, Body, PageRequest, Parameters, Part, SignedIn},
    openapi::{ReadProblems, WriteProblems},
};
use crate::{
    app::App,
    domain::{
        Login,
        team::{self, TeamName, TeamRole},
    },
    http::problem::Problem,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, rename, delete))
        .routes(routes!(put_member, remove_member))
}

/// People under one name.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Team {
    name: String,
    created_at: DateTime<Utc>,
}

impl From<team::Team> for Team {
    fn from(team: team::Team) -> Self {
        Self { name: team.name.to_string(), created_at: team.created_at }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct TeamPage {
    teams: Vec<Team>,
    /// Absent on the last page.
    next_cursor: Option<String>,
}

/// A team with those who belong to it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct TeamDetail {
    #[serde(flatten)]
    team: Team,
    members: Vec<TeamMember>,
}

/// Somebody who belongs to a team.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct TeamMember {
    login: String,
    role: RoleWord,
    added_at: DateTime<Utc>,
}

impl From<team::Member> for TeamMember {
    fn from(member: team::Member) -> Self {
        Self { login: member.login.to_string(), role: member.role.into(), added_at: member.added_at }
    }
}

/// What somebody is in their team.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TeamRole)]
pub(in crate::http::api) enum RoleWord {
    /// May use what the team may use.
    Member,
    /// May also rename and delete the team, and say who belongs to it.
    Maintainer,
}

impl From<TeamRole> for RoleWord {
    fn from(role: TeamRole) -> Self {
        match role {
            TeamRole::Member => Self::Member,
            TeamRole::Maintainer => Self::Maintainer,
        }
    }
}

impl From<RoleWord> for TeamRole {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Member => Self::Member,
            RoleWord::Maintainer => Self::Maintainer,
        }
    }
}

/// What a team is to be called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct NameTeam {
    /// As names of Executors are; unique without regard to case.
    #[schema(value_type = String)]
    name: TeamName,
}

/// What somebody is to be in a team.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct PutMember {
    role: RoleWord,
}

/// List the teams of whoever asks
#[utoipa::path(
    get,
    path = "/api/v1/teams",
    tag = "teams",
    operation_id = "listTeams",
    params(PageRequest),
    responses((status = 200, description = "A page", body = TeamPage), (status = 304, description = "As the caller has it"), ReadProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn list(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
    Parameters(request): Parameters<PageRequest>,
) -> Result<Response, Problem> {
    let size = ask::page_size(request.limit)?;
    let page = app.hub().teams(&caller, request.cursor.as_deref(), size).await?;
    let teams = page.items.into_iter().map(Team::from).collect();
    answer::json(&headers, &TeamPage { teams, next_cursor: page.next })
}

/// Make a team, whose first maintainer is whoever asks
#[utoipa::path(
    post,
    path = "/api/v1/teams",
    tag = "teams",
    operation_id = "createTeam",
    request_body = NameTeam,
    responses((status = 201, description = "The team", body = Team), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn create(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Body(request): Body<NameTeam>,
) -> Result<(StatusCode, Json<Team>), Problem> {
    let team = app.hub().create_team(&caller, &request.name).await?;
    Ok((StatusCode::CREATED, Json(team.into())))
}

/// Show a team and its members
#[utoipa::path(
    get,
    path = "/api/v1/teams/{team}",
    tag = "teams",
    operation_id = "showTeam",
    params(("team" = String, Path, description = "Name of the team")),
    responses((status = 200, description = "The team", body = TeamDetail), (status = 304, description = "As the caller has it"), ReadProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn show(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part(team): Part<TeamName>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (team, members) = app.hub().team(&caller, &team).await?;
    let members = members.into_iter().map(TeamMember::from).collect();
    answer::json(&headers, &TeamDetail { team: team.into(), members })
}

/// Rename a team
#[utoipa::path(
    patch,
    path = "/api/v1/teams/{team}",
    tag = "teams",
    operation_id = "renameTeam",
    params(("team" = String, Path, description = "Name of the team")),
    request_body = NameTeam,
    responses((status = 200, description = "As it is now", body = Team), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn rename(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part(team): Part<TeamName>,
    Body(request): Body<NameTeam>,
) -> Result<Json<Team>, Problem> {
    Ok(Json(app.hub().rename_team(&caller, &team, &request.name).await?.into()))
}

/// Dissolve a team
///
/// What its members were let into as a team is closed to them.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{team}",
    tag = "teams",
    operation_id = "deleteTeam",
    params(("team" = String, Path, description = "Name of the team")),
    responses((status = 204, description = "It is no more"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn delete(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part(team): Part<TeamName>,
) -> Result<StatusCode, Problem> {
    app.hub().delete_team(&caller, &team).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add somebody to a team, or change their role in it
#[utoipa::path(
    put,
    path = "/api/v1/teams/{team}/members/{login}",
    tag = "teams",
    operation_id = "putTeamMember",
    params(("team" = String, Path, description = "Name of the team"), ("login" = String, Path, description = "Login of the person")),
    request_body = PutMember,
    responses((status = 204, description = "They belong to it"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn put_member(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part((team, login)): Part<(TeamName, Login)>,
    Body(request): Body<PutMember>,
) -> Result<StatusCode, Problem> {
    app.hub().put_team_member(&caller, &team, &login, request.role.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove somebody from a team
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{team}/members/{login}",
    tag = "teams",
    operation_id = "removeTeamMember",
    params(("team" = String, Path, description = "Name of the team"), ("login" = String, Path, description = "Login of the person")),
    responses((status = 204, description = "They do not belong to it any more"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn remove_member(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part((team, login)): Part<(TeamName, Login)>,
) -> Result<StatusCode, Problem> {
    app.hub().remove_team_member(&caller, &team, &login).await?;
    Ok(StatusCode::NO_CONTENT)
}
