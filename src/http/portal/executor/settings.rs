//! `/settings/{id}/…`: what those who manage an Executor change about it: who may see it, its secret, and whether it is there.

use askama::Template;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use crate::{
    app::App,
    domain::{ExecutorRef, Visibility},
    error::Error,
    http::{
        portal::{
            error::PageError,
            form::Form,
            visitor::{Frame, Needs, Visitor},
        },
        refused,
    },
    hub::subject::Subject,
};

type Id = Result<Path<String>, PathRejection>;

fn reference(id: Id) -> Result<(ExecutorRef, String), Error> {
    let Path(id) = id.map_err(refused::path)?;
    Ok((id.parse().map_err(|_| super::missing())?, id))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::portal) struct Seen {
    form_token: String,
    visibility: Visibility,
}

pub(in crate::http::portal) async fn set_visibility(
    State(app): State<App>,
    visitor: Visitor,
    id: Id,
    Form(sent): Form<Seen>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let (reference, id) = reference(id)?;
    app.hub().set_visibility(&visitor.caller, &reference, sent.visibility).await?;
    visitor.redirect(&format!("/executors/{id}?tab=settings"))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::portal) struct Confirmed {
    form_token: String,
}

#[derive(Template)]
#[template(path = "secret.html")]
struct SecretPage {
    frame: Frame,
    id: String,
    secret: String,
}

/// The new secret is shown on the page that answers, and never again.
pub(in crate::http::portal) async fn rotate_secret(
    State(app): State<App>,
    visitor: Visitor,
    id: Id,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let (reference, id) = reference(id)?;
    visitor.caller.require_user()?;
    let secret = app.hub().rotate_secret(&visitor.caller, &Subject::from(reference), None).await?;
    let page = SecretPage { frame: visitor.frame(), id, secret: secret.expose().to_owned() };
    visitor.page_that_needs(Needs { script: true, ..Needs::default() }, StatusCode::OK, &page)
}

pub(in crate::http::portal) async fn delete(
    State(app): State<App>,
    visitor: Visitor,
    id: Id,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let (reference, _) = reference(id)?;
    visitor.caller.require_user()?;
    app.hub().delete_executor(&visitor.caller, &Subject::from(reference)).await?;
    visitor.redirect("/account/deleted")
}

pub(in crate::http::portal) async fn undelete(
    State(app): State<App>,
    visitor: Visitor,
    id: Id,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let (reference, id) = reference(id)?;
    visitor.caller.require_user()?;
    app.hub().undelete_executor(&visitor.caller, &Subject::from(reference)).await?;
    visitor.redirect(&format!("/executors/{id}"))
}
