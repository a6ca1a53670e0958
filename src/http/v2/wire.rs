//! What do several RPC methods send alike? The Executor object, and events as stream lines.

use serde_json::{Value, json};

use crate::domain::{
    CommitId, ExecutorId, Secret, Tag, Visibility,
    executor::{Executor, Owner},
    task::{Phase, TaskEvent},
};

/// The Executor as `complete` and `result` carry it.
pub(super) struct ExecutorObject<'a> {
    pub(super) executor: &'a Executor,
    pub(super) visibility: Visibility,
    pub(super) commit: CommitId,
    pub(super) tags: &'a [Tag],
    pub(super) secret: Option<&'a Secret>,
}

impl ExecutorObject<'_> {
    /// The wire form. `owner` and `commit` are left out rather than null: SDK ≥ 0.26.2 crashes on null (PROTOCOL.md B).
    pub(super) fn to_json(&self) -> Value {
        let tags: Vec<&str> = self.tags.iter().map(Tag::as_str).collect();
        let mut object = head(&self.executor.id, self.executor, self.visibility);
        object["commit"] =
            json!({"id": self.commit.to_string(), "_id": self.commit.to_string(), "tags": tags});
        if let Some(secret) = self.secret {
            object["secret"] = json!(secret.expose());
        }
        object
    }
}

/// What every answer says of an Executor.
pub(super) fn head(id: &ExecutorId, executor: &Executor, visibility: Visibility) -> Value {
    let mut object = json!({
        "id": id.as_str(),
        "_id": id.as_str(),
        "visibility": visibility.as_str(),
    });
    if let Some(name) = &executor.name {
        object["name"] = json!(name.as_str());
    }
    if let Some(owner) = &executor.owner {
        object["owner"] = owner_object(owner);
    }
    object
}

/// Whose it is.
pub(super) fn owner_object(owner: &Owner) -> Value {
    json!({"_id": owner.id.to_string(), "name": owner.login.as_str()})
}

/// An event as `(type, subject, payload)`, in the words of the public Hub's stream.
pub(super) fn event_words(event: &TaskEvent) -> (&'static str, &'static str, String) {
    match event {
        TaskEvent::PhaseStarted { phase, message } => ("start", subject(*phase), message.clone()),
        TaskEvent::PhaseDone { phase, message } => ("done", subject(*phase), message.clone()),
        TaskEvent::Console { phase, line } => ("console", subject(*phase), line.clone()),
        TaskEvent::Warning { message } => ("warning", "createExecutor", message.clone()),
        TaskEvent::Requeued { message } => ("progress", "buildWorkspace", message.clone()),
        TaskEvent::Report { message, .. } => ("complete", "createExecutor", message.clone()),
    }
}

fn subject(phase: Phase) -> &'static str {
    match phase {
        Phase::Package => "extractZip",
        Phase::Queue => "createExecutor",
        Phase::Build => "buildWorkspace",
        Phase::Image => "pushImage",
        Phase::Commit => "commitSave",
    }
}

/// A success in the RPC's envelope.
pub(super) fn success(data: Value) -> Value {
    let mut answer = json!({"code": 200, "status": 20000});
    answer["data"] = data;
    answer
}
