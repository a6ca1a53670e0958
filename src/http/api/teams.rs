//! `/api/v1/teams`: people under one name, and who belongs to them.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::asked::{Body, PageRequest, Parameters, Part, SignedIn};
use crate::{
    app::App,
    auth::policy::TeamAction,
    domain::{
        Login,
        page::PageSize,
        team::{Member, Team, TeamName, TeamRole},
    },
    http::{
        problem::Problem,
        routes::{Needs, Routes, Verb},
    },
};

pub(super) fn routes() -> Routes {
    let (read, manage) = (Needs::Team(TeamAction::Read), Needs::Team(TeamAction::Manage));
    let (one, member) = ("/api/v1/teams/{team}", "/api/v1/teams/{team}/members/{login}");
    Routes::new()
        .get("/api/v1/teams", Needs::Person, list)
        .post("/api/v1/teams", Needs::NewTeam, create)
        .get(one, read, show)
        .on(&[Verb::Patch], one, manage, rename)
        .on(&[Verb::Delete], one, manage, delete)
        .on(&[Verb::Put], member, manage, put_member)
        .on(&[Verb::Delete], member, manage, remove_member)
}

#[derive(Debug, Serialize)]
struct TeamSummary {
    name: TeamName,
    created_at: DateTime<Utc>,
}

impl From<Team> for TeamSummary {
    fn from(team: Team) -> Self {
        Self { name: team.name, created_at: team.created_at }
    }
}

#[derive(Debug, Serialize)]
struct ListResponse {
    teams: Vec<TeamSummary>,
    next_cursor: Option<String>,
}

async fn list(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Parameters(page): Parameters<PageRequest>,
) -> Result<Json<ListResponse>, Problem> {
    let page = app.hub().teams(&caller, page.cursor.as_deref(), PageSize::nearest(page.limit)).await?;
    let teams = page.items.into_iter().map(TeamSummary::from).collect();
    Ok(Json(ListResponse { teams, next_cursor: page.next }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRequest {
    name: TeamName,
}

async fn create(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Body(request): Body<NameRequest>,
) -> Result<(StatusCode, Json<TeamSummary>), Problem> {
    let team = app.hub().create_team(&caller, &request.name).await?;
    Ok((StatusCode::CREATED, Json(team.into())))
}

#[derive(Debug, Serialize)]
struct TeamResponse {
    #[serde(flatten)]
    team: TeamSummary,
    members: Vec<MemberSummary>,
}

#[derive(Debug, Serialize)]
struct MemberSummary {
    login: Login,
    role: TeamRole,
    added_at: DateTime<Utc>,
}

impl From<Member> for MemberSummary {
    fn from(member: Member) -> Self {
        Self { login: member.login, role: member.role, added_at: member.added_at }
    }
}

async fn show(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part(team): Part<TeamName>,
) -> Result<Json<TeamResponse>, Problem> {
    let (team, members) = app.hub().team(&caller, &team).await?;
    let members = members.into_iter().map(MemberSummary::from).collect();
    Ok(Json(TeamResponse { team: team.into(), members }))
}

async fn rename(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part(team): Part<TeamName>,
    Body(request): Body<NameRequest>,
) -> Result<Json<TeamSummary>, Problem> {
    Ok(Json(app.hub().rename_team(&caller, &team, &request.name).await?.into()))
}

async fn delete(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part(team): Part<TeamName>,
) -> Result<StatusCode, Problem> {
    app.hub().delete_team(&caller, &team).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberRequest {
    role: TeamRole,
}

async fn put_member(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part((team, login)): Part<(TeamName, Login)>,
    Body(request): Body<MemberRequest>,
) -> Result<StatusCode, Problem> {
    app.hub().put_team_member(&caller, &team, &login, request.role).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_member(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part((team, login)): Part<(TeamName, Login)>,
) -> Result<StatusCode, Problem> {
    app.hub().remove_team_member(&caller, &team, &login).await?;
    Ok(StatusCode::NO_CONTENT)
}
