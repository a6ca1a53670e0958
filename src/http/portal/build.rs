//! `/builds/{task}`: what happened in this build, what happens now, and why did it fail? The page is whole as it is; with the
//! script it goes on from its last line by itself.

use std::convert::Infallible;

use askama::Template;
use axum::{
    body::{Body, Bytes},
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{
    error::PageError,
    form::Form,
    moment::{self, Moment},
    terminal::{self, Piece},
    visitor::{Frame, Needs, Visitor},
};
use crate::{
    app::App,
    domain::{
        TaskId,
        task::{FaultKind, NumberedEvent, Phase, Task, TaskEvent, TaskState},
    },
    error::Error,
    http::refused,
    hub::Hub,
};

/// Events of a story that one page shows.
const SHOWN: usize = 1000;
/// Lines that a search finds.
const FOUND: usize = 200;
/// Events that a search looks through, from the end of the story.
const SEARCHED: i64 = 100_000;
/// Lines before a found one on the page that its link leads to.
const AROUND: i64 = 100;
/// Characters of a text to search for.
const MOST: usize = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Events after this number; without one, the last.
    after: Option<i64>,
    /// Show the lines that hold this text instead.
    find: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmed {
    form_token: String,
}

struct Line {
    number: i64,
    /// Before it, where it is shown among others than those around it.
    after: i64,
    style: &'static str,
    pieces: Vec<Piece>,
}

struct PhaseLine {
    title: &'static str,
    style: &'static str,
    /// In words, for those who see no signs.
    state: &'static str,
    took: String,
}

struct Explanation {
    kind: &'static str,
    message: String,
    remedy: String,
    lines: Vec<String>,
}

#[derive(Template)]
#[template(path = "build.html")]
struct BuildPage {
    frame: Frame,
    id: String,
    title: String,
    executor_path: String,
    tags: Vec<String>,
    state: &'static str,
    is_over: bool,
    /// What is told to those who wait.
    waiting: Option<String>,
    /// What the visitor may do about it: the last word of its address, and the words on its button.
    steer: Option<(&'static str, &'static str)>,
    accepted: Moment,
    took: String,
    attempt: i32,
    phases: Vec<PhaseLine>,
    explanation: Option<Explanation>,
    lines: Vec<Line>,
    /// Number of the last event that is shown.
    last: i64,
    /// Whether the page shows the end of the story.
    is_end: bool,
    earlier: Option<i64>,
    /// The text that was searched for, if one was.
    find: String,
    is_cut: bool,
}

pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    task: Result<Path<String>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let Path(task) = task.map_err(refused::path)?;
    let Query(asked) = asked.map_err(refused::query)?;
    let id: TaskId = task.parse().map_err(|_| Error::task_not_found())?;
    let watched = app.hub().watch(&visitor.caller, id, None).await?;
    let (task, executor) = (watched.task, watched.executor);
    let shown = i64::try_from(SHOWN).unwrap_or(i64::MAX);
    let after = asked.after.unwrap_or(task.last_event - shown).max(0);
    let find: String = asked.find.trim().chars().take(MOST).collect();
    let (events, is_cut) = if find.is_empty() {
        (read(app.hub(), id, after).await?, false)
    } else {
        search(app.hub(), id, (task.last_event - SEARCHED).max(0), &find).await?
    };
    let last = events.last().map_or(after, |event| event.number);
    let now = app.now();
    let waiting = match task.state {
        TaskState::Pending => app.hub().waiting(id).await?.map(|waiting| waiting.sentence()),
        _ => None,
    };
    let may_push = app.hub().offers(&visitor.caller, &executor).await?.steer;
    let executor_path = match (&executor.owner, &executor.name) {
        (Some(owner), Some(name)) => format!("/executors/{}/{name}", owner.login),
        _ => format!("/executors/{}", executor.id),
    };
    let page = BuildPage {
        frame: visitor.frame(),
        id: id.to_string(),
        title: executor.title(),
        executor_path,
        tags: watched.tags.iter().map(ToString::to_string).collect(),
        state: task.state.as_str(),
        is_over: task.state.is_final(),
        waiting,
        steer: may_push.then(|| steer(&task)).flatten(),
        accepted: Moment::of(task.created_at, now),
        took: took(&task, now),
        attempt: task.attempt,
        phases: phases(&task, now),
        explanation: task.failure.as_ref().map(|failure| Explanation {
            kind: class(failure.kind),
            message: failure.message.clone(),
            remedy: failure.remedy.clone(),
            lines: failure.lines.iter().map(|line| terminal::plain(line)).collect(),
        }),
        lines: events.iter().map(line).collect(),
        last,
        is_end: find.is_empty() && last >= task.last_event,
        earlier: (after > 0 && find.is_empty()).then(|| (after - shown).max(0)),
        find,
        is_cut,
    };
    visitor.reading(Needs { script: true, ..Needs::default() }, &headers, &page)
}

