//! `/sign-up`: an account for whoever wants one, where the operator allows that.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{
    error::{PageError, notice},
    form::{Form, new_password},
    visitor::{Frame, Visitor},
};
use crate::{
    app::App,
    config::Registration,
    domain::user::User,
    error::{Error, ErrorKind},
};

#[derive(Template)]
#[template(path = "sign_up.html")]
struct SignUpPage {
    frame: Frame,
    notice: String,
    login: String,
    name: String,
}

pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    if app.auth().rules().registration == Registration::Closed {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "registration_closed",
            "Accounts of this Hub are made by its admins.",
            "Ask one of them for an invitation.",
        )
        .into());
    }
    if app.auth().needs_setup().await? {
        return visitor.redirect("/setup");
    }
    let page = SignUpPage {
        frame: visitor.frame(),
        notice: String::new(),
        login: String::new(),
        name: String::new(),
    };
    visitor.page(StatusCode::OK, &page)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignUp {
    form_token: String,
    login: String,
    name: String,
    password: String,
    again: String,
}

pub(super) async fn submit(
    State(app): State<App>,
    visitor: Visitor,
    Form(sent): Form<SignUp>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let registered: Result<User, Error> = async {
        let password = new_password(sent.password, sent.again)?;
        app.auth().register(&sent.login, Some(&sent.name), &password, visitor.address).await
    }
    .await;
    match registered {
        Ok(user) => visitor.sign_in(&app, &user, "/").await,
        Err(error) => {
            let (status, notice) = notice(error)?;
            let page = SignUpPage { frame: visitor.frame(), notice, login: sent.login, name: sent.name };
            visitor.page(status, &page)
        }
    }
}
