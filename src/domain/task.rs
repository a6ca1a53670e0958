//! How does a build go from accepted to over? The states of a task and the events that tell its story.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CommitId, ExecutorId, TaskId, phase::PhaseTime};

/// Where a task stands. Only the database moves it, in statements that name the state they start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum TaskState {
    /// Waits for a worker.
    Pending,
    /// A worker holds its lease.
    Running,
    /// Its image is there and its tags have moved.
    Succeeded,
    /// It will not be tried again by itself.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl TaskState {
    /// Whether nothing more will happen to it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The word that database and API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One build of one commit, as stored.
#[derive(Debug, Clone)]
pub struct Task {
    /// What clients call `TASK_ID`.
    pub id: TaskId,
    /// The commit that it builds.
    pub commit: CommitId,
    /// The Executor of that commit.
    pub executor: ExecutorId,
    /// Where it stands.
    pub state: TaskState,
    /// How often a worker has taken it.
    pub attempt: i32,
    /// Number of its newest event; 0 when there is none.
    pub last_event: i64,
    /// Whether somebody asked to stop it.
    pub cancel_requested: bool,
    /// Why it failed, for people.
    pub failure: Option<Failure>,
    /// Its parts with their times, in the order in which they began.
    pub phases: Vec<PhaseTime>,
    /// The task that this one tries again.
    pub retry_of: Option<TaskId>,
    /// When the push was accepted.
    pub created_at: DateTime<Utc>,
    /// When a worker first took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it became final.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Why a build failed, in the words that every surface shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable word for the class of failure.
    pub kind: FaultKind,
    /// What happened, in one sentence or two.
    pub message: String,
    /// What to try, in one sentence; empty when `message` says it.
    #[serde(default)]
    pub remedy: String,
    /// The lines of the log that decided it.
    #[serde(default)]
    pub lines: Vec<String>,
}

impl Failure {
    /// Everything as one text: what happened, the lines that decided it, what to try. Clients that show one text show this.
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        for part in self.lines.iter().chain((!self.remedy.is_empty()).then_some(&self.remedy)) {
            text.push('\n');
            text.push_str(part);
        }
        text
    }
}

/// Classes of failure. The first ones are the author's to mend, the last ones the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum FaultKind {
    /// The Dockerfile cannot be read, or asks for what is not allowed here.
    Dockerfile,
    /// The base image cannot be had.
    BaseImage,
    /// A requirement does not exist or contradicts another.
    Dependency,
    /// A requirement's own build failed.
    Wheel,
    /// Python could not read a source.
    Syntax,
    /// A step ended with a code other than zero.
    Step,
    /// A limit on memory was hit.
    Memory,
    /// The limit on processes was hit.
    Processes,
    /// The limit on disk space was hit.
    Disk,
    /// The limit on console output was hit.
    Output,
    /// The limit on time was hit.
    Time,
    /// The author's network access from the build failed.
    Network,
    /// A build variable's value was found in the image.
    SecretLeak,
    /// A tag was protected by another push while this one was built.
    ProtectedTag,
    /// The platform asked for is not offered by the engine.
    Platform,
    /// The engine of this Hub cannot do safely what the push asks for.
    Unsupported,
    /// No Docker Engine answered, or it broke off.
    Engine,
    /// Workers were killed while they built it, too often to try again.
    LostWorker,
    /// A fault of the Hub itself.
    Internal,
}

impl FaultKind {
    /// The word that database and API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dockerfile => "dockerfile",
            Self::BaseImage => "base_image",
            Self::Dependency => "dependency",
            Self::Wheel => "wheel",
            Self::Syntax => "syntax",
            Self::Step => "step",
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::Disk => "disk",
            Self::Output => "output",
            Self::Time => "time",
            Self::Network => "network",
            Self::SecretLeak => "secret_leak",
            Self::ProtectedTag => "protected_tag",
            Self::Platform => "platform",
            Self::Unsupported => "unsupported",
            Self::Engine => "engine",
            Self::LostWorker => "lost_worker",
            Self::Internal => "internal",
        }
    }

    /// Whether a command of the author's ended with a code other than zero.
    pub fn is_failed_step(self) -> bool {
        matches!(
            self,
            Self::Step
                | Self::Dependency
                | Self::Wheel
                | Self::Syntax
                | Self::Network
                | Self::Memory
                | Self::Processes
                | Self::Disk
        )
    }

    /// Whether another try may end otherwise without the author's doing anything.
    pub fn is_retried(self) -> bool {
        matches!(self, Self::Engine | Self::Internal)
    }
}

/// What happened, told as one event of a task's story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TaskEvent {
    /// A part of the work began.
    PhaseStarted {
        /// Which part.
        phase: Phase,
        /// A sentence for people.
        message: String,
    },
    /// A part of the work is done.
    PhaseDone {
        /// Which part.
        phase: Phase,
        /// A sentence for people.
        message: String,
    },
    /// A line that the build printed, secrets already masked.
    Console {
        /// Which part printed it.
        phase: Phase,
        /// The line, without its line end.
        line: String,
    },
    /// Something the author should know.
    Warning {
        /// A sentence for people.
        message: String,
    },
    /// The task went back to the queue.
    Requeued {
        /// Why, and when it goes on.
        message: String,
    },
    /// The task is over: always the last event.
    Report {
        /// Succeeded, failed or cancelled.
        state: TaskState,
        /// A sentence for people.
        message: String,
        /// Why, when it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
}

/// The parts of a push, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Upload, unpacking, inspection.
    Package,
    /// Waiting for a worker.
    Queue,
    /// Image build.
    Build,
    /// Making the image available.
    Image,
    /// Making the commit usable and moving its tags.
    Commit,
}

/// An event with its place in the story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedEvent {
    /// 1, 2, 3 … without gaps.
    pub number: i64,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// What happened.
    #[serde(flatten)]
    pub event: TaskEvent,
}
