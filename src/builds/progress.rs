//! How does somebody follow a task? What happened from any number on, then what happens, to the last event: each once,
//! in order, from whatever process and whenever.

use std::{sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::watch;

use super::{
    broadcast::{Broadcast, Found, Ring},
    story::Stories,
};
use crate::{
    blobs::Blobs,
    domain::{
        Clock, TaskId,
        task::{NumberedEvent, TaskEvent},
        waiting::Waiting,
    },
    error::Error,
    store::{Store, notify::Notifications},
};

pub use super::broadcast::SharedEvent;

/// A follower hears something this often, if only that nothing happened.
const QUIET: Duration = Duration::from_secs(5);

/// What a follower is told.
#[derive(Debug, Clone)]
pub enum Followed {
    /// The next event.
    Event(NumberedEvent),
    /// The task waits in line; told when that changes.
    Waiting(Arc<Waiting>),
    /// Nothing happened for a while: a chance to show the other side that somebody is there.
    Quiet,
}

/// The same in pieces that followers share.
#[derive(Debug, Clone)]
pub enum FollowedBatch {
    /// The next events, at least one.
    Events(Vec<Arc<SharedEvent>>),
    /// The task waits in line; told when that changes.
    Waiting(Arc<Waiting>),
    /// Nothing happened for a while.
    Quiet,
}

/// Follows tasks.
#[derive(Debug, Clone)]
pub struct Progress {
    stories: Stories,
    broadcast: Arc<Broadcast>,
}

impl Progress {
    /// Over the given records and objects, woken by the given notifications.
    pub fn new(store: Store, blobs: Blobs, notifications: Notifications, clock: Arc<dyn Clock>) -> Self {
        let stories = Stories::new(store.clone(), blobs);
        let broadcast = Arc::new(Broadcast::new(store, stories.clone(), notifications, clock));
        Self { stories, broadcast }
    }

    /// The task's events after number `after`. The stream ends after the task's report, or when the task is gone. While
    /// the database does not answer it waits, and goes on where it was; a connection is held only while reading.
    pub fn follow(self, task: TaskId, after: i64) -> impl Stream<Item = Followed> + Send + 'static {
        one_by_one(self.follow_batches(task, after))
    }

    /// The same in batches of at most 500 that are shared with all other followers: for surfaces with many of them.
    pub fn follow_batches(
        self,
        task: TaskId,
        after: i64,
    ) -> impl Stream<Item = FollowedBatch> + Send + 'static {
        stream::unfold(Follower::new(self, task, after), |mut follower| async move {
            let batch = follower.next().await?;
            Some((batch, follower))
        })
    }

    /// The events after number `after` that are there now, at most 500.
    pub async fn read(&self, task: TaskId, after: i64) -> Result<Vec<NumberedEvent>, Error> {
        self.stories.read(task, after).await
    }
}

/// What batches tell, event by event.
pub fn one_by_one(
    batches: impl Stream<Item = FollowedBatch> + Send + 'static,
) -> impl Stream<Item = Followed> + Send + 'static {
    batches.flat_map(|batch| {
        stream::iter(match batch {
            FollowedBatch::Events(events) => {
                events.iter().map(|event| Followed::Event(event.numbered.clone())).collect()
            }
            FollowedBatch::Waiting(waiting) => vec![Followed::Waiting(waiting)],
            FollowedBatch::Quiet => vec![Followed::Quiet],
        })
    })
}

struct Follower {
    progress: Progress,
    task: TaskId,
    last: i64,
    is_over: bool,
    /// What was told last of the place in the line.
    waiting: Option<Arc<Waiting>>,
    /// Joined with the first look, so that a stream nobody reads costs nothing.
    joined: Option<(Arc<Ring>, watch::Receiver<()>)>,
}

impl Follower {
    fn new(progress: Progress, task: TaskId, after: i64) -> Self {
        Self { progress, task, last: after, is_over: false, waiting: None, joined: None }
    }

    async fn next(&mut self) -> Option<FollowedBatch> {
        if self.is_over {
            return None;
        }
        let task = self.task;
        let (ring, changes) = self.joined.get_or_insert_with(|| {
            let ring = self.progress.broadcast.join(task);
            let changes = ring.changes();
            (ring, changes)
        });
        let quiet = tokio::time::sleep(QUIET);
        tokio::pin!(quiet);
        loop {
            // Seen first, then looked: a change in between wakes us.
            changes.borrow_and_update();
            match ring.after(self.last) {
                Found::Events(events) => return Some(self.tell(events)),
                Found::Over => return None,
                Found::Nothing(waiting) => {
                    if waiting.is_some() && waiting != self.waiting {
                        self.waiting.clone_from(&waiting);
                        return waiting.map(FollowedBatch::Waiting);
                    }
                }
                Found::Missed => match self.progress.stories.read(task, self.last).await {
                    Ok(events) if !events.is_empty() => {
                        let events = events.into_iter().map(SharedEvent::new).map(Arc::new).collect();
                        return Some(self.tell(events));
                    }
                    // Gone with its task: there is nothing left to wait for.
                    Ok(_) => return None,
                    Err(error) => {
                        tracing::warn!(task.id = %task, %error, "cannot read a task's events; trying again");
                        tokio::time::sleep(QUIET).await;
                        return Some(FollowedBatch::Quiet);
                    }
                },
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = &mut quiet => return Some(FollowedBatch::Quiet),
            }
        }
    }

    fn tell(&mut self, events: Vec<Arc<SharedEvent>>) -> FollowedBatch {
        if let Some(last) = events.last() {
            self.last = last.numbered.number;
            self.is_over = matches!(last.numbered.event, TaskEvent::Report { .. });
        }
        FollowedBatch::Events(events)
    }
}
