//! What words does the REST of jina 2.0 to 2.6 use? Those that its clients read (PROTOCOL.md A), `alias` for 2.0 and
//! `name` for the others.

use serde_json::{Value, json};

use crate::{
    domain::{Secret, executor::Executor, task::TaskEvent},
    http::story::without_markup,
    hub::publish::Accepted,
};

/// The line that ends a push that worked.
pub(super) fn last_line(accepted: &Accepted, message: &str) -> Value {
    let mut object = head(&accepted.executor);
    object["visibility"] = json!(accepted.visibility.as_str());
    // They write it to disk without looking: a text, even where there is none to tell.
    object["secret"] = json!(accepted.secret.as_ref().map_or("", Secret::expose));
    object["tags"] = json!(accepted.tags);
    json!({"result": {"statusCode": 201, "message": message, "data": {"executors": [object]}}})
}

/// What every answer says of an Executor.
pub(super) fn head(executor: &Executor) -> Value {
    let mut object = json!({"id": executor.id.as_str(), "visibility": executor.visibility.as_str()});
    if let Some(name) = &executor.name {
        object["name"] = json!(name.as_str());
        object["alias"] = json!(name.as_str());
    }
    object
}

/// A line of progress; `stream` is the one key that all of them know.
pub(super) fn progress(text: &str) -> Value {
    json!({"stream": without_markup(text)})
}

/// What an event says on the way; nothing for the last one.
pub(super) fn words(event: &TaskEvent) -> Option<&str> {
    match event {
        TaskEvent::PhaseStarted { message, .. }
        | TaskEvent::PhaseDone { message, .. }
        | TaskEvent::Warning { message }
        | TaskEvent::Requeued { message } => Some(message),
        TaskEvent::Console { line, .. } => Some(line),
        TaskEvent::Report { .. } => None,
    }
}
