//! `/admin/people`: who may sign in, and how are they invited, shut out, and let in again?

use askama::Template;
use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::Admin;
use crate::{
    app::App,
    auth::accounts::Account,
    domain::{Secret, page::PageSize, user::Role},
    error::Error,
    http::{
        portal::{
            error::{PageError, notice},
            form::Form,
            moment::Moment,
            visitor::{Frame, Needs, Visitor},
        },
        refused,
    },
};

struct Row {
    login: String,
    name: String,
    is_admin: bool,
    is_visitor: bool,
    since: Moment,
    disabled: Option<Moment>,
    has_password: bool,
}

#[derive(Template)]
#[template(path = "admin_people.html")]
struct PeoplePage {
    frame: Frame,
    notice: String,
    /// The login and the link of an invitation that was just made.
    invited: Option<(String, String)>,
    login: String,
    name: String,
    rows: Vec<Row>,
    more: Option<String>,
    is_first: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::http::portal) struct Asked {
    cursor: String,
}

pub(in crate::http::portal) async fn show(
    State(app): State<App>,
    Admin(visitor): Admin,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let Query(asked) = asked.map_err(refused::query)?;
    page(&app, &visitor, StatusCode::OK, &asked.cursor, Outcome::default()).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::portal) struct NewPerson {
    form_token: String,
    login: String,
    name: String,
    role: Role,
}

pub(in crate::http::portal) async fn add(
    State(app): State<App>,
    Admin(visitor): Admin,
    Form(sent): Form<NewPerson>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let name = Some(sent.name.as_str()).filter(|name| !name.trim().is_empty());
    match app.auth().add_person(&visitor.caller, sent.login.trim(), name, sent.role).await {
        Ok((user, word)) => {
            let invited = Some((user.login.to_string(), link(&app, &word)));
            page(&app, &visitor, StatusCode::OK, "", Outcome { invited, ..Outcome::default() }).await
        }
        Err(error) => {
            let (status, notice) = notice(error)?;
            let outcome = Outcome { notice, login: sent.login, name: sent.name, invited: None };
            page(&app, &visitor, status, "", outcome).await
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::portal) struct Confirmed {
    form_token: String,
}

type Login = Result<Path<String>, PathRejection>;

pub(in crate::http::portal) async fn invite(
    State(app): State<App>,
    Admin(visitor): Admin,
    login: Login,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    let login = confirmed(&visitor, login, &sent)?;
    let word = app.auth().invite_again(&visitor.caller, &login).await?;
    let invited = Some((login, link(&app, &word)));
    page(&app, &visitor, StatusCode::OK, "", Outcome { invited, ..Outcome::default() }).await
}

pub(in crate::http::portal) async fn disable(
    State(app): State<App>,
    Admin(visitor): Admin,
    login: Login,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    let login = confirmed(&visitor, login, &sent)?;
    let done = app.auth().disable_person(&visitor.caller, &login).await;
    after(&app, &visitor, done).await
}

pub(in crate::http::portal) async fn enable(
    State(app): State<App>,
    Admin(visitor): Admin,
    login: Login,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    let login = confirmed(&visitor, login, &sent)?;
    let done = app.auth().enable_person(&visitor.caller, &login).await;
    after(&app, &visitor, done).await
}

/// Whom the form is about, once it is known to be one of ours.
fn confirmed(visitor: &Visitor, login: Login, sent: &Confirmed) -> Result<String, PageError> {
    let Path(login) = login.map_err(refused::path)?;
    visitor.check_form(&sent.form_token)?;
    Ok(login)
}

async fn after(app: &App, visitor: &Visitor, done: Result<(), Error>) -> Result<Response, PageError> {
    match done {
        Ok(()) => visitor.redirect("/admin/people"),
        Err(error) => {
            let (status, notice) = notice(error)?;
            page(app, visitor, status, "", Outcome { notice, ..Outcome::default() }).await
        }
    }
}

fn link(app: &App, word: &Secret) -> String {
    format!("{}/invitations/{}", app.settings().server.external_url, word.expose())
}

/// What came of a form, if one was sent.
#[derive(Default)]
struct Outcome {
    notice: String,
    invited: Option<(String, String)>,
    login: String,
    name: String,
}

async fn page(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    cursor: &str,
    outcome: Outcome,
) -> Result<Response, PageError> {
    let asked = Some(cursor).filter(|cursor| !cursor.is_empty());
    let found = app.auth().people(&visitor.caller, asked, PageSize::nearest(Some(50))).await?;
    let now = app.now();
    let row = |account: Account| Row {
        is_visitor: visitor.user().is_some_and(|user| user.id == account.user.id),
        login: account.user.login.to_string(),
        name: account.user.display_name,
        is_admin: account.user.role == Role::Admin,
        since: Moment::of(account.created_at, now),
        disabled: account.disabled_at.map(|at| Moment::of(at, now)),
        has_password: account.has_password,
    };
    let page = PeoplePage {
        frame: visitor.frame(),
        notice: outcome.notice,
        invited: outcome.invited,
        login: outcome.login,
        name: outcome.name,
        rows: found.items.into_iter().map(row).collect(),
        more: found.next,
        is_first: cursor.is_empty(),
    };
    visitor.page_that_needs(Needs { script: true, ..Needs::default() }, status, &page)
}
