//! `/account/tokens`: which programs act for me, and how do I let in another or stop one? A token's text is shown once, on the
//! page that answers its making.

use askama::Template;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    error::{PageError, notice},
    form::Form,
    moment::Moment,
    visitor::{Frame, Needs, Visitor},
};
use crate::{
    app::App,
    auth::tokens::TokenRow,
    domain::power::{Power, Scope},
    error::Error,
    http::refused,
};

struct Row {
    id: String,
    name: String,
    scope: &'static str,
    /// To how many Executors it is limited.
    executors: Option<usize>,
    made: Moment,
    ends: Option<Moment>,
    used: Option<Moment>,
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    frame: Frame,
    notice: String,
    /// A token that was just made, and its name.
    made: Option<(String, String)>,
    name: String,
    rows: Vec<Row>,
    url: String,
}

pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    page(&app, &visitor, StatusCode::OK, Outcome::default()).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    form_token: String,
    name: String,
    scope: Scope,
    days: String,
}

pub(super) async fn create(
    State(app): State<App>,
    visitor: Visitor,
    Form(sent): Form<Wanted>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let days = sent.days.trim().parse().unwrap_or(0);
    let power = Power { scope: sent.scope, executors: None };
    match app.auth().issue_limited_token_for(&visitor.caller, &sent.name, days, power).await {
        Ok((row, token)) => {
            let made = Some((row.name, token.expose().to_owned()));
            page(&app, &visitor, StatusCode::OK, Outcome { made, ..Outcome::default() }).await
        }
        Err(error) => {
            let (status, notice) = notice(error)?;
            page(&app, &visitor, status, Outcome { notice, name: sent.name, ..Outcome::default() }).await
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deleted {
    form_token: String,
}

pub(super) async fn delete(
    State(app): State<App>,
    visitor: Visitor,
    id: Result<Path<String>, PathRejection>,
    Form(sent): Form<Deleted>,
) -> Result<Response, PageError> {
    let Path(id) = id.map_err(refused::path)?;
    visitor.check_form(&sent.form_token)?;
    let id = id.parse().map_err(|_| {
        Error::new(crate::error::ErrorKind::NotFound, "token_not_found", "You have no such token.", "")
    })?;
    app.auth().revoke_token_of(&visitor.caller, id).await?;
    visitor.redirect("/account/tokens")
}

/// What came of the form, if one was sent.
#[derive(Default)]
struct Outcome {
    notice: String,
    made: Option<(String, String)>,
    name: String,
}

async fn page(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    outcome: Outcome,
) -> Result<Response, PageError> {
    let user = visitor.caller.require(Scope::Admin)?;
    let now = app.now();
    let row = |row: TokenRow| Row {
        id: row.id.to_string(),
        name: row.name,
        scope: match row.power.scope {
            Scope::Read => "read",
            Scope::Write => "read and push",
            Scope::Admin => "everything",
        },
        executors: row.power.executors.map(|named| named.len()),
        made: Moment::of(row.created_at, now),
        ends: row.expires_at.map(|at| Moment::of(at, now)),
        used: row.last_used_at.map(|at| Moment::of(at, now)),
    };
    let rows = app.auth().list_personal_tokens(user.id).await?.into_iter().map(row).collect();
    let page = TokensPage {
        frame: visitor.frame(),
        notice: outcome.notice,
        made: outcome.made,
        name: outcome.name,
        rows,
        url: app.settings().server.external_url.clone(),
    };
    visitor.page_that_needs(Needs { script: true, ..Needs::default() }, status, &page)
}
