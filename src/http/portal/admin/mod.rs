//! `/admin`: how is the Hub? Pages for those who run it; to everybody else they are not there.

pub(super) mod audit;
pub(super) mod builds;
pub(super) mod configuration;
pub(super) mod people;
pub(super) mod storage;

use askama::Template;
use axum::{
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
    response::Response,
};

use super::{
    error::PageError,
    visitor::{Frame, Visitor},
};
use crate::{
    app::{App, Check, State as PartState},
    auth::policy,
    error::{Error, ErrorKind},
};

/// An admin of the Hub with a browser. Strangers are led to sign in, and to other people the page is one that never was.
#[derive(Debug)]
pub(super) struct Admin(pub(super) Visitor);

impl FromRequestParts<App> for Admin {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        visitor.caller.require_user()?;
        if policy::authorize_administration(&visitor.caller).is_err() {
            let cause = "There is no such page.";
            return Err(Error::new(ErrorKind::NotFound, "page_not_found", cause, "Check the address.").into());
        }
        Ok(Self(visitor))
    }
}

/// One part of the Hub and how it is.
struct Part {
    name: String,
    style: &'static str,
    word: &'static str,
    detail: String,
}

#[derive(Template)]
#[template(path = "admin_health.html")]
struct HealthPage {
    frame: Frame,
    style: &'static str,
    is_ready: bool,
    parts: Vec<Part>,
    version: &'static str,
    url: String,
    workers: usize,
    running: usize,
    waiting: usize,
}

pub(super) async fn show(State(app): State<App>, Admin(visitor): Admin) -> Result<Response, PageError> {
    let readiness = app.readiness().await;
    let overview = app.hub().builds_overview(&visitor.caller).await?;
    let part = |check: &Check| Part {
        name: title(check.name),
        style: style(check.state),
        word: check.state.as_str(),
        detail: check.detail.clone(),
    };
    let running = overview.tasks.iter().filter(|task| task.started_at.is_some()).count();
    let page = HealthPage {
        frame: visitor.frame(),
        style: style(readiness.state()),
        is_ready: readiness.is_ready(),
        parts: readiness.checks.iter().map(part).collect(),
        version: env!("CARGO_PKG_VERSION"),
        url: app.settings().server.external_url.clone(),
        workers: overview.workers.len(),
        running,
        waiting: overview.tasks.len() - running,
    };
    visitor.page(StatusCode::OK, &page)
}

fn style(state: PartState) -> &'static str {
    match state {
        PartState::Ok => "good",
        PartState::Degraded => "worse",
        PartState::Failing => "bad",
    }
}

/// A word as a heading.
fn title(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
