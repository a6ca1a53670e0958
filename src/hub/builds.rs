//! Who may stop a build, start it again, or pause them all, and what do they learn of the queue?

use serde_json::json;

use super::{Hub, access::Refused};
use crate::{
    auth::{
        Caller,
        audit::Deed,
        policy::{Action, Granted, authorize_administration},
    },
    builds::queue::{self, NoRetry},
    domain::{
        Secret, TaskId,
        audit::{AuditAction, AuditSubject},
        task::Task,
        waiting::Waiting,
    },
    error::{Error, ErrorKind},
    store::{self, queue_pause::Pause, tasks::CancelWish, workers::Listed},
};

/// Tasks that an overview lists.
const LISTED_TASKS: i64 = 200;

/// What operators see of the queue.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Why nothing is begun, if so.
    pub pause: Option<Pause>,
    /// Workers that gave a sign of life within a day.
    pub workers: Vec<Listed>,
    /// Tasks that run, then those that wait, in the order in which they will be taken; at most 200.
    pub tasks: Vec<Task>,
}

impl Hub {
    /// Stops a build: for whoever may push to its Executor, and admins. One that waits is over at once; one that runs ends as
    /// soon as its worker hears of it. One that is over stays as it ended, which is no error. Returns the task as it is then.
    pub async fn cancel_build(
        &self,
        caller: &Caller,
        task: TaskId,
        secret: Option<&Secret>,
    ) -> Result<Task, Error> {
        let (task, granted) = self.steerable(caller, task, secret).await?;
        let now = self.0.clock.now();
        let mut transaction = self.0.store.begin().await?;
        let wish = queue::cancel(&mut transaction, task.id, &task.executor, now).await?;
        let after = store::tasks::find(&mut transaction, task.id).await?;
        let is_changed = matches!(wish, Some(CancelWish::Waits | CancelWish::Runs));
        if is_changed {
            let deed = Deed::with(AuditAction::BuildCancelled, &granted);
            deed.saying(json!({"task": task.id})).record(&mut transaction, caller, now).await?;
        }
        transaction.commit().await?;
        if is_changed {
            tracing::info!(task.id = %task.id, by = caller_name(caller), outcome = ?wish, "build cancelled");
        }
        after.ok_or_else(Error::task_not_found)
    }

    /// Builds the commit of a task that failed or was cancelled again, as a new task with a new budget of tries: for whoever
    /// may push to its Executor, and admins. Where its commit is being built already, that task is returned.
    pub async fn retry_build(
        &self,
        caller: &Caller,
        task: TaskId,
        secret: Option<&Secret>,
    ) -> Result<Task, Error> {
        let (task, granted) = self.steerable(caller, task, secret).await?;
        if self.0.rules.build_mode == crate::config::BuildMode::Off {
            return Err(refused("builds_off", "This Hub builds no images.", ""));
        }
        let now = self.0.clock.now();
        let mut transaction = self.0.store.begin().await?;
        let id = match queue::retry(&mut transaction, &task, now).await? {
            Ok(id) => {
                let deed = Deed::with(AuditAction::BuildRetried, &granted);
                let said = json!({"task": id, "retry_of": task.id});
                deed.saying(said).record(&mut transaction, caller, now).await?;
                id
            }
            Err(NoRetry::Unfinished(id)) => id,
            Err(NoRetry::Succeeded) => {
                return Err(refused(
                    "build_succeeded",
                    "This build succeeded; there is nothing to try again.",
                    "",
                ));
            }
            Err(NoRetry::NeedsBuildEnv) => {
                return Err(refused(
                    "build_env_gone",
                    "This build had build variables, whose values are wiped when a build ends.",
                    "Push again with `--build-env`.",
                ));
            }
            Err(NoRetry::Gone) => {
                return Err(refused(
                    "executor_gone",
                    "The Executor of this build gave its name back when its first push failed.",
                    "Push again.",
                ));
            }
        };
        let new = store::tasks::find(&mut transaction, id).await?;
        transaction.commit().await?;
        tracing::info!(task.id = %id, retry_of = %task.id, by = caller_name(caller), "build tried again");
        new.ok_or_else(Error::task_not_found)
    }

