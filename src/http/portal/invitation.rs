//! `/invitations/WORD`: an invited person chooses their password.

use askama::Template;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    error::{PageError, notice},
    form::{Form, new_password},
    visitor::{Frame, Visitor},
};
use crate::{
    app::App,
    domain::{Secret, user::User},
    error::Error,
    http::refused,
};

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage {
    frame: Frame,
    notice: String,
    login: String,
}

pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    word: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let Path(word) = word.map_err(refused::path)?;
    form(&app, &visitor, &Secret::new(word), StatusCode::OK, String::new()).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accepted {
    form_token: String,
    password: String,
    again: String,
}

pub(super) async fn submit(
    State(app): State<App>,
    visitor: Visitor,
    word: Result<Path<String>, PathRejection>,
    Form(sent): Form<Accepted>,
) -> Result<Response, PageError> {
    let Path(word) = word.map_err(refused::path)?;
    visitor.check_form(&sent.form_token)?;
    let word = Secret::new(word);
    let accepted: Result<User, Error> = async {
        let password = new_password(sent.password, sent.again)?;
        app.auth().accept_invitation(&word, &password, visitor.address).await
    }
    .await;
    match accepted {
        Ok(user) => visitor.sign_in(&app, &user, "/").await,
        Err(error) => {
            let (status, notice) = notice(error)?;
            form(&app, &visitor, &word, status, notice).await
        }
    }
}

/// The form, while the invitation is good; after that, the error that says so.
async fn form(
    app: &App,
    visitor: &Visitor,
    word: &Secret,
    status: StatusCode,
    notice: String,
) -> Result<Response, PageError> {
    let login = app.auth().invited(word).await?.login.to_string();
    visitor.page(status, &InvitationPage { frame: visitor.frame(), notice, login })
}
