//! What does a synchronous push read after its upload? The task's events as NDJSON lines, then `complete` or `error`
//! (PROTOCOL.md B).

use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    app::App,
    builds::progress::Followed,
    domain::task::{Phase, TaskEvent, TaskState},
    http::{
        story::{self, Told},
        v2::{
            error,
            wire::{self, ExecutorObject},
        },
    },
    hub::publish::Accepted,
};

/// The lines of an accepted push.
pub(super) fn lines(
    app: &App,
    accepted: Accepted,
    verbose: bool,
    request_id: String,
) -> impl Stream<Item = Value> + Send + 'static {
    let warnings: Vec<Value> =
        accepted.warnings.iter().map(|text| json!({"type": "warning", "message": text})).collect();
    let story = match accepted.task.filter(|_| accepted.awaits_build) {
        None => stream::iter([complete(&accepted, "The Executor is ready.")]).boxed(),
        Some(task) => {
            let lost = error::stream_line(&story::task_is_gone(), Some(&request_id));
            let events = app.hub().follow(task, 0);
            let told = events.map(move |followed| told(&accepted, verbose, &request_id, followed));
            story::to_its_end(told, lost).boxed()
        }
    };
    stream::iter(warnings).chain(story)
}

fn told(accepted: &Accepted, verbose: bool, request_id: &str, followed: Followed) -> Told {
    let event = match followed {
        // Clients ignore a line without a subject; proxies see that somebody is there.
        Followed::Quiet => return Told::Line(json!({"type": "ping"})),
        Followed::Waiting(waiting) => {
            let status = waiting.sentence();
            return Told::Line(progress("buildWorkspace", &status, &status));
        }
        Followed::Event(numbered) => numbered.event,
    };
    match &event {
        TaskEvent::Report { state: TaskState::Succeeded, message, .. } => {
            Told::Last(complete(accepted, message))
        }
        TaskEvent::Report { failure, message, .. } => {
            let error = failure.as_ref().map_or_else(|| story::cancelled(message), story::of_failure);
            Told::Last(error::stream_line(&error, Some(request_id)))
        }
        // The head of a step is progress worth showing; the rest is for `--verbose`.
        TaskEvent::Console { line, .. } if !verbose => {
            if line.starts_with('#') && line.contains(" [") {
                let status = line.replace('[', "(").replace(']', ")");
                Told::Line(progress("buildWorkspace", "", &status))
            } else {
                Told::Nothing
            }
        }
        // They came before the story.
        TaskEvent::Warning { .. } => Told::Nothing,
        TaskEvent::PhaseStarted { phase: Phase::Build, .. } | TaskEvent::Requeued { .. } => {
            let (_, subject, payload) = wire::event_words(&event);
            let status = story::without_markup(&payload);
            Told::Line(progress(subject, &status, &status))
        }
        event => {
            let (kind, subject, payload) = wire::event_words(event);
            let payload = story::without_markup(&payload);
            Told::Line(json!({"type": kind, "subject": subject, "payload": payload}))
        }
    }
}

fn progress(subject: &str, payload: &str, status: &str) -> Value {
    // A `legacyMessage` of null would crash the clients (PROTOCOL.md B).
    json!({
        "type": "progress", "subject": subject, "payload": payload, "legacyMessage": {"status": status},
    })
}

fn complete(accepted: &Accepted, message: &str) -> Value {
    let object = ExecutorObject {
        executor: &accepted.executor,
        visibility: accepted.visibility,
        commit: accepted.commit,
        tags: &accepted.tags,
        secret: accepted.secret.as_ref(),
    };
    let mut line = json!({
        "type": "complete", "subject": "createExecutor", "message": message, "payload": object.to_json(),
    });
    if !accepted.warnings.is_empty() {
        line["warning"] = json!(accepted.warnings.join(" "));
    }
    line
}
