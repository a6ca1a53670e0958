//! What has happened in a task so far? Read from any number on, page by page, from the rows of its events or, once they are
//! sealed, from the object that took their place.

use futures_util::TryStreamExt as _;

use super::sealing;
use crate::{
    blobs::{BlobError, BlobKey, Blobs},
    domain::{
        TaskId,
        task::{NumberedEvent, Task, TaskEvent},
    },
    error::Error,
    store::{self, Store, StoreError, task_logs::SealedLog},
};

/// Events read at once: a reader that stops reading holds no more than this.
pub(super) const PAGE: i64 = 500;

/// The stories of tasks.
#[derive(Debug, Clone)]
pub struct Stories {
    store: Store,
    blobs: Blobs,
}

impl Stories {
    /// Over the given records and objects.
    pub fn new(store: Store, blobs: Blobs) -> Self {
        Self { store, blobs }
    }

    /// The events after number `after`, in order, at most 500; none at the end of the story.
    pub async fn read(&self, task: TaskId, after: i64) -> Result<Vec<NumberedEvent>, Error> {
        let mut connection = self.store.read().await?;
        let events = store::task_events::read_after(&mut connection, task, after, PAGE).await?;
        if !events.is_empty() {
            return Ok(events);
        }
        // In this order: between the two looks the rows may have gone into the object, but never the other way.
        let Some(log) = store::task_logs::find(&mut connection, task).await? else { return Ok(events) };
        drop(connection);
        match self.read_sealed(&log, after).await {
            Ok(events) => Ok(events),
            Err(BlobError::Store(error)) => Err(BlobError::Store(error).into()),
            Err(error) => {
                tracing::error!(task.id = %task, %error, "the log of a task cannot be read; telling only how it ended");
                Ok(self.find(task).await?.and_then(|task| ending(&task, after)).into_iter().collect())
            }
        }
    }

    /// The task itself.
    pub(super) async fn find(&self, task: TaskId) -> Result<Option<Task>, StoreError> {
        let mut connection = self.store.read().await?;
        store::tasks::find(&mut connection, task).await
    }

    async fn read_sealed(&self, log: &SealedLog, after: i64) -> Result<Vec<NumberedEvent>, BlobError> {
        let next = after.saturating_add(1).max(1);
        let index = log.frames.partition_point(|frame| frame.number <= next).saturating_sub(1);
        let Some(frame) = log.frames.get(index) else { return Ok(Vec::new()) };
        let end = log.frames.get(index + 1).map_or(log.size, |following| following.offset);
        let pieces = self.blobs.get(&BlobKey::Log(log.sha256), Some(frame.offset..end)).await?;
        let bytes: Vec<u8> = pieces
            .try_fold(Vec::new(), async |mut all, piece| {
                all.extend_from_slice(&piece);
                Ok(all)
            })
            .await?;
        let events = tokio::task::spawn_blocking(move || sealing::read_frame(&bytes))
            .await
            .map_err(std::io::Error::other)??;
        Ok(events.into_iter().filter(|event| event.number > after).collect())
    }
}

/// The last event of a task that is over, as its row tells it.
fn ending(task: &Task, after: i64) -> Option<NumberedEvent> {
    let at = task.finished_at.filter(|_| after < task.last_event)?;
    let message = match &task.failure {
        Some(failure) => failure.message.clone(),
        None => "The log of this build was lost.".to_owned(),
    };
    let event = TaskEvent::Report { state: task.state, message, failure: task.failure.clone() };
    Some(NumberedEvent { number: task.last_event, at, event })
}
