//! `/sign-in?device=…`, signed in: may this program act for you? The page says what asks, from where and since when, and warns
//! when that is another computer: a link that somebody sent would let them in, not you.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{
    error::PageError,
    form::Form,
    visitor::{Frame, Needs, Visitor},
};
use crate::{
    app::App,
    auth::device::Decision,
    domain::{Secret, power::Scope, user::User},
    error::Error,
};

/// What a page says of the program that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) client: String,
    pub(super) address: String,
    pub(super) since: String,
    pub(super) is_elsewhere: bool,
}

/// The page of the link with this word.
pub(super) fn path(word: &str) -> String {
    let word: String = word.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    format!("/sign-in?device={word}")
}

/// The program that waits behind a link.
pub(super) async fn waiting(app: &App, visitor: &Visitor, word: &str) -> Result<Waiting, Error> {
    let found = app.auth().waiting_device(&Secret::new(word)).await?;
    Ok(Waiting {
        is_elsewhere: found.address != visitor.address.to_canonical().to_string(),
        client: found.client,
        address: found.address,
        since: found.created_at.format("%H:%M:%S UTC").to_string(),
    })
}

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage {
    frame: Frame,
    waiting: Waiting,
    device: String,
    login: String,
}

/// Asks the person who is signed in.
pub(super) async fn ask(
    app: &App,
    visitor: &Visitor,
    user: &User,
    word: &str,
) -> Result<Response, PageError> {
    let waiting = waiting(app, visitor, word).await?;
    let (device, login) = (word.to_owned(), user.login.to_string());
    visitor.page(StatusCode::OK, &DevicePage { frame: visitor.frame(), waiting, device, login })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    form_token: String,
    device: String,
    decision: Choice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Allow,
    Refuse,
}

#[derive(Template)]
#[template(path = "device_done.html")]
struct DonePage {
    frame: Frame,
    is_allowed: bool,
    login: String,
}

#[derive(Template)]
#[template(path = "device_return.html")]
struct ReturnPage {
    frame: Frame,
    return_to: String,
    code: String,
    state: String,
}

pub(super) async fn decide(
    State(app): State<App>,
    visitor: Visitor,
    Form(sent): Form<Decided>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    let user = visitor.caller.require(Scope::Admin)?;
    let is_allowed = sent.decision == Choice::Allow;
    let decision = if is_allowed { Decision::Allow(user) } else { Decision::Refuse };
    let returning = app.auth().decide_device_sign_in(&Secret::new(sent.device), decision).await?;
    let frame = visitor.frame();
    match returning {
        Some((return_to, grant)) => {
            let page = ReturnPage {
                frame,
                return_to: return_to.clone(),
                code: grant.code.expose().to_owned(),
                state: grant.state.expose().to_owned(),
            };
            let needs = Needs { elsewhere: Some(&return_to), ..Needs::default() };
            visitor.page_that_needs(needs, StatusCode::OK, &page)
        }
        None => visitor.page(StatusCode::OK, &DonePage { frame, is_allowed, login: user.login.to_string() }),
    }
}
