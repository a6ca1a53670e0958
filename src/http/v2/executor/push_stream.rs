//! What does a synchronous push read after its upload? The task's events as NDJSON lines, then `complete` or `error`
//! (PROTOCOL.md B).

use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    app::App,
    builds::progress::Followed,
    domain::task::{Phase, TaskEvent, TaskState},
    error::Error,
    http::v2::{
        error,
        wire::{self, ExecutorObject},
    },
    hub::publish::Accepted,
};

/// The lines of an accepted push. The stream always ends with a line that tells how it ended; without one the clients
/// show "Unknown Error".
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
            let events = app.hub().follow(task, 0);
            let story = events.scan(false, move |is_over, followed| {
                let line =
                    if *is_over { None } else { Some(line(&accepted, verbose, &request_id, followed)) };
                *is_over |= line.as_ref().is_some_and(|(_, is_last)| *is_last);
                std::future::ready(line.map(|(line, _)| line))
            });
            let lost = stream::iter([error::stream_line(&task_is_gone(), None)]);
            ends_with(story.filter_map(std::future::ready), lost).boxed()
        }
    };
    stream::iter(warnings).chain(story)
}

/// Adds `fallback` when the story broke off before its last line.
fn ends_with(
    story: impl Stream<Item = Value> + Send + 'static,
    fallback: impl Stream<Item = Value> + Send + 'static,
) -> impl Stream<Item = Value> + Send + 'static {
    let story = story.map(Some).chain(stream::iter([None]));
    story
        .chain(fallback.map(Some))
        .scan((false, false), |(has_ended, breaks_off), item| {
            let line = match item {
                Some(line) if *has_ended && *breaks_off => return std::future::ready(Some(Some(line))),
                Some(_) if *has_ended => return std::future::ready(None),
                Some(line) => {
                    *breaks_off = !matches!(line["type"].as_str(), Some("complete" | "error"));
                    Some(line)
                }
                None => {
                    *has_ended = true;
                    None
                }
            };
            std::future::ready(Some(line))
        })
        .filter_map(std::future::ready)
}

/// The line of one event, if it has one, and whether it is the last.
fn line(accepted: &Accepted, verbose: bool, request_id: &str, followed: Followed) -> (Option<Value>, bool) {
    let event = match followed {
        // Clients ignore a line without a subject; proxies see that somebody is there.
        Followed::Quiet => return (Some(json!({"type": "ping"})), false),
        Followed::Event(numbered) => numbered.event,
    };
    match &event {
        TaskEvent::Report { state: TaskState::Succeeded, message, .. } => {
            (Some(complete(accepted, message)), true)
        }
        TaskEvent::Report { failure: Some(failure), .. } => {
            (Some(error::stream_line(&error::of_failure(failure), Some(request_id))), true)
        }
        TaskEvent::Report { message, .. } => {
            let cancelled = Error::new(
                crate::error::ErrorKind::BuildFailed,
                "cancelled",
                message.clone(),
                "Push again to build it.",
            );
            (Some(error::stream_line(&cancelled, Some(request_id))), true)
        }
        TaskEvent::Console { line, .. } if !verbose => {
            // The head of a step is progress worth showing; the rest is for `--verbose`.
            let is_step = line.starts_with('#') && line.contains(" [");
            let status = line.replace('[', "(").replace(']', ")");
            let shown = json!({
                "type": "progress", "subject": "buildWorkspace", "payload": "",
                "legacyMessage": {"status": status},
            });
            (is_step.then_some(shown), false)
        }
        TaskEvent::Console { line, .. } => {
            let payload = wire::without_markup(line);
            (Some(json!({"type": "console", "subject": "buildWorkspace", "payload": payload})), false)
        }
        // They came before the story.
        TaskEvent::Warning { .. } => (None, false),
        event @ (TaskEvent::PhaseStarted { phase: Phase::Build, .. } | TaskEvent::Requeued { .. }) => {
            let (_, subject, payload) = wire::event_words(event);
            let status = wire::without_markup(&payload);
            let shown = json!({
                "type": "progress", "subject": subject, "payload": payload, "legacyMessage": {"status": status},
            });
            (Some(shown), false)
        }
        event => {
            let (kind, subject, payload) = wire::event_words(event);
            (
                Some(json!({"type": kind, "subject": subject, "payload": wire::without_markup(&payload)})),
                false,
            )
        }
    }
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

fn task_is_gone() -> Error {
    Error::new(
        crate::error::ErrorKind::BuildFailed,
        "task_gone",
        "The build was removed before it ended.",
        "Push again.",
    )
}
