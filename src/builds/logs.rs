//! How do console lines become events? In batches, as they come, by the worker that holds the task and nobody else; each
//! line once, also when nobody knows whether the database took a batch before it went away.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::Instant};

use super::engine::BuildOutput;
use crate::{
    domain::{
        Clock, TaskId,
        task::{Phase, TaskEvent},
    },
    store::{
        self, Store, StoreError, notify,
        task_events::{self, Author},
        task_leases::Lease,
    },
};

/// A batch is written when it has this many lines …
const BATCH_LINES: usize = 256;
/// … or when its first line has waited this long: what a reader may lag behind.
const BATCH_WAIT: Duration = Duration::from_millis(100);
/// The pause before a batch is tried again that the database did not take.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// Why the log is not complete.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Somebody else has the task.
    #[error("the lease is lost")]
    LeaseLost,
    /// The database will never take it.
    #[error("the database refuses the log: {0}")]
    Refused(#[source] StoreError),
}

/// Writes the story of one task, of which the worker is the only author while it holds it.
#[derive(Debug)]
pub struct StoryWriter {
    store: Store,
    clock: Arc<dyn Clock>,
    task: TaskId,
    lease: Lease,
    /// Number of the last event that is known to be written.
    last: Option<i64>,
}

impl StoryWriter {
    /// A writer for a task that is held.
    pub fn new(store: Store, clock: Arc<dyn Clock>, task: TaskId, lease: Lease) -> Self {
        Self { store, clock, task, lease, last: None }
    }

    /// Appends events in a transaction of their own.
    pub async fn append(&mut self, events: &[TaskEvent]) -> Result<(), AppendError> {
        let mut transaction = self.store.begin().await?;
        let author = Author::Holder(self.lease);
        let last = task_events::append(&mut transaction, self.task, author, events, self.clock.now()).await?;
        let Some(last) = last else { return Err(AppendError::LeaseLost) };
        notify::task_events(&mut transaction, self.task).await?;
        transaction.commit().await?;
        self.last = Some(last);
        Ok(())
    }

    /// Writes everything that the build prints until it stops printing. While the database is away a batch is tried again;
    /// meanwhile the channel fills and the build waits. A line that the database refuses for good is replaced by a word about
    /// it. After an error nobody reads any more, which does not stop the build.
    pub async fn write(mut self, mut output: mpsc::Receiver<BuildOutput>) -> Result<(), LogError> {
        while let Some(first) = output.recv().await {
            let mut batch = vec![event(first)];
            let end = Instant::now() + BATCH_WAIT;
            while batch.len() < BATCH_LINES {
                match tokio::time::timeout_at(end, output.recv()).await {
                    Ok(Some(next)) => batch.push(event(next)),
                    Ok(None) | Err(_) => break,
                }
            }
            match self.append_surely(&batch).await {
                Err(LogError::Refused(error)) => {
                    tracing::warn!(task.id = %self.task, %error, "the database refuses some of a build's lines");
                    for event in batch {
                        self.append_or_replace(event).await?;
                    }
                }
                written => written?,
            }
        }
        Ok(())
    }

    async fn append_or_replace(&mut self, event: TaskEvent) -> Result<(), LogError> {
        match self.append_surely(&[event]).await {
            Err(LogError::Refused(_)) => {
                let line = "[a line that cannot be kept was left out here]".to_owned();
                self.append_surely(&[TaskEvent::Console { phase: Phase::Build, line }]).await
            }
            written => written,
        }
    }

    /// Appends however long the database is away. Before each further try it looks whether the last one was taken after all.
    async fn append_surely(&mut self, events: &[TaskEvent]) -> Result<(), LogError> {
        let mut is_unsure = false;
        loop {
            let written = match (is_unsure, self.last) {
                (true, Some(last)) => match self.was_taken(last, events.len()).await {
                    Ok(true) => Ok(()),
                    Ok(false) => self.append(events).await,
                    Err(error) => Err(error.into()),
                },
                _ => self.append(events).await,
            };
            match written {
                Ok(()) => return Ok(()),
                Err(AppendError::LeaseLost) => return Err(LogError::LeaseLost),
                Err(AppendError::Store(error)) if error.is_passing() => {
                    tracing::warn!(task.id = %self.task, %error, "cannot write the build's log; trying again");
                    is_unsure = true;
                    tokio::time::sleep(RETRY_WAIT).await;
                }
                Err(AppendError::Store(error)) => return Err(LogError::Refused(error)),
            }
        }
    }

    /// Whether `count` events came after number `last`: nobody but this writer adds any while the task is held.
    async fn was_taken(&mut self, last: i64, count: usize) -> Result<bool, StoreError> {
        let mut connection = self.store.read().await?;
        let task = store::tasks::find(&mut connection, self.task).await?;
        let expected = last.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
        let is_taken = task.is_some_and(|task| task.last_event == expected);
        if is_taken {
            self.last = Some(expected);
        }
        Ok(is_taken)
    }
}

/// Why events were not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else has the task.
    #[error("the lease is lost")]
    LeaseLost,
}

fn event(output: BuildOutput) -> TaskEvent {
    match output {
        BuildOutput::Line(line) => TaskEvent::Console { phase: Phase::Build, line },
        BuildOutput::Warning(message) => TaskEvent::Warning { message },
    }
}
