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
    app::App,
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
    name: &'static str,
    is_good: bool,
    word: &'static str,
    /// What it means, when it is not good.
    hint: &'static str,
}

#[derive(Template)]
#[template(path = "admin_health.html")]
struct HealthPage {
    frame: Frame,
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
    let answers = |is_good: bool| if is_good { "answers" } else { "does not answer" };
    let builds = match readiness.builds {
        "ok" => ("an engine answers", ""),
        "off" => ("off", "The Hub was told to build no images."),
        "paused" => ("paused", "Look at Builds for the reason."),
        _ => ("no engine answers", "Packages are taken and served; images wait for an engine."),
    };
    let parts = vec![
        Part {
            name: "Database",
            is_good: readiness.database,
            word: answers(readiness.database),
            hint: "Nothing works without it: look at the Hub’s log.",
        },
        Part {
            name: "Storage",
            is_good: readiness.storage,
            word: answers(readiness.storage),
            hint: "Pushes and pulls fail: look whether the disk is full or the bucket is there.",
        },
        Part {
            name: "Builds",
            is_good: matches!(readiness.builds, "ok" | "off"),
            word: builds.0,
            hint: builds.1,
        },
    ];
    let running = overview.tasks.iter().filter(|task| task.started_at.is_some()).count();
    let page = HealthPage {
        frame: visitor.frame(),
        is_ready: readiness.is_ready(),
        parts,
        version: env!("CARGO_PKG_VERSION"),
        url: app.settings().server.external_url.clone(),
        workers: overview.workers.len(),
        running,
        waiting: overview.tasks.len() - running,
    };
    visitor.page(StatusCode::OK, &page)
}
