//! What is there to see of one Executor, for whoever may see it?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Hub, subject::Subject};
use crate::{
    auth::{Caller, audit::Deed, policy::Action},
    domain::{
        CommitId, ExecutorId, ExecutorRef, Secret, TaskId, Visibility,
        audit::AuditAction,
        executor::Executor,
        package::Package,
        page::{Page, PageSize},
        task::{NumberedEvent, Task},
    },
    error::{Error, ErrorKind},
    store::{self, executor_parts::Older},
};

pub use crate::store::executor_parts::{CommitRow, ImageRow, TagRow};

/// One Executor with everything that its page shows.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The Executor.
    pub executor: Executor,
    /// Pulls of the last seven days.
    pub pulled: i32,
    /// Its tags by name, at most [`FIRST_TAGS`].
    pub tags: Vec<TagRow>,
    /// Its newest commit that may be pulled, and what inspection found in it.
    pub newest: Option<(CommitRow, Package)>,
}

/// Tags that come with an Executor; more are in their own list.
pub const FIRST_TAGS: i64 = 100;

impl Hub {
    /// One Executor, for those who may read it.
    pub async fn show(
        &self,
        caller: &Caller,
        reference: &ExecutorRef,
        secret: Option<&Secret>,
    ) -> Result<Detail, Error> {
        let subject = Subject { reference: reference.clone(), secret: secret.cloned() };
        let granted = self.grant_look(caller, &subject).await?;
        let executor = granted.executor().clone();
        let mut connection = self.0.store.read().await?;
        let tags = store::executor_parts::tags(&mut connection, &executor.id, "", FIRST_TAGS).await?;
        let pulled = store::executor_parts::pulled(&mut connection, &executor.id).await?;
        let commits = store::executor_parts::commits(&mut connection, &executor.id, None, None, 1).await?;
        let commits = self.with_image_names(&granted, commits);
        let newest = match commits.into_iter().next() {
            Some(commit) => {
                let package =
                    store::executor_parts::package(&mut connection, &executor.id, commit.id).await?;
                package.map(|package| (commit, package))
            }
            None => None,
        };
        Ok(Detail { executor, pulled, tags, newest })
    }

    /// The ids of Executors that the caller may read.
    pub async fn ids_of(
        &self,
        caller: &Caller,
        references: &[ExecutorRef],
    ) -> Result<Vec<ExecutorId>, Error> {
        let mut ids = Vec::with_capacity(references.len());
        for reference in references {
            ids.push(self.grant(caller, &reference.clone().into(), Action::Read).await?.into_executor().id);
        }
        Ok(ids)
    }

    /// Commits that may be pulled, newest first.
    pub async fn commits(
        &self,
        caller: &Caller,
        subject: impl Into<Subject>,
        cursor: Option<&str>,
        size: PageSize,
    ) -> Result<Page<CommitRow>, Error> {
        let after = older(cursor)?.map(|(created_at, id)| Older { created_at, id: CommitId(id) });
        let granted = self.grant_look(caller, &subject.into()).await?;
        let executor = granted.executor();
        let mut connection = self.0.store.read().await?;
        let limit = size.and_one_more();
        let rows = store::executor_parts::commits(&mut connection, &executor.id, None, after, limit).await?;
        let rows = self.with_image_names(&granted, rows);
        Ok(Page::cut(rows, size, |last| write_older(last.created_at, last.id.0)))
    }

    /// One commit that may be pulled, and what inspection found in it.
    pub async fn commit(
        &self,
        caller: &Caller,
        subject: impl Into<Subject>,
        id: CommitId,
    ) -> Result<(CommitRow, Package), Error> {
        let granted = self.grant_look(caller, &subject.into()).await?;
        let executor = granted.executor();
        let mut connection = self.0.store.read().await?;
        let rows = store::executor_parts::commits(&mut connection, &executor.id, Some(id), None, 1).await?;
        let rows = self.with_image_names(&granted, rows);
        let package = store::executor_parts::package(&mut connection, &executor.id, id).await?;
        rows.into_iter().next().zip(package).ok_or_else(|| {
            let remedy = "Look at the list of commits.";
            Error::new(ErrorKind::NotFound, "commit_not_found", "This Executor has no such commit.", remedy)
        })
    }

