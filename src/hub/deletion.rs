//! How does something go? At once for everybody, for good only when its undo window is over; what a protected tag holds
//! goes with its Executor only.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Hub, access::Refused, subject::Subject, tags};
use crate::{
    auth::{Caller, audit::Deed, policy::Action},
    builds::queue,
    domain::{
        CommitId, ExecutorId, ExecutorRef, Tag,
        audit::{AuditAction, Right},
        executor::Executor,
    },
    error::Error,
    store::{self, Transaction},
};

pub use crate::store::{
    deleted_parts::{DeletedCommit, DeletedTag},
    deletions::Deleted,
};

/// What can be brought back of an Executor that is there; of each kind the last thousand.
#[derive(Debug, Clone)]
pub struct DeletedParts {
    /// Its commits, the last deleted first.
    pub commits: Vec<DeletedCommit>,
    /// Its tags, the last deleted first, each with the time until which it can be brought back.
    pub tags: Vec<(DateTime<Utc>, DeletedTag)>,
}

/// How many deleted Executors, commits or tags are shown.
const MOST_SHOWN: i64 = 1000;

/// What one round of purging took away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Executors.
    pub executors: u64,
    /// Commits of Executors that stay.
    pub commits: u64,
}

impl Hub {
    /// Deletes an Executor: from now on it is as if it had never been, on every surface. Its builds are cancelled, its name
    /// is kept, and its owner can bring it back until `purge_at`. An address for a download that was given out before
    /// works until it expires.
    pub async fn delete_executor(&self, caller: &Caller, subject: &Subject) -> Result<Deleted, Error> {
        let granted = self.grant(caller, subject, Action::Delete).await?;
        let (by, right) = (Some(caller), granted.right());
        self.delete(granted.into_executor(), by, right, &subject.reference).await
    }

    /// The same for whoever runs commands on the Hub's machine.
    pub async fn delete_executor_as_operator(&self, reference: &ExecutorRef) -> Result<Deleted, Error> {
        let found = {
            let mut connection = self.0.store.read().await?;
            store::executors::find(&mut connection, reference, None).await?
        };
        let executor = found.ok_or_else(|| Error::executor_not_found(reference, None))?;
        self.delete(executor, None, Right::Operator, reference).await
    }

    async fn delete(
        &self,
        executor: Executor,
        by: Option<&Caller>,
        right: Right,
        reference: &ExecutorRef,
    ) -> Result<Deleted, Error> {
        let Some(mut transaction) = self.hold_with_builds(&executor.id).await? else {
            return Err(Error::executor_not_found(reference, None));
        };
        let now = self.0.clock.now();
        let purge_at = now + self.0.rules.undo_window;
        queue::cancel_all(&mut transaction, &executor.id, now).await?;
        let by_id = by.and_then(Caller::user_id);
        store::deletions::delete(&mut transaction, &executor.id, by_id, now, purge_at).await?;
        let deed = Deed::to(AuditAction::ExecutorDeleted, &executor, right);
        deed.saying(json!({"purge_at": purge_at})).record_of(&mut transaction, by, now).await?;
        transaction.commit().await?;
        tracing::info!(executor = %executor.id, outcome = "deleted", "executor");
        Ok(Deleted { executor, deleted_at: now, purge_at })
    }

    /// A transaction that holds the Executor and whatever builds it, in the order of everybody who ends a build: the tasks
    /// first. `None` when the Executor is gone.
    async fn hold_with_builds(&self, executor: &ExecutorId) -> Result<Option<Transaction>, Error> {
        loop {
            let mut transaction = self.0.store.begin().await?;
            let held = store::tasks::lock_unfinished_of_executor(&mut transaction, executor).await?;
            if !store::executors::lock(&mut transaction, executor).await? {
                return Ok(None);
            }
            let all = store::tasks::unfinished_of_executor(&mut transaction, executor).await?;
            if all.iter().all(|task| held.contains(task)) {
                return Ok(Some(transaction));
            }
            // A push came between the two: its build is held first, too, the next time. Each turn is another push.
        }
    }

    /// Brings a deleted Executor back as it was, tags, secret and people included. A bare name means the caller's own, or
    /// one without an owner.
    pub async fn undelete_executor(&self, caller: &Caller, subject: &Subject) -> Result<Executor, Error> {
        let now = self.0.clock.now();
        let found = {
            let mut connection = self.0.store.read().await?;
            store::deletions::find(&mut connection, &subject.reference, caller.user_id(), now).await?
        };
        let found = found.map(|deleted| deleted.executor);
        let (item, secret) = (subject.reference.to_string(), subject.secret.as_ref());
        let granted = match self.authorize(caller, &item, secret, found, Action::Delete).await {
            Ok(granted) => granted,
            // To everybody else what is deleted is gone, public or not.
            Err(Refused::Hidden | Refused::Forbidden) => {
                return Err(nothing_to_bring_back(&subject.reference));
            }
            Err(Refused::Failed(error)) => return Err(error),
        };
        let (by, right) = (Some(caller), granted.right());
        self.undelete(granted.into_executor(), by, right, &subject.reference).await
    }

    /// The same for whoever runs commands on the Hub's machine.
    pub async fn undelete_executor_as_operator(&self, reference: &ExecutorRef) -> Result<Executor, Error> {
        let now = self.0.clock.now();
        let found = {
            let mut connection = self.0.store.read().await?;
            store::deletions::find(&mut connection, reference, None, now).await?
        };
        let found = found.ok_or_else(|| nothing_to_bring_back(reference))?;
        self.undelete(found.executor, None, Right::Operator, reference).await
    }

