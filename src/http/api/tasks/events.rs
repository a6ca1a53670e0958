//! `GET /api/v1/tasks/{task}/events`: the story of a build, as a page of JSON, or followed to its end as JSON lines or
//! server-sent events: from any number on, each event once and in order.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire::Event;
use crate::{
    app::App,
    builds::progress::Followed,
    domain::{
        TaskId,
        task::{NumberedEvent, Task},
    },
    error::Error,
    http::{
        api::{
            answer,
            ask::{self, Asker, Parameters, Part},
            openapi::ReadProblems,
        },
        ndjson,
        problem::Problem,
    },
    hub::progress::Watched,
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct EventsRequest {
    /// Only events after this number; `Last-Event-ID` says the same.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// Events in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct EventPage {
    /// At most 500.
    #[schema(value_type = Vec<Event>)]
    events: Vec<NumberedEvent>,
    /// `after` of the next page.
    next_after: i64,
    /// Whether the build is over and these were its last events.
    is_complete: bool,
}

/// Read or follow the story of a build
///
/// `Accept` decides: a page of what is there now (`application/json`), or everything up to the end, as it happens, as one
/// JSON object a line (`application/x-ndjson`) or as server-sent events (`text/event-stream`). A blank before a line or a
/// comment says that somebody is still there. Once a build is over and nothing is left to be told, followers of server-sent
/// events are answered with 204, which ends their asking.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/events",
    tag = "tasks",
    operation_id = "readTaskEvents",
    params(
        ("task" = String, Path, description = "Id of the task"),
        EventsRequest,
        ("Last-Event-ID" = Option<i64>, Header, description = "Number of the last event that was seen", minimum = 0),
        ("X-Executor-Secret" = Option<String>, Header, description = "The secret of its Executor"),
    ),
    responses(
        (status = 200, description = "Events", content(
            (EventPage = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/event-stream"),
        )),
        (status = 204, description = "The build is over and everything is told"),
        (status = 304, description = "As the caller has it"),
        ReadProblems,
    )
)]
pub(in crate::http::api) async fn handle(
    State(app): State<App>,
    Asker(caller): Asker,
    Part(task): Part<String>,
    headers: HeaderMap,
    Parameters(request): Parameters<EventsRequest>,
) -> Result<Response, Problem> {
    let id: TaskId = task.parse().map_err(|_| Error::task_not_found())?;
    let after = after(&request, &headers)?;
    let watched = app.hub().watch(&caller, id, ask::secret(&headers).as_ref()).await?;
    let task = &watched.task;
    match wanted(&headers) {
        Format::Page => page(&app, &headers, task, after).await,
        Format::Lines => {
            let lines = app.hub().follow_watched(&watched, after).map(|followed| match followed {
                Followed::Event(event) => serde_json::to_value(&event).ok(),
                // The reader knows events only; that one waits is in the task itself.
                Followed::Waiting(_) | Followed::Quiet => None,
            });
            Ok(ndjson::breathing(lines))
        }
        Format::ServerSent if task.state.is_final() && task.last_event <= after => {
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Format::ServerSent => Ok(server_sent(&app, &watched, after)),
    }
}

fn after(request: &EventsRequest, headers: &HeaderMap) -> Result<i64, Error> {
    let seen = headers
        .get("last-event-id")
        .map(|value| value.to_str().ok().and_then(|text| text.trim().parse().ok()));
    let after = match (request.after, seen) {
        // What a browser has seen since it was given its address.
        (_, Some(seen)) => seen,
        (after, None) => Some(after.unwrap_or(0)),
    };
    after.filter(|after: &i64| *after >= 0).ok_or_else(|| {
        Error::invalid(
            "after",
            "The number of an event is 0 or more.",
            "Send the number of the last event seen.",
        )
    })
}

enum Format {
    Page,
    Lines,
    ServerSent,
}

fn wanted(headers: &HeaderMap) -> Format {
    let accepts = |mime| answer::is_accepted(headers, mime);
    match () {
        () if accepts("application/json") => Format::Page,
        () if accepts("text/event-stream") => Format::ServerSent,
        () if accepts("application/x-ndjson") => Format::Lines,
        () => Format::Page,
    }
}

async fn page(app: &App, headers: &HeaderMap, task: &Task, after: i64) -> Result<Response, Problem> {
    let events = app.hub().events(task.id, after).await?;
    let next_after = events.last().map_or(after, |event| event.number);
    let is_complete = task.state.is_final() && next_after >= task.last_event;
    answer::json(headers, &EventPage { events, next_after, is_complete })
}

fn server_sent(app: &App, watched: &Watched, after: i64) -> Response {
    let pieces = app.hub().follow_watched(watched, after).map(|followed| {
        let text = match followed {
            Followed::Quiet => ": still here\n\n".to_owned(),
            Followed::Waiting(waiting) => {
                let data = serde_json::to_string(&*waiting).unwrap_or_default();
                format!("event: waiting\ndata: {data}\n\n")
            }
            Followed::Event(event) => {
                // JSON has no line ends of its own, so one line of data holds it.
                let data = serde_json::to_string(&event).unwrap_or_default();
                format!("id: {}\ndata: {data}\n\n", event.number)
            }
        };
        Ok::<_, Infallible>(Bytes::from(text))
    });
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies are asked not to collect it.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
