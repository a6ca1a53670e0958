//! `/account/sessions`: where am I signed in, since when, and how do I end that?

use askama::Template;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    error::PageError,
    form::Form,
    moment::Moment,
    visitor::{Frame, Visitor},
};
use crate::{
    app::App,
    domain::TokenId,
    error::{Error, ErrorKind},
    http::refused,
};

struct Row {
    id: String,
    name: String,
    is_this: bool,
    began: Moment,
    ends: Option<Moment>,
    used: Option<Moment>,
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    frame: Frame,
    rows: Vec<Row>,
}

pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    let now = app.now();
    let rows = app.auth().sessions(&visitor.caller).await?;
    let rows = rows.into_iter().map(|(row, is_this)| Row {
        id: row.id.to_string(),
        name: row.name,
        is_this,
        began: Moment::of(row.created_at, now),
        ends: row.expires_at.map(|at| Moment::of(at, now)),
        used: row.last_used_at.map(|at| Moment::of(at, now)),
    });
    visitor.page(StatusCode::OK, &SessionsPage { frame: visitor.frame(), rows: rows.collect() })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmed {
    form_token: String,
}

/// Ending the session that asks is signing out.
pub(super) async fn end(
    State(app): State<App>,
    visitor: Visitor,
    id: Result<Path<String>, PathRejection>,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    let Path(id) = id.map_err(refused::path)?;
    visitor.check_form(&sent.form_token)?;
    let id: TokenId = id
        .parse()
        .map_err(|_| Error::new(ErrorKind::NotFound, "session_not_found", "You have no such session.", ""))?;
    if visitor.caller.token() == Some(id) {
        return visitor.sign_out(&app, "/sign-in").await;
    }
    app.auth().end_session_of(&visitor.caller, id).await?;
    visitor.redirect("/account/sessions")
}

pub(super) async fn end_others(
    State(app): State<App>,
    visitor: Visitor,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    app.auth().end_other_sessions(&visitor.caller).await?;
    visitor.redirect("/account/sessions")
}