/// Events after a number, at most as many as a page shows.
async fn read(hub: &Hub, id: TaskId, after: i64) -> Result<Vec<NumberedEvent>, Error> {
    let mut events: Vec<NumberedEvent> = Vec::new();
    while events.len() < SHOWN {
        let more = hub.events(id, events.last().map_or(after, |event| event.number)).await?;
        if more.is_empty() {
            break;
        }
        events.extend(more);
    }
    events.truncate(SHOWN);
    Ok(events)
}

/// Events after a number whose words hold a text, whatever its case; and whether there are more.
async fn search(
    hub: &Hub,
    id: TaskId,
    mut after: i64,
    text: &str,
) -> Result<(Vec<NumberedEvent>, bool), Error> {
    let text = text.to_lowercase();
    let mut found = Vec::new();
    loop {
        let events = hub.events(id, after).await?;
        let Some(last) = events.last().map(|event| event.number) else { return Ok((found, false)) };
        after = last;
        for event in events {
            let words: String = line(&event).pieces.into_iter().map(|piece| piece.text).collect();
            if !words.to_lowercase().contains(&text) {
                continue;
            }
            if found.len() == FOUND {
                return Ok((found, true));
            }
            found.push(event);
        }
    }
}

fn line(numbered: &NumberedEvent) -> Line {
    let (style, text) = match &numbered.event {
        TaskEvent::Console { line, .. } => ("", line),
        TaskEvent::Warning { message } => ("told warning", message),
        TaskEvent::Report { state: TaskState::Failed, message, .. } => ("told bad", message),
        TaskEvent::PhaseStarted { message, .. }
        | TaskEvent::PhaseDone { message, .. }
        | TaskEvent::Requeued { message }
        | TaskEvent::Report { message, .. } => ("told", message),
    };
    let after = (numbered.number - AROUND).max(0);
    Line { number: numbered.number, after, style, pieces: terminal::pieces(text) }
}

fn steer(task: &Task) -> Option<(&'static str, &'static str)> {
    match task.state {
        TaskState::Pending | TaskState::Running if task.cancel_requested => None,
        TaskState::Pending | TaskState::Running => Some(("cancel", "Stop it")),
        TaskState::Failed | TaskState::Cancelled => Some(("retry", "Build it again")),
        TaskState::Succeeded => None,
    }
}

fn took(task: &Task, now: DateTime<Utc>) -> String {
    match (task.started_at, task.finished_at) {
        (Some(start), Some(end)) => moment::span(start, end),
        (Some(start), None) => moment::span(start, now),
        _ => String::new(),
    }
}