    /// Tags by name.
    pub async fn tag_page(
        &self,
        caller: &Caller,
        subject: impl Into<Subject>,
        cursor: Option<&str>,
        size: PageSize,
    ) -> Result<Page<TagRow>, Error> {
        let after = cursor.map(read_text).transpose()?.unwrap_or_default();
        let executor = self.grant_look(caller, &subject.into()).await?.into_executor();
        let mut connection = self.0.store.read().await?;
        let rows =
            store::executor_parts::tags(&mut connection, &executor.id, &after, size.and_one_more()).await?;
        Ok(Page::cut(rows, size, |last| URL_SAFE_NO_PAD.encode(&last.name)))
    }

    /// Tasks of an Executor, newest first, for those who may follow its builds.
    pub async fn tasks(
        &self,
        caller: &Caller,
        subject: impl Into<Subject>,
        cursor: Option<&str>,
        size: PageSize,
    ) -> Result<Page<Task>, Error> {
        let after = older(cursor)?.map(|(created_at, id)| Older { created_at, id: TaskId(id) });
        let granted = self.grant(caller, &subject.into(), Action::ReadTasks).await?;
        self.note_build_read(caller, granted.executor(), granted.right(), json!({})).await?;
        let executor = granted.executor();
        let mut connection = self.0.store.read().await?;
        let rows =
            store::executor_parts::tasks(&mut connection, &executor.id, after, size.and_one_more()).await?;
        Ok(Page::cut(rows, size, |last| write_older(last.created_at, last.id.0)))
    }

    /// The events of a task that the caller may follow that are there now, after number `after`, at most 500.
    pub async fn events(&self, task: TaskId, after: i64) -> Result<Vec<NumberedEvent>, Error> {
        self.0.progress.read(task, after).await
    }

    /// Lets others see an Executor or not.
    pub async fn set_visibility(
        &self,
        caller: &Caller,
        reference: &ExecutorRef,
        visibility: Visibility,
    ) -> Result<(), Error> {
        let subject = Subject::from(reference.clone());
        let (granted, mut transaction) = self.grant_change(caller, &subject, Action::Manage).await?;
        let now = self.0.clock.now();
        store::executors::set_visibility(&mut transaction, &granted.executor().id, visibility, now).await?;
        let deed = Deed::with(AuditAction::VisibilityChanged, &granted)
            .saying(json!({"visibility": visibility.as_str()}));
        deed.record(&mut transaction, caller, now).await?;
        transaction.commit().await?;
        Ok(())
    }
}

fn write_older(created_at: DateTime<Utc>, id: uuid::Uuid) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {}", created_at.timestamp_micros(), id.simple()))
}

fn older(cursor: Option<&str>) -> Result<Option<(DateTime<Utc>, uuid::Uuid)>, Error> {
    let Some(cursor) = cursor else { return Ok(None) };
    let text = read_text(cursor)?;
    let read = || {
        let (micros, id) = text.split_once(' ')?;
        let micros =
            micros.parse().ok().filter(|micros: &i64| (0..=253_402_300_799_000_000).contains(micros))?;
        Some((DateTime::from_timestamp_micros(micros)?, id.parse().ok()?))
    };
    read().map(Some).ok_or_else(bad_cursor)
}

fn read_text(cursor: &str) -> Result<String, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.filter(|text| !text.is_empty() && !text.contains('\0')).ok_or_else(bad_cursor)
}

fn bad_cursor() -> Error {
    Error::invalid("cursor", "The cursor was not made by this list.", "Start again from the first page.")
}