    /// How long a task must wait and why; `None` when it does not wait. The caller was let in by [`Hub::watch`].
    pub async fn waiting(&self, task: TaskId) -> Result<Option<Waiting>, Error> {
        let mut connection = self.0.store.read().await?;
        Ok(queue::waiting(&mut connection, task, self.0.clock.now()).await?)
    }

    /// Lets workers begin nothing until somebody resumes; what runs goes on. For admins.
    pub async fn pause_builds(&self, caller: &Caller, reason: &str) -> Result<(), Error> {
        let right = authorize_administration(caller)?;
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > 500 || reason.chars().any(char::is_control) {
            return Err(Error::invalid(
                "pause_reason",
                "A pause needs a reason of 1 to 500 characters in one line.",
                "Say why builds wait: everybody who waits will read it.",
            ));
        }
        let now = self.0.clock.now();
        let mut transaction = self.0.store.begin().await?;
        let pause = Pause { reason: reason.to_owned(), since: now, until: None };
        store::queue_pause::set_by_operator(&mut transaction, &pause).await?;
        let deed = Deed::to(AuditAction::BuildsPaused, &the_queue(), right);
        deed.saying(json!({"reason": reason})).record(&mut transaction, caller, now).await?;
        transaction.commit().await?;
        tracing::warn!(reason, by = caller_name(caller), "builds paused");
        Ok(())
    }

    /// Ends every pause, those of workers whose engine failed included. For admins.
    pub async fn resume_builds(&self, caller: &Caller) -> Result<(), Error> {
        let right = authorize_administration(caller)?;
        let mut transaction = self.0.store.begin().await?;
        store::queue_pause::clear(&mut transaction).await?;
        store::workers::resume_all(&mut transaction).await?;
        store::notify::work(&mut transaction).await?;
        let deed = Deed::to(AuditAction::BuildsResumed, &the_queue(), right);
        deed.record(&mut transaction, caller, self.0.clock.now()).await?;
        transaction.commit().await?;
        tracing::warn!(by = caller_name(caller), "builds resumed");
        Ok(())
    }

    /// Workers, pauses and the line. For admins: it shows every Executor's builds.
    pub async fn builds_overview(&self, caller: &Caller) -> Result<Overview, Error> {
        authorize_administration(caller)?;
        let now = self.0.clock.now();
        let mut connection = self.0.store.read().await?;
        Ok(Overview {
            pause: store::queue_pause::current(&mut connection, now).await?,
            workers: store::workers::list(&mut connection, now - chrono::TimeDelta::days(1)).await?,
            tasks: store::tasks::list_unfinished(&mut connection, LISTED_TASKS).await?,
        })
    }

    /// The task, for those who may stop it or start it again. To those who may not even see it, it does not exist.
    async fn steerable(
        &self,
        caller: &Caller,
        id: TaskId,
        secret: Option<&Secret>,
    ) -> Result<(Task, Granted), Error> {
        let watched = self.watch(caller, id, secret).await?;
        let item = watched.executor.id.to_string();
        let found = Some(watched.executor);
        match self.authorize(caller, &item, secret, found, Action::SteerBuilds).await {
            Ok(granted) => Ok((watched.task, granted)),
            Err(Refused::Hidden | Refused::Forbidden) => Err(Error::new(
                ErrorKind::Forbidden,
                "build_not_yours",
                "Only those who may push to this Executor may stop its builds or start them again.",
                "Sign in as its owner, or give its secret.",
            )),
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}

fn refused(code: &'static str, cause: &str, remedy: &str) -> Error {
    Error::new(ErrorKind::PolicyDenied, code, cause, remedy)
}

fn caller_name(caller: &Caller) -> &str {
    caller.user().map_or("somebody without an account", |user| user.login.as_str())
}

fn the_queue() -> AuditSubject {
    AuditSubject { kind: "builds", id: "queue".into(), title: "the queue of builds".into() }
}
