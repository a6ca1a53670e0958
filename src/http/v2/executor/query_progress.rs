//! `executor.queryProgress`: the story of a task, for `jina hub status` and for clients that push asynchronously
//! (PROTOCOL.md C). The stream stays open until the task ends, and its last line says how.

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use bytes::BytesMut;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    app::App,
    builds::progress::{FollowedBatch, SharedEvent},
    domain::{
        Secret, TaskId,
        ansi::Escapes,
        task::{Failure, NumberedEvent, TaskEvent, TaskState},
        waiting::Waiting,
    },
    error::Error,
    http::{
        caller,
        layers::RequestId,
        ndjson, story,
        v2::{
            error::{self, RpcError},
            parameters::Parameters,
            wire::{self, ExecutorObject},
        },
    },
    hub::progress::Watched,
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Response {
    match watch(&app, &headers, &parameters).await {
        Ok(watched) => {
            // `ansi` is ours: a terminal that wants colours asks for them.
            let escapes = if parameters.flag("ansi") { Escapes::Colours } else { Escapes::None };
            let wish = Wish { verbose: parameters.flag("verbose"), escapes };
            let after = match (
                parameters.number("after"),
                parameters.flag("replay"),
                watched.task.state.is_final(),
            ) {
                // Ours too: who was cut off goes on after the last number that it has.
                (Some(after), _, _) => after.max(0),
                (None, true, _) => 0,
                // Without `replay` only what happens from now on is told, but a task that is over still reports how it ended.
                (None, false, true) => watched.task.last_event - 1,
                (None, false, false) => watched.task.last_event,
            };
            lines(&app, watched, after, wish, id.0)
        }
        // A whole JSON error: its `code` stops the clients, which then show its `message` (PROTOCOL.md C).
        Err(error) => RpcError(error).into_response(),
    }
}

async fn watch(app: &App, headers: &HeaderMap, parameters: &Parameters) -> Result<Watched, Error> {
    let caller = app.auth().caller(&caller::credentials(headers)).await?;
    let task = parameters.required("id")?.parse().map_err(|_| Error::task_not_found())?;
    let secret = parameters.text("secret").map(Secret::new);
    app.hub().watch(&caller, task, secret.as_ref()).await
}

/// How a follower wants the lines.
#[derive(Clone, Copy)]
struct Wish {
    verbose: bool,
    escapes: Escapes,
}

impl Wish {
    /// Names what one event looks like to all followers that wish this.
    fn form(self) -> &'static str {
        match self.escapes {
            Escapes::None => "executor.queryProgress",
            Escapes::Colours => "executor.queryProgress with colours",
        }
    }
}

fn lines(app: &App, watched: Watched, after: i64, wish: Wish, request_id: String) -> Response {
    let task = watched.task.id;
    let first = json!({
        "type": "report",
        "status": if watched.task.state == TaskState::Pending { "waiting" } else { "pending" },
        "task": {"_id": task.to_string()},
    });
    let is_running = !watched.task.state.is_final();
    let story = app.hub().follow_watched_batches(&watched, after).filter_map(move |batch| {
        let lines = match batch {
            FollowedBatch::Quiet => ndjson::line(&json!({"type": "ping"})),
            FollowedBatch::Waiting(waiting) => ndjson::line(&line_of_waiting(task, &waiting)),
            FollowedBatch::Events(events) => {
                let mut lines = BytesMut::new();
                for event in &events {
                    lines.extend_from_slice(&line(&watched, wish, &request_id, event));
                }
                lines.freeze()
            }
        };
        std::future::ready((!lines.is_empty()).then_some(lines))
    });
    ndjson::of_bytes(stream::iter(is_running.then(|| ndjson::line(&first))).chain(story))
}

/// The line of an event; nothing for one that is not asked for.
fn line(watched: &Watched, wish: Wish, request_id: &str, event: &SharedEvent) -> Bytes {
    match &event.numbered.event {
        TaskEvent::Console { .. } if !wish.verbose => Bytes::new(),
        TaskEvent::Report { state, message, failure } => {
            ndjson::line(&report(watched, request_id, *state, message, failure.as_ref()))
        }
        _ => event.rendered(wish.form(), |numbered| {
            ndjson::line(&progress(numbered, watched.task.created_at, wish.escapes))
        }),
    }
}

fn report(
    watched: &Watched,
    request_id: &str,
    state: TaskState,
    message: &str,
    failure: Option<&Failure>,
) -> Value {
    if state == TaskState::Succeeded {
        let object = ExecutorObject {
            executor: &watched.executor,
            visibility: watched.executor.visibility,
            commit: watched.task.commit,
            tags: &watched.tags,
            secret: None,
        };
        return json!({
            "type": "report", "status": "succeeded", "message": message,
            "task": {"_id": watched.task.id.to_string()}, "result": object.to_json(),
        });
    }
    let error = failure.map_or_else(|| story::cancelled(message), story::of_failure);
    let mut object = error::envelope(&error, Some(request_id));
    object["message"] = object["readableMessage"].clone();
    json!({
        "type": "report", "status": "failed", "message": object["readableMessage"],
        "task": {"_id": watched.task.id.to_string()}, "error": object,
    })
}

/// Clients show the `error` of a task that waits, and only that.
fn line_of_waiting(task: TaskId, waiting: &Waiting) -> Value {
    let text = story::without_markup(&waiting.sentence());
    json!({
        "type": "report", "status": "waiting", "message": text, "error": text, "task": {"_id": task.to_string()},
    })
}

fn progress(numbered: &NumberedEvent, start: DateTime<Utc>, escapes: Escapes) -> Value {
    let (kind, subject, payload) = wire::event_words(&numbered.event);
    json!({
        "type": "progress",
        "data": {
            "sn": numbered.number,
            "dt": (numbered.at - start).num_milliseconds().max(0),
            "data": {
                "type": kind, "subject": subject, "payload": story::with_escapes(&payload, escapes),
                "source": "executor-hub",
            },
        },
    })
}
