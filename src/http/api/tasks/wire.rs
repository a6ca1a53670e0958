//! What do builds and their events look like in the API?

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::task;

/// One build of one commit.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Task {
    id: String,
    /// Id of the Executor.
    executor: String,
    /// Id of the commit that it builds.
    commit: String,
    state: State,
    /// How often a worker has taken it.
    attempt: i32,
    /// Number of its newest event; 0 when there is none.
    last_event: i64,
    failure: Option<Failure>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

/// Where a build stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TaskState)]
enum State {
    Pending,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl From<task::TaskState> for State {
    fn from(state: task::TaskState) -> Self {
        match state {
            task::TaskState::Pending => Self::Pending,
            task::TaskState::Running => Self::Running,
            task::TaskState::Succeeded => Self::Succeeded,
            task::TaskState::Failed => Self::Failed,
            task::TaskState::Cancelled => Self::Cancelled,
        }
    }
}

impl From<task::Task> for Task {
    fn from(task: task::Task) -> Self {
        Self {
            id: task.id.to_string(),
            executor: task.executor.to_string(),
            commit: task.commit.to_string(),
            state: task.state.into(),
            attempt: task.attempt,
            last_event: task.last_event,
            failure: task.failure.map(Failure::from),
            created_at: task.created_at,
            started_at: task.started_at,
            finished_at: task.finished_at,
        }
    }
}

/// Why a build failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TaskFailure)]
pub(in crate::http::api) struct Failure {
    /// The class of failure, such as `dependency` or `step`.
    kind: &'static str,
    /// One sentence of cause and one of remedy.
    message: String,
    /// The lines of the log that decided it.
    lines: Vec<String>,
}

impl From<task::Failure> for Failure {
    fn from(failure: task::Failure) -> Self {
        Self { kind: failure.kind.as_str(), message: failure.message, lines: failure.lines }
    }
}

/// What happened, with its place in the story: numbered from 1 without gaps.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TaskEvent)]
pub(in crate::http::api) struct Event {
    number: i64,
    at: DateTime<Utc>,
    /// `phase_started`, `phase_done`, `console`, `warning`, `requeued`, or `report`, which is always the last.
    kind: String,
    /// Of a phase or a console line: `package`, `queue`, `build`, `image` or `commit`.
    phase: Option<String>,
    /// A sentence for people.
    message: Option<String>,
    /// Of a console line: what the build printed.
    line: Option<String>,
    /// Of a report: `succeeded`, `failed` or `cancelled`.
    state: Option<String>,
    /// Of a report: why, when it failed.
    failure: Option<Failure>,
}