    async fn undelete(
        &self,
        executor: Executor,
        by: Option<&Caller>,
        right: Right,
        reference: &ExecutorRef,
    ) -> Result<Executor, Error> {
        let now = self.0.clock.now();
        let mut transaction = self.0.store.begin().await?;
        if !store::deletions::undelete(&mut transaction, &executor.id, now).await? {
            return Err(nothing_to_bring_back(reference));
        }
        let deed = Deed::to(AuditAction::ExecutorUndeleted, &executor, right);
        deed.record_of(&mut transaction, by, now).await?;
        transaction.commit().await?;
        tracing::info!(executor = %executor.id, outcome = "undeleted", "executor");
        Ok(executor)
    }

    /// The caller's deleted Executors that can be brought back, the last deleted first.
    pub async fn deleted_executors(&self, caller: &Caller) -> Result<Vec<Deleted>, Error> {
        let owner = caller.require_user()?.id;
        let mut connection = self.0.store.read().await?;
        Ok(store::deletions::list(&mut connection, owner, self.0.clock.now(), MOST_SHOWN).await?)
    }

    /// What was deleted of an Executor and can be brought back, for those who may change its tags.
    pub async fn deleted_parts(&self, caller: &Caller, subject: &Subject) -> Result<DeletedParts, Error> {
        let granted = self.grant(caller, subject, Action::ChangeTags).await?;
        let (executor, now) = (&granted.executor().id, self.0.clock.now());
        let undo_window = self.0.rules.undo_window;
        let mut connection = self.0.store.read().await?;
        let commits = store::deleted_parts::commits(&mut connection, executor, now, MOST_SHOWN).await?;
        let since = now - undo_window;
        let tags = store::deleted_parts::tags(&mut connection, executor, since, MOST_SHOWN).await?;
        let tags = tags.into_iter().map(|tag| (tag.deleted_at + undo_window, tag)).collect();
        Ok(DeletedParts { commits, tags })
    }

    /// Deletes one commit, and the tags that point at it; not one that a protected tag holds.
    pub async fn delete_commit(
        &self,
        caller: &Caller,
        subject: &Subject,
        commit: CommitId,
    ) -> Result<(), Error> {
        let (granted, mut transaction) = self.grant_change(caller, subject, Action::Delete).await?;
        let executor = &granted.executor().id;
        let (now, by) = (self.0.clock.now(), caller.user_id());
        let names = store::tags::names_at(&mut transaction, executor, commit).await?;
        let there: Vec<Tag> = names.iter().filter_map(|name| name.parse().ok()).collect();
        let protected = store::tags::protected_among(&mut transaction, executor, &there).await?;
        if let Some(held) = protected.first() {
            return Err(tags::protected_tag(held));
        }
        store::tags::delete(&mut transaction, executor, &names, by, now)
            .await
            .map_err(tags::refused_by_the_database)?;
        let purge_at = now + self.0.rules.undo_window;
        if !store::deletions::delete_commit(&mut transaction, executor, commit, by, now, purge_at).await? {
            return Err(Error::commit_not_found(commit));
        }
        let deed = Deed::with(AuditAction::CommitDeleted, &granted);
        let said = json!({"commit": commit, "tags": names, "purge_at": purge_at});
        deed.saying(said).record(&mut transaction, caller, now).await?;
        transaction.commit().await?;
        tracing::info!(%executor, %commit, outcome = "deleted", "commit");
        Ok(())
    }

    /// Brings a commit back, with those of its tags that nobody made anew.
    pub async fn undelete_commit(
        &self,
        caller: &Caller,
        subject: &Subject,
        commit: CommitId,
    ) -> Result<(), Error> {
        let (granted, mut transaction) = self.grant_change(caller, subject, Action::Delete).await?;
        let executor = &granted.executor().id;
        let (now, by) = (self.0.clock.now(), caller.user_id());
        if !store::deletions::undelete_commit(&mut transaction, executor, commit, by, now).await? {
            return Err(tags::nothing_to_undo(&format!("The commit {commit}")));
        }
        let deed = Deed::with(AuditAction::CommitUndeleted, &granted).saying(json!({"commit": commit}));
        deed.record(&mut transaction, caller, now).await?;
        transaction.commit().await?;
        tracing::info!(%executor, %commit, outcome = "undeleted", "commit");
        Ok(())
    }

    /// Takes away for good what was deleted long enough ago; its bytes go with the next collection. Meant to be run now and
    /// then; several replicas may run it at once.
    pub async fn purge_deleted(&self) -> Result<Purged, Error> {
        let now = self.0.clock.now();
        let mut purged = Purged::default();
        loop {
            let mut transaction = self.0.store.begin().await?;
            let executors = store::deletions::purge(&mut transaction, now).await?;
            let commits = store::deletions::purge_commits(&mut transaction, now).await?;
            transaction.commit().await?;
            purged.executors += executors;
            purged.commits += commits;
            if executors + commits == 0 {
                return Ok(purged);
            }
        }
    }
}

fn nothing_to_bring_back(reference: &ExecutorRef) -> Error {
    tags::nothing_to_undo(&format!("The Executor {reference}"))
}
