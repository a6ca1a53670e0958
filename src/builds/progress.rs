//! How does somebody follow a task? What happened from any number on, then what happens, to the last event: each once,
//! in order, from whatever process and whenever.

use std::time::Duration;

use futures_util::Stream;

use crate::{
    domain::{
        TaskId,
        task::{NumberedEvent, TaskEvent},
    },
    error::Error,
    store::{self, Store, notify::Notifications},
};

/// Followers look by themselves this often, should a notification get lost.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Events read at once: a reader that stops reading holds no more than this.
const PAGE: i64 = 500;

/// What a follower is told.
#[derive(Debug, Clone)]
pub enum Followed {
    /// The next event.
    Event(NumberedEvent),
    /// Nothing happened for a while: a chance to show the other side that somebody is there.
    Quiet,
}

/// Follows tasks.
#[derive(Debug, Clone)]
pub struct Progress {
    store: Store,
    notifications: Notifications,
}

impl Progress {
    /// Over the given store, woken by the given notifications.
    pub fn new(store: Store, notifications: Notifications) -> Self {
        Self { store, notifications }
    }

    /// The task's events after number `after`. The stream ends after the task's report, or when the task is gone. While
    /// the database does not answer it waits, and goes on where it was; a connection is held only while reading.
    pub fn follow(self, task: TaskId, after: i64) -> impl Stream<Item = Followed> + Send + 'static {
        let state = State {
            progress: self,
            task,
            last: after,
            page: Vec::new().into_iter(),
            is_over: false,
            changed: None,
        };
        futures_util::stream::unfold(state, |mut state| async move {
            let item = state.next().await?;
            Some((item, state))
        })
    }

    /// The events after number `after` that are there now, at most 500.
    pub async fn read(&self, task: TaskId, after: i64) -> Result<Vec<NumberedEvent>, Error> {
        let mut connection = self.store.read().await?;
        Ok(store::task_events::read_after(&mut connection, task, after, PAGE).await?)
    }
}

struct State {
    progress: Progress,
    task: TaskId,
    last: i64,
    page: std::vec::IntoIter<NumberedEvent>,
    is_over: bool,
    changed: Option<tokio::sync::watch::Receiver<()>>,
}

impl State {
    async fn next(&mut self) -> Option<Followed> {
        loop {
            if self.is_over {
                return None;
            }
            if let Some(event) = self.page.next() {
                self.last = event.number;
                self.is_over = matches!(event.event, TaskEvent::Report { .. });
                return Some(Followed::Event(event));
            }
            if self.changed.is_none() {
                // Interest first, then reading: what happens in between wakes us.
                self.changed = Some(self.progress.notifications.follow(self.task).await);
            }
            match self.progress.read(self.task, self.last).await {
                Ok(events) if !events.is_empty() => self.page = events.into_iter(),
                Ok(_) => {
                    if self.is_gone().await {
                        return None;
                    }
                    if !self.wait().await {
                        return Some(Followed::Quiet);
                    }
                }
                Err(error) => {
                    tracing::warn!(task.id = %self.task, %error, "cannot read a task's events; trying again");
                    self.wait().await;
                    return Some(Followed::Quiet);
                }
            }
        }
    }

    /// Waits for a sign of new events; `false` when there was none for a while.
    async fn wait(&mut self) -> bool {
        match &mut self.changed {
            Some(changed) => matches!(tokio::time::timeout(LOOK_EVERY, changed.changed()).await, Ok(Ok(()))),
            None => false,
        }
    }

    /// A task without new events may have been deleted, or its report was read before.
    async fn is_gone(&self) -> bool {
        let Ok(mut connection) = self.progress.store.read().await else { return false };
        match store::tasks::find(&mut connection, self.task).await {
            Ok(None) => true,
            Ok(Some(task)) => task.state.is_final() && task.last_event <= self.last,
            Err(_) => false,
        }
    }
}
