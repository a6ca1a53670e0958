//! `/setup`: the operator becomes the first admin, with the code that the Hub told them when it started.

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
    domain::{Secret, user::User},
    error::Error,
};

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    frame: Frame,
    notice: String,
    login: String,
    name: String,
}

pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    if !app.auth().needs_setup().await? {
        return visitor.redirect("/sign-in");
    }
    let page = SetupPage {
        frame: visitor.frame(),
        notice: String::new(),
        login: String::new(),
        name: String::new(),
    };
    visitor.page(StatusCode::OK, &page)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setup {
    form_token: String,
    code: String,
    login: String,
    name: String,
    password: String,
    again: String,
}

pub(super) async fn submit(
    State(app): State<App>,
    visitor: Visitor,
    Form(sent): Form<Setup>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let done: Result<User, Error> = async {
        let code = Secret::new(sent.code);
        let password = new_password(sent.password, sent.again)?;
        app.auth().set_up(&code, &sent.login, Some(&sent.name), &password, visitor.address).await
    }
    .await;
    match done {
        Ok(user) => visitor.sign_in(&app, &user, "/help/push").await,
        Err(error) => {
            let (status, notice) = notice(error)?;
            let page = SetupPage { frame: visitor.frame(), notice, login: sent.login, name: sent.name };
            visitor.page(status, &page)
        }
    }
}
