//! Who may follow a build, and what do they learn of its Executor at the end?

use futures_util::Stream;

use super::{Hub, access::Refused};
use crate::{
    auth::{Caller, policy::Action},
    builds::progress::{Followed, FollowedBatch},
    domain::{ExecutorRef, Secret, Tag, TaskId, executor::Executor, task::Task},
    error::Error,
    store,
};

/// A task that the caller may follow.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The task as it was when it was looked up.
    pub task: Task,
    /// Its Executor.
    pub executor: Executor,
    /// Tags that its commit was pushed with.
    pub tags: Vec<Tag>,
}

impl Hub {
    /// The task with this id, for those who may see the builds of its Executor. Whoever knows the id of a task of an
    /// Executor without an owner may follow it: the old clients that push anonymously have nothing else to show, and an
    /// id is 74 random bits.
    pub async fn watch(
        &self,
        caller: &Caller,
        task: TaskId,
        secret: Option<&Secret>,
    ) -> Result<Watched, Error> {
        let mut connection = self.0.store.read().await?;
        let task = store::tasks::find(&mut connection, task).await?.ok_or_else(Error::task_not_found)?;
        let executor = store::executors::find_by_id(&mut connection, &task.executor).await?;
        let requested = store::commits::requested(&mut connection, task.commit).await?;
        drop(connection);
        let is_ownerless = executor.as_ref().is_some_and(|executor| executor.owner.is_none());
        let executor = if is_ownerless {
            executor.ok_or_else(Error::task_not_found)?
        } else {
            match self.authorize(caller, secret, executor, Action::ReadTasks).await {
                Ok(granted) => granted.into_executor(),
                Err(Refused::Hidden | Refused::Forbidden) => return Err(Error::task_not_found()),
                Err(Refused::Failed(error)) => return Err(error),
            }
        };
        let tags =
            requested.map(|r| r.tags.into_iter().chain(r.protected_tags).collect()).unwrap_or_default();
        Ok(Watched { task, executor, tags })
    }

    /// The events of a task that the caller may follow, after number `after`, to its end.
    pub fn follow(&self, task: TaskId, after: i64) -> impl Stream<Item = Followed> + Send + 'static + use<> {
        self.0.progress.clone().follow(task, after)
    }

    /// The same in batches that all followers of this process share, for surfaces with many of them.
    pub fn follow_batches(
        &self,
        task: TaskId,
        after: i64,
    ) -> impl Stream<Item = FollowedBatch> + Send + 'static + use<> {
        self.0.progress.clone().follow_batches(task, after)
    }

    /// The newest tasks of an Executor of the caller's, newest first.
    pub async fn tasks_of(
        &self,
        caller: &Caller,
        reference: &ExecutorRef,
        limit: i64,
    ) -> Result<Vec<Task>, Error> {
        let found = {
            let mut connection = self.0.store.read().await?;
            store::executors::find(&mut connection, reference, caller.user_id()).await?
        };
        match self.authorize(caller, None, found, Action::ReadTasks).await {
            Ok(granted) => {
                let mut connection = self.0.store.read().await?;
                let id = &granted.executor().id;
                Ok(store::tasks::list_of_executor(&mut connection, id, limit.clamp(1, 100)).await?)
            }
            Err(Refused::Hidden | Refused::Forbidden) => Err(Error::executor_not_found(reference, None)),
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}
