//! `/sign-in`: a login and a password. It is also where programs send their person's browser, with `?device=` and the word of
//! their link: the page then says which program asks, and, once somebody is signed in, lets them decide.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    device::{self, Waiting},
    error::{PageError, notice},
    form::{Form, path_or},
    visitor::{Frame, Visitor},
};
use crate::{app::App, config::Registration, domain::Secret, http::refused};

/// What the page goes on with afterwards.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Onward {
    /// The word of a waiting program's link.
    device: Option<String>,
    /// A page of the Hub.
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    notice: String,
    login: String,
    device: String,
    next: String,
    waiting: Option<Waiting>,
    may_sign_up: bool,
}

pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    onward: Result<Query<Onward>, QueryRejection>,
) -> Result<Response, PageError> {
    let Query(onward) = onward.map_err(refused::query)?;
    match (visitor.user(), onward.device.as_deref()) {
        (Some(user), Some(word)) => device::ask(&app, &visitor, user, word).await,
        (Some(_), None) => visitor.redirect(path_or(onward.next.as_deref(), "/")),
        (None, _) if app.auth().needs_setup().await? => visitor.redirect("/setup"),
        (None, _) => form(&app, &visitor, onward, StatusCode::OK, String::new(), String::new()).await,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    form_token: String,
    login: String,
    password: String,
    #[serde(default)]
    device: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn submit(
    State(app): State<App>,
    visitor: Visitor,
    Form(sent): Form<SignIn>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let onward = Onward {
        device: Some(sent.device).filter(|word| !word.is_empty()),
        next: Some(sent.next).filter(|path| !path.is_empty()),
    };
    let password = Secret::new(sent.password);
    match app.auth().check_password(&sent.login, &password, visitor.address).await {
        Ok(user) => {
            let path = match &onward.device {
                Some(word) => device::path(word),
                None => path_or(onward.next.as_deref(), "/").to_owned(),
            };
            visitor.sign_in(&app, &user, &path).await
        }
        Err(error) => {
            let (status, notice) = notice(error)?;
            form(&app, &visitor, onward, status, notice, sent.login).await
        }
    }
}

async fn form(
    app: &App,
    visitor: &Visitor,
    onward: Onward,
    status: StatusCode,
    notice: String,
    login: String,
) -> Result<Response, PageError> {
    let waiting = match &onward.device {
        Some(word) => Some(device::waiting(app, visitor, word).await?),
        None => None,
    };
    let page = SignInPage {
        frame: visitor.frame(),
        notice,
        login,
        device: onward.device.unwrap_or_default(),
        next: onward.next.unwrap_or_default(),
        waiting,
        may_sign_up: app.auth().rules().registration == Registration::Open,
    };
    visitor.page(status, &page)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignOut {
    form_token: String,
    #[serde(default)]
    device: String,
}

pub(super) async fn sign_out(
    State(app): State<App>,
    visitor: Visitor,
    Form(sent): Form<SignOut>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let path = if sent.device.is_empty() { "/sign-in".to_owned() } else { device::path(&sent.device) };
    visitor.sign_out(&app, &path).await
}
