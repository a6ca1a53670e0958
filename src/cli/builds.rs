//! `executor-hub builds`: the queue, from the command line of the machine that the Hub runs on.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;

use super::{database::Database, failure::Failure};
use crate::{
    builds::queue::{self, NoRetry},
    config::{Environment, Settings},
    domain::{
        Clock, SystemClock, TaskId,
        task::{Task, TaskState},
    },
    error::Error,
    store::{self, Store, queue_pause::Pause, tasks::CancelWish, workers::Listed},
};

#[derive(Debug, Subcommand)]
pub(super) enum Builds {
    /// Show pauses, workers, and the builds that run or wait
    Status,
    /// Begin no more builds; what runs goes on
    Pause {
        /// Why; everybody who waits reads it
        reason: String,
    },
    /// Go on, also with workers whose engine failed
    Resume,
    /// Stop a build that waits or runs
    Cancel {
        /// Its task id
        task: TaskId,
    },
    /// Build again what failed or was cancelled
    Retry {
        /// Its task id
        task: TaskId,
    },
}

impl Builds {
    pub(super) async fn run(self, settings: &Settings, environment: &Environment) -> Result<(), Failure> {
        let database = Database::beside(settings, environment).await?;
        let done = self.act(&database.store, SystemClock.now()).await;
        database.close().await;
        for line in done? {
            println!("{line}");
        }
        Ok(())
    }

    async fn act(self, store: &Store, now: DateTime<Utc>) -> Result<Vec<String>, Error> {
        let mut transaction = store.begin().await?;
        let lines = match self {
            Self::Status => {
                let pause = store::queue_pause::current(&mut transaction, now).await?;
                let workers = store::workers::list(&mut transaction, now - TimeDelta::days(1)).await?;
                let tasks = store::tasks::list_unfinished(&mut transaction, 200).await?;
                let pause = pause.iter().map(told_pause);
                let workers = workers.iter().map(|worker| told_worker(worker, now));
                pause.chain(workers).chain(tasks.iter().map(|task| told_task(task, now))).collect()
            }
            Self::Pause { reason } => {
                let pause = Pause { reason, since: now, until: None };
                store::queue_pause::set_by_operator(&mut transaction, &pause).await?;
                vec!["No build begins until `executor-hub builds resume`.".to_owned()]
            }
            Self::Resume => {
                store::queue_pause::clear(&mut transaction).await?;
                store::workers::resume_all(&mut transaction).await?;
                store::notify::work(&mut transaction).await?;
                vec!["Builds go on.".to_owned()]
            }
            Self::Cancel { task } => {
                let found = find(&mut transaction, task).await?;
                let wish = queue::cancel(&mut transaction, task, &found.executor, now).await?;
                vec![match wish {
                    Some(CancelWish::Waits) => "It is cancelled.".to_owned(),
                    Some(CancelWish::Runs) => "Its worker is told to stop it.".to_owned(),
                    Some(CancelWish::Over) => format!("It is over: {}.", found.state.as_str()),
                    None => return Err(Error::task_not_found()),
                }]
            }
            Self::Retry { task } => {
                let found = find(&mut transaction, task).await?;
                vec![match queue::retry(&mut transaction, &found, now).await? {
                    Ok(new) => format!("It is built again as {new}."),
                    Err(NoRetry::Unfinished(other)) => {
                        format!("Its commit is being built already, as {other}.")
                    }
                    Err(NoRetry::Succeeded) => "It succeeded; there is nothing to try again.".to_owned(),
                    Err(NoRetry::NeedsBuildEnv) => {
                        "Its build variables were wiped when it ended: its author must push again.".to_owned()
                    }
                    Err(NoRetry::Gone) => "Its Executor is gone: its author must push again.".to_owned(),
                }]
            }
        };
        transaction.commit().await?;
        Ok(lines)
    }
}

async fn find(connection: &mut store::Connection, task: TaskId) -> Result<Task, Error> {
    store::tasks::find(connection, task).await?.ok_or_else(Error::task_not_found)
}

fn told_pause(pause: &Pause) -> String {
    let until = pause.until.map_or("somebody resumes".to_owned(), |until| until.to_rfc3339());
    format!("paused until {until}: {}", pause.reason)
}

fn told_worker(worker: &Listed, now: DateTime<Utc>) -> String {
    let condition = match (&worker.engine_fault, &worker.pause_reason) {
        _ if worker.is_draining => "stopping".to_owned(),
        (Some(fault), _) => fault.clone(),
        (None, Some(reason)) if worker.paused_until.is_some_and(|until| until > now) => reason.clone(),
        _ => "ready".to_owned(),
    };
    let silent = (now - worker.seen_at).num_seconds();
    format!(
        "worker {}: {}/{} builds, seen {silent} s ago, {condition}",
        worker.name, worker.running, worker.slots
    )
}

fn told_task(task: &Task, now: DateTime<Utc>) -> String {
    let since = match task.state {
        TaskState::Pending => task.created_at,
        _ => task.started_at.unwrap_or(task.created_at),
    };
    let seconds = (now - since).num_seconds();
    format!("{} {} {} for {seconds} s, attempt {}", task.id, task.executor, task.state.as_str(), task.attempt)
}
