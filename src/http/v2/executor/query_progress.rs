//! `executor.queryProgress`: the story of a task, for `jina hub status` and for clients that push asynchronously
//! (PROTOCOL.md C). The stream stays open until the task ends, and its last line says how.

use axum::{
    Extension,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    app::App,
    builds::progress::Followed,
    domain::{
        Secret,
        task::{NumberedEvent, TaskEvent, TaskState},
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
            let (replay, verbose) = (parameters.flag("replay"), parameters.flag("verbose"));
            lines(&app, watched, replay, verbose, id.0)
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

fn lines(app: &App, watched: Watched, replay: bool, verbose: bool, request_id: String) -> Response {
    let task = watched.task.id;
    let first = json!({
        "type": "report",
        "status": if watched.task.state == TaskState::Pending { "waiting" } else { "pending" },
        "task": {"_id": task.to_string()},
    });
    // Without `replay` only what happens from now on is told, but a task that is over still reports how it ended.
    let after = match (replay, watched.task.state.is_final()) {
        (true, _) => 0,
        (false, true) => watched.task.last_event - 1,
        (false, false) => watched.task.last_event,
    };
    let is_running = !watched.task.state.is_final();
    let events = app.hub().follow(task, after);
    let story = events.filter_map(move |followed| {
        let line = match followed {
            Followed::Quiet => Some(json!({"type": "ping"})),
            Followed::Event(event) => line(&watched, verbose, &request_id, &event),
        };
        std::future::ready(line)
    });
    ndjson::response(stream::iter(is_running.then_some(first)).chain(story))
}

fn line(watched: &Watched, verbose: bool, request_id: &str, numbered: &NumberedEvent) -> Option<Value> {
    match &numbered.event {
        TaskEvent::Console { .. } if !verbose => None,
        TaskEvent::Report { state: TaskState::Succeeded, message, .. } => {
            let object = ExecutorObject {
                executor: &watched.executor,
                visibility: watched.executor.visibility,
                commit: watched.task.commit,
                tags: &watched.tags,
                secret: None,
            };
            Some(json!({
                "type": "report", "status": "succeeded", "message": message,
                "task": {"_id": watched.task.id.to_string()}, "result": object.to_json(),
            }))
        }
        TaskEvent::Report { message, failure, .. } => {
            let error = failure.as_ref().map_or_else(|| story::cancelled(message), story::of_failure);
            let mut object = error::envelope(&error, Some(request_id));
            object["message"] = object["readableMessage"].clone();
            Some(json!({
                "type": "report", "status": "failed", "message": object["readableMessage"],
                "task": {"_id": watched.task.id.to_string()}, "error": object,
            }))
        }
        event => Some(progress(event, numbered.number, watched.task.created_at, numbered.at)),
    }
}

fn progress(event: &TaskEvent, number: i64, start: DateTime<Utc>, at: DateTime<Utc>) -> Value {
    let (kind, subject, payload) = wire::event_words(event);
    json!({
        "type": "progress",
        "data": {
            "sn": number,
            "dt": (at - start).num_milliseconds().max(0),
            "data": {
                "type": kind, "subject": subject, "payload": story::without_markup(&payload), "source": "executor-hub",
            },
        },
    })
}
