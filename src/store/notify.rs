//! How do followers and workers of any process learn that something happened? By LISTEN/NOTIFY, one listener a process;
//! a lost notification costs time, never truth, because everybody also looks by itself now and then.

use std::{collections::HashMap, sync::Arc, time::Duration};

use sqlx::postgres::PgListener;
use tokio::sync::{Mutex, Notify, watch};

use super::{Connection, PullMemo, Store, StoreError};
use crate::domain::TaskId;

const EVENTS: &str = "hub_task_events";
const WORK: &str = "hub_work";
const CANCEL: &str = "hub_cancel";
const PULLS: &str = "hub_pulls";
/// On [`PULLS`]: more has changed than was worth telling one by one.
const EVERYTHING: &str = "*";

/// Tells followers, when the transaction commits, that the task has new events.
pub async fn task_events(connection: &mut Connection, task: TaskId) -> Result<(), StoreError> {
    sqlx::query!("SELECT pg_notify($1, $2)", EVENTS, task.to_string()).execute(connection).await?;
    Ok(())
}

/// Tells workers, when the transaction commits, that there is something to take or to stop.
pub async fn work(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query!("SELECT pg_notify($1, '')", WORK).execute(connection).await?;
    Ok(())
}

/// Tells the worker that holds the task, when the transaction commits, that somebody wants it stopped.
pub async fn cancel(connection: &mut Connection, task: TaskId) -> Result<(), StoreError> {
    sqlx::query!("SELECT pg_notify($1, $2)", CANCEL, task.to_string()).execute(connection).await?;
    Ok(())
}

/// The notifications of this process.
#[derive(Debug, Clone, Default)]
pub struct Notifications(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    listeners: Mutex<HashMap<(Topic, TaskId), watch::Sender<()>>>,
    work: Notify,
}

/// What one may want to hear of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Topic {
    Events,
    Cancel,
}

impl Notifications {
    /// Interest in one task's events. Take it before reading events, so that none falls between; `changed` then wakes
    /// after every batch.
    pub async fn follow(&self, task: TaskId) -> watch::Receiver<()> {
        self.listen_to(Topic::Events, task).await
    }

    /// Interest in wishes to cancel a task that this process holds.
    pub async fn cancelled(&self, task: TaskId) -> watch::Receiver<()> {
        self.listen_to(Topic::Cancel, task).await
    }

    async fn listen_to(&self, topic: Topic, task: TaskId) -> watch::Receiver<()> {
        let mut listeners = self.0.listeners.lock().await;
        listeners.retain(|_, sender| sender.receiver_count() > 0);
        listeners.entry((topic, task)).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    /// Resolves when there may be something for a worker. A notification between two calls is kept for the next.
    pub async fn work(&self) {
        self.0.work.notified().await;
    }

    /// Wakes a worker of this process.
    pub fn wake_worker(&self) {
        self.0.work.notify_one();
    }

    /// Receives notifications until the future is dropped, reconnecting as often as needed. After each (re)connection
    /// everybody is woken, since what happened in between was not heard.
    pub async fn listen(self, store: Store) {
        let listening = Listening(store.pull_memo().clone());
        loop {
            if let Err(error) = self.listen_once(&store).await {
                listening.0.set_listening(false);
                tracing::warn!(%error, "lost the notifications of the database; connecting again");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn listen_once(&self, store: &Store) -> Result<(), StoreError> {
        let mut listener = PgListener::connect_with(store.pool()).await?;
        listener.listen_all([EVENTS, WORK, CANCEL, PULLS]).await?;
        let pulls = store.pull_memo();
        loop {
            // Forgets what was remembered while nothing was heard.
            pulls.set_listening(true);
            self.wake_all().await;
            // `try_recv` says when the connection was lost and made again.
            while let Some(notification) = listener.try_recv().await? {
                match (notification.channel(), notification.payload()) {
                    (WORK, _) => self.wake_worker(),
                    (PULLS, EVERYTHING) => pulls.forget_all(),
                    (PULLS, name) => pulls.forget(name),
                    (channel, task) => {
                        let topic = if channel == CANCEL { Topic::Cancel } else { Topic::Events };
                        if let Ok(task) = task.parse() {
                            self.wake(topic, task).await;
                        }
                    }
                }
            }
            pulls.set_listening(false);
        }
    }

    async fn wake(&self, topic: Topic, task: TaskId) {
        if let Some(sender) = self.0.listeners.lock().await.get(&(topic, task)) {
            sender.send_replace(());
        }
    }

    async fn wake_all(&self) {
        for sender in self.0.listeners.lock().await.values() {
            sender.send_replace(());
        }
        self.wake_worker();
    }
}

/// Nothing is remembered once the one who listens is gone.
struct Listening(PullMemo);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.set_listening(false);
    }
}
