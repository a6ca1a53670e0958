//! `/account/teams`: which teams am I in, who else is, and how is that changed by those who keep them?

use askama::Template;
use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
    response::Response,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{
    error::{PageError, notice},
    form::Form,
    moment::Moment,
    visitor::{Frame, Visitor},
};
use crate::{
    app::App,
    domain::{
        Login,
        page::PageSize,
        team::{TeamName, TeamRole},
    },
    error::{Error, ErrorKind},
    http::refused,
};

type Named = Result<Path<String>, PathRejection>;

#[derive(Template)]
#[template(path = "teams.html")]
struct TeamsPage {
    frame: Frame,
    notice: String,
    /// What was typed into the form that is shown again.
    name: String,
    rows: Vec<(String, Moment)>,
    older: Option<String>,
}

struct Row {
    login: String,
    role: &'static str,
    since: Moment,
    is_visitor: bool,
}

#[derive(Template)]
#[template(path = "team.html")]
struct TeamPage {
    frame: Frame,
    notice: String,
    team: String,
    rows: Vec<Row>,
    may_manage: bool,
    login: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    cursor: String,
}

pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let Query(asked) = asked.map_err(refused::query)?;
    list_page(&app, &visitor, StatusCode::OK, &asked.cursor, String::new(), String::new()).await
}

async fn list_page(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    cursor: &str,
    notice: String,
    name: String,
) -> Result<Response, PageError> {
    let cursor = Some(cursor).filter(|cursor| !cursor.is_empty());
    let page = app.hub().teams(&visitor.caller, cursor, PageSize::nearest(Some(50))).await?;
    let now = app.now();
    let rows = page.items.into_iter().map(|team| (team.name.to_string(), Moment::of(team.created_at, now)));
    let page = TeamsPage { frame: visitor.frame(), notice, name, rows: rows.collect(), older: page.next };
    visitor.page(status, &page)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewName {
    form_token: String,
    name: String,
}

pub(super) async fn create(
    State(app): State<App>,
    visitor: Visitor,
    Form(sent): Form<NewName>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let made = async { app.hub().create_team(&visitor.caller, &team_name(&sent.name)?).await };
    match made.await {
        Ok(team) => visitor.redirect(&address(&team.name)),
        Err(error) => {
            let (status, notice) = notice(error)?;
            list_page(&app, &visitor, status, "", notice, sent.name).await
        }
    }
}

pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    team: Named,
) -> Result<Response, PageError> {
    team_page(&app, &visitor, StatusCode::OK, &named(team)?, String::new(), String::new()).await
}

async fn team_page(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    name: &TeamName,
    notice: String,
    login: String,
) -> Result<Response, PageError> {
    let (team, members) = app.hub().team(&visitor.caller, name).await?;
    let own = visitor.user().map(|user| user.login.key());
    let is_visitor = |login: &Login| Some(login.key()) == own;
    let keeps = members.iter().any(|one| is_visitor(&one.login) && one.role == TeamRole::Maintainer);
    let now = app.now();
    let rows = members.iter().map(|member| Row {
        login: member.login.to_string(),
        role: member.role.as_str(),
        since: Moment::of(member.added_at, now),
        is_visitor: is_visitor(&member.login),
    });
    let page = TeamPage {
        frame: visitor.frame(),
        notice,
        team: team.name.to_string(),
        rows: rows.collect(),
        may_manage: keeps || visitor.caller.is_admin(),
        login,
    };
    visitor.page(status, &page)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMember {
    form_token: String,
    login: String,
    role: TeamRole,
}

pub(super) async fn add(
    State(app): State<App>,
    visitor: Visitor,
    team: Named,
    Form(sent): Form<NewMember>,
) -> Result<Response, PageError> {
    let team = named(team)?;
    visitor.check_form(&sent.form_token)?;
    let done =
        async { app.hub().put_team_member(&visitor.caller, &team, &login(&sent.login)?, sent.role).await };
    after(&app, &visitor, &team, done.await, sent.login).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OldMember {
    form_token: String,
    login: String,
}

pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    team: Named,
    Form(sent): Form<OldMember>,
) -> Result<Response, PageError> {
    let team = named(team)?;
    visitor.check_form(&sent.form_token)?;
    let member = login(&sent.login)?;
    let done = app.hub().remove_team_member(&visitor.caller, &team, &member).await;
    let leaves = visitor.user().is_some_and(|user| user.login.key() == member.key());
    if done.is_ok() && leaves {
        return visitor.redirect("/account/teams");
    }
    after(&app, &visitor, &team, done, String::new()).await
}

pub(super) async fn rename(
    State(app): State<App>,
    visitor: Visitor,
    team: Named,
    Form(sent): Form<NewName>,
) -> Result<Response, PageError> {
    let team = named(team)?;
    visitor.check_form(&sent.form_token)?;
    let renamed = async { app.hub().rename_team(&visitor.caller, &team, &team_name(&sent.name)?).await };
    match renamed.await {
        Ok(renamed) => visitor.redirect(&address(&renamed.name)),
        Err(error) => after(&app, &visitor, &team, Err(error), String::new()).await,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmed {
    form_token: String,
}

pub(super) async fn delete(
    State(app): State<App>,
    visitor: Visitor,
    team: Named,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    let team = named(team)?;
    visitor.check_form(&sent.form_token)?;
    app.hub().delete_team(&visitor.caller, &team).await?;
    visitor.redirect("/account/teams")
}

/// Back to the team; with what its person can mend, where something went wrong.
async fn after(
    app: &App,
    visitor: &Visitor,
    team: &TeamName,
    done: Result<(), Error>,
    login: String,
) -> Result<Response, PageError> {
    match done {
        Ok(()) => visitor.redirect(&address(team)),
        Err(error) => {
            let (status, notice) = notice(error)?;
            team_page(app, visitor, status, team, notice, login).await
        }
    }
}

fn address(team: &TeamName) -> String {
    format!("/account/teams/{}", utf8_percent_encode(team.as_str(), NON_ALPHANUMERIC))
}

fn named(team: Named) -> Result<TeamName, Error> {
    let Path(name) = team.map_err(refused::path)?;
    name.parse().map_err(|_| {
        Error::new(ErrorKind::NotFound, "team_not_found", "There is no such team.", "Check the name.")
    })
}

fn team_name(name: &str) -> Result<TeamName, Error> {
    name.trim().parse().map_err(|reason| {
        Error::invalid("team_name", format!("This is no name for a team: {reason}."), "Choose another.")
    })
}

fn login(login: &str) -> Result<Login, Error> {
    login.trim().parse().map_err(|reason| {
        Error::invalid("login", format!("'{}' is no login: {reason}.", login.trim()), "Check it.")
    })
}
