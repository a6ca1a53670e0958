//! `/admin/builds`: what is built, what waits, who builds, and what holds it up?

use std::collections::HashMap;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;

use super::Admin;
use crate::{
    app::App,
    domain::{ExecutorId, task::Task},
    http::portal::{
        error::{PageError, notice},
        form::Form,
        moment::{self, Moment},
        visitor::{Frame, Visitor},
    },
};

struct Worker {
    name: String,
    engine: String,
    /// Why it takes nothing, if so.
    trouble: String,
    is_draining: bool,
    running: i64,
    slots: i32,
    seen: Moment,
    is_silent: bool,
}

struct Build {
    id: String,
    title: String,
    state: &'static str,
    pushed: Moment,
    takes: String,
    attempt: i32,
}

#[derive(Template)]
#[template(path = "admin_builds.html")]
struct BuildsPage {
    frame: Frame,
    notice: String,
    /// The reason of a pause, since when, and until when.
    pause: Option<(String, Moment, Option<Moment>)>,
    may_resume: bool,
    reason: String,
    workers: Vec<Worker>,
    builds: Vec<Build>,
}

/// A worker gives a sign of life every few seconds; one that gave none for so long is dead or cut off.
const SILENT: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

pub(in crate::http::portal) async fn show(
    State(app): State<App>,
    Admin(visitor): Admin,
) -> Result<Response, PageError> {
    page(&app, &visitor, StatusCode::OK, String::new(), String::new()).await
}

async fn page(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    notice: String,
    reason: String,
) -> Result<Response, PageError> {
    let overview = app.hub().builds_overview(&visitor.caller).await?;
    let now = app.now();
    let executors: Vec<ExecutorId> = overview.tasks.iter().map(|task| task.executor.clone()).collect();
    let titles = app.hub().titles(&visitor.caller, &executors).await?;
    let workers: Vec<Worker> = overview
        .workers
        .into_iter()
        .map(|worker| Worker {
            engine: worker.engine.as_ref().map(engine).unwrap_or_default(),
            trouble: worker.pause_reason.or(worker.engine_fault).unwrap_or_default(),
            name: worker.name,
            is_draining: worker.is_draining,
            running: worker.running,
            slots: worker.slots,
            is_silent: worker.seen_at < now - SILENT,
            seen: Moment::of(worker.seen_at, now),
        })
        .collect();
    let pause = overview.pause.map(|pause| {
        (pause.reason, Moment::of(pause.since, now), pause.until.map(|until| Moment::of(until, now)))
    });
    let page = BuildsPage {
        frame: visitor.frame(),
        notice,
        may_resume: pause.is_some() || workers.iter().any(|worker| !worker.trouble.is_empty()),
        pause,
        reason,
        workers,
        builds: overview.tasks.iter().map(|task| build(task, &titles, now)).collect(),
    };
    visitor.page(status, &page)
}

fn build(task: &Task, titles: &HashMap<ExecutorId, String>, now: chrono::DateTime<chrono::Utc>) -> Build {
    Build {
        id: task.id.to_string(),
        title: titles.get(&task.executor).cloned().unwrap_or_else(|| task.executor.to_string()),
        state: task.state.as_str(),
        pushed: Moment::of(task.created_at, now),
        takes: task.started_at.map(|start| moment::span(start, now)).unwrap_or_default(),
        attempt: task.attempt,
    }
}

/// What an engine said of itself, in a few words.
fn engine(said: &serde_json::Value) -> String {
    let word = |key: &str| said.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    let buildkit = said.get("buildkit").and_then(serde_json::Value::as_bool) == Some(true);
    let parts = ["Docker", word("version"), word("platform"), if buildkit { "BuildKit" } else { "" }];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::portal) struct PauseForm {
    form_token: String,
    reason: String,
}

pub(in crate::http::portal) async fn pause(
    State(app): State<App>,
    Admin(visitor): Admin,
    Form(sent): Form<PauseForm>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    match app.hub().pause_builds(&visitor.caller, &sent.reason).await {
        Ok(()) => visitor.redirect("/admin/builds"),
        Err(error) => {
            let (status, notice) = notice(error)?;
            page(&app, &visitor, status, notice, sent.reason).await
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::portal) struct Confirmed {
    form_token: String,
}

pub(in crate::http::portal) async fn resume(
    State(app): State<App>,
    Admin(visitor): Admin,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    visitor.check_form(&sent.form_token)?;
    app.hub().resume_builds(&visitor.caller).await?;
    visitor.redirect("/admin/builds")
}
