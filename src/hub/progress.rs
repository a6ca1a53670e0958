//! Who may follow a build, and what do they learn of its Executor at the end?

use std::sync::Arc;

use futures_util::Stream;
use serde_json::{Value, json};

use super::{Hub, access::Refused, following::Pass};
use crate::{
    auth::{Caller, audit::Deed, policy::Action},
    builds::progress::Followed,
    domain::{
        ExecutorId, ExecutorRef, Secret, Tag, TaskId, Visibility,
        audit::{AuditAction, Right},
        executor::Executor,
        task::Task,
    },
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
    pub(super) pass: Arc<Pass>,
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
        let (task, executor, right) = self.let_in(caller, task, secret).await?;
        let mut connection = self.0.store.read().await?;
        let requested = store::commits::requested(&mut connection, task.commit).await?;
        let requested = requested.ok_or_else(Error::task_not_found)?;
        // A later push of the same bytes may have given the commit other tags than those of its own push.
        let there = store::tags::names_at(&mut connection, &task.executor, task.commit).await?;
        drop(connection);
        self.note_build_read(caller, &executor, right, json!({"task": task.id})).await?;
        let mut tags: Vec<Tag> = requested.tags.into_iter().chain(requested.protected_tags).collect();
        for name in there.iter().filter_map(|name| name.parse().ok()) {
            if !tags.contains(&name) {
                tags.push(name);
            }
        }
        let pass = Arc::new(Pass { caller: caller.clone(), task: task.id, secret: secret.cloned() });
        Ok(Watched { task, executor, tags, pass })
    }

    /// The task, its Executor, and by what right the caller may follow it.
    pub(super) async fn let_in(
        &self,
        caller: &Caller,
        task: TaskId,
        secret: Option<&Secret>,
    ) -> Result<(Task, Executor, Right), Error> {
        let item = format!("task {task}");
        let (task, executor) = {
            let mut connection = self.0.store.read().await?;
            let task = store::tasks::find(&mut connection, task).await?;
            // Of a task that never was, an Executor is looked for that never was: the same work.
            let of = task.as_ref().map_or_else(ExecutorId::mint, |task| task.executor.clone());
            (task, store::executors::find_by_id(&mut connection, &of).await?)
        };
        if let (Some(task), Some(ownerless)) =
            (&task, executor.as_ref().filter(|executor| executor.owner.is_none()))
        {
            return Ok((task.clone(), ownerless.clone(), Right::Everybody));
        }
        match self.authorize(caller, &item, secret, executor, Action::ReadTasks).await {
            Ok(granted) => {
                let right = granted.right();
                Ok((task.ok_or_else(Error::task_not_found)?, granted.into_executor(), right))
            }
            Err(Refused::Hidden | Refused::Forbidden) => Err(Error::task_not_found()),
            Err(Refused::Failed(error)) => Err(error),
        }
    }

    /// Writes down that somebody looks at the builds of a private Executor.
    pub(super) async fn note_build_read(
        &self,
        caller: &Caller,
        executor: &Executor,
        right: Right,
        said: Value,
    ) -> Result<(), Error> {
        if executor.visibility == Visibility::Public {
            return Ok(());
        }
        let mut connection = self.0.store.read().await?;
        let deed = Deed::to(AuditAction::BuildRead, executor, right).saying(said);
        Ok(deed.record(&mut connection, caller, self.0.clock.now()).await?)
    }

    /// The events of a task after number `after`, to its end, for whoever pushes just now; those who were let in by
    /// [`Hub::watch`] have [`Hub::follow_watched`].
    pub fn follow(&self, task: TaskId, after: i64) -> impl Stream<Item = Followed> + Send + 'static + use<> {
        self.0.progress.clone().follow(task, after)
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
        match self.authorize(caller, &reference.to_string(), None, found, Action::ReadTasks).await {
            Ok(granted) => {
                self.note_build_read(caller, granted.executor(), granted.right(), json!({})).await?;
                let mut connection = self.0.store.read().await?;
                let id = &granted.executor().id;
                let limit = limit.clamp(1, 100);
                Ok(store::executor_parts::tasks(&mut connection, id, None, limit).await?)
            }
            Err(Refused::Hidden | Refused::Forbidden) => Err(Error::executor_not_found(reference, None)),
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}