/// The parts of a build in the order in which they began, each try by itself, and then what is still to come.
fn phases(task: &Task, now: DateTime<Utc>) -> Vec<PhaseLine> {
    let all = [Phase::Package, Phase::Queue, Phase::Build, Phase::Image, Phase::Commit];
    let last = task.phases.len().saturating_sub(1);
    let begun = task.phases.iter().enumerate().map(|(at, time)| {
        let is_where_it_ended = at == last && task.state.is_final() && task.state != TaskState::Succeeded;
        let (style, state) = match time.finished_at {
            None => ("now", "under way"),
            Some(_) if is_where_it_ended => ("broken", "not finished"),
            Some(_) => ("past", "done"),
        };
        let took = moment::span(time.started_at, time.finished_at.unwrap_or(now));
        PhaseLine { title: title(time.phase), style, state, took }
    });
    let is_to_come = |phase: &Phase| {
        let reached = task.phases.iter().filter_map(|time| all.iter().position(|other| *other == time.phase));
        !task.state.is_final() && all.iter().position(|other| other == phase) > reached.max()
    };
    let to_come = all.into_iter().filter(is_to_come).map(|phase| PhaseLine {
        title: title(phase),
        style: "",
        state: "not begun",
        took: String::new(),
    });
    begun.chain(to_come).collect()
}

fn title(phase: Phase) -> &'static str {
    match phase {
        Phase::Package => "Package",
        Phase::Queue => "Queue",
        Phase::Build => "Build",
        Phase::Image => "Image",
        Phase::Commit => "Commit",
    }
}

/// A class of failure in words.
fn class(kind: FaultKind) -> &'static str {
    match kind.as_str() {
        "dockerfile" => "The Dockerfile",
        "base_image" => "The base image",
        "dependency" => "A requirement",
        "wheel" => "The build of a requirement",
        "syntax" => "A Python source",
        "step" => "A step of the build",
        "memory" => "Not enough memory",
        "processes" => "Too many processes",
        "disk" => "Too much disk space",
        "output" => "Too much output",
        "time" => "Out of time",
        "network" => "The network",
        "secret_leak" => "A secret in the image",
        "protected_tag" => "A protected tag",
        "platform" => "The platform",
        "unsupported" => "What the engine cannot do",
        "engine" => "The Docker Engine",
        "lost_worker" => "Lost workers",
        _ => "A fault of the Hub",
    }
}

/// `POST /builds/{task}/cancel`
pub(super) async fn cancel(
    State(app): State<App>,
    visitor: Visitor,
    task: Result<Path<String>, PathRejection>,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    let Path(task) = task.map_err(refused::path)?;
    visitor.check_form(&sent.form_token)?;
    let id: TaskId = task.parse().map_err(|_| Error::task_not_found())?;
    let task = app.hub().cancel_build(&visitor.caller, id, None).await?;
    visitor.redirect(&format!("/builds/{}", task.id))
}

/// `POST /builds/{task}/retry`
pub(super) async fn retry(
    State(app): State<App>,
    visitor: Visitor,
    task: Result<Path<String>, PathRejection>,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    let Path(task) = task.map_err(refused::path)?;
    visitor.check_form(&sent.form_token)?;
    let id: TaskId = task.parse().map_err(|_| Error::task_not_found())?;
    let task = app.hub().retry_build(&visitor.caller, id, None).await?;
    visitor.redirect(&format!("/builds/{}", task.id))
}

/// `/builds/{task}/log`: what is there of the log, as a file of plain text.
pub(super) async fn download(
    State(app): State<App>,
    visitor: Visitor,
    task: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let Path(task) = task.map_err(refused::path)?;
    let id: TaskId = task.parse().map_err(|_| Error::task_not_found())?;
    app.hub().watch(&visitor.caller, id, None).await?;
    let pieces = futures_util::stream::unfold(Some((app, 0)), move |state| async move {
        let (app, after) = state?;
        // A log that breaks off is told by its missing report.
        let events = app.hub().events(id, after).await.unwrap_or_default();
        let last = events.last()?.number;
        let text: String = events.iter().map(text).collect();
        Some((Ok::<_, Infallible>(Bytes::from(text)), Some((app, last))))
    });
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = format!("attachment; filename=\"build-{id}.log\"");
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(Error::internal)?);
    Ok(response)
}

fn text(event: &NumberedEvent) -> String {
    let line: String = line(event).pieces.into_iter().map(|piece| piece.text).collect();
    format!("{}  {line}\n", event.at.format("%Y-%m-%dT%H:%M:%S%.3fZ"))
}
