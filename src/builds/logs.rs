//! How do console lines become events? In batches, as they come, by the worker that holds the task and nobody else.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::Instant};

use super::engine::BuildOutput;
use crate::{
    domain::{
        Clock, TaskId, WorkerId,
        task::{Phase, TaskEvent},
    },
    store::{
        Store, StoreError, notify,
        task_events::{self, Author},
    },
};

/// A batch is written when it has this many lines …
const BATCH_LINES: usize = 256;
/// … or when its first line has waited this long: what a reader may lag behind.
const BATCH_WAIT: Duration = Duration::from_millis(100);

/// Writes the story of one task.
#[derive(Debug, Clone)]
pub(super) struct StoryWriter {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) task: TaskId,
    pub(super) worker: WorkerId,
}

impl StoryWriter {
    /// Appends events in a transaction of their own; `false` when the lease is lost.
    pub(super) async fn append(&self, events: &[TaskEvent]) -> Result<bool, StoreError> {
        let mut transaction = self.store.begin().await?;
        let author = Author::Holder(self.worker);
        let is_held =
            task_events::append(&mut transaction, self.task, author, events, self.clock.now()).await?;
        notify::task_events(&mut transaction, self.task).await?;
        transaction.commit().await?;
        Ok(is_held)
    }

    /// Writes everything that the build prints until it stops printing. A batch that the database does not take is
    /// tried again, and meanwhile the channel fills and the build waits: no line is lost, none is written twice out of
    /// order. Ends early when the lease is lost.
    pub(super) async fn write(self, mut output: mpsc::Receiver<BuildOutput>) {
        while let Some(first) = output.recv().await {
            let mut batch = vec![event(first)];
            let end = Instant::now() + BATCH_WAIT;
            while batch.len() < BATCH_LINES {
                match tokio::time::timeout_at(end, output.recv()).await {
                    Ok(Some(next)) => batch.push(event(next)),
                    Ok(None) | Err(_) => break,
                }
            }
            loop {
                match self.append(&batch).await {
                    Ok(true) => break,
                    Ok(false) => return,
                    Err(error) => {
                        tracing::warn!(task.id = %self.task, %error, "cannot write the build's log; trying again");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        }
    }
}

fn event(output: BuildOutput) -> TaskEvent {
    match output {
        BuildOutput::Line(line) => TaskEvent::Console { phase: Phase::Build, line },
        BuildOutput::Warning(message) => TaskEvent::Warning { message },
    }
}
