//! What can be done with tags besides pushing to them? Shown with their history, moved to an older commit, protected,
//! deleted, and taken back. Nothing of this moves a protected one.

use serde_json::{Value, json};

use super::{Hub, subject::Subject};
use crate::{
    auth::{
        Caller,
        audit::Deed,
        policy::{Action, Granted},
    },
    domain::{
        CommitId, Tag, TagPattern,
        audit::AuditAction,
        page::{Page, PageSize},
    },
    error::{Error, ErrorKind},
    store::{
        self, Connection, StoreError,
        tags::{Move, ProtectedTag},
    },
};

pub use crate::store::{
    tag_history::{Change, TagChange},
    tags::TagState,
};

/// How many tags of one Executor are shown.
const MOST_SHOWN: i64 = 1000;
/// How many patterns one Executor may have.
const MOST_PATTERNS: usize = 100;

/// Which tags of an Executor are protected by rule.
#[derive(Debug, Clone)]
pub struct TagRules {
    /// The patterns that count.
    pub patterns: Vec<TagPattern>,
    /// Whether they are the Executor's own; else they are the operator's.
    pub are_own: bool,
}

impl Hub {
    /// The tags of an Executor that the caller may read, the one moved last first; the newest thousand.
    pub async fn tag_states(&self, caller: &Caller, subject: &Subject) -> Result<Vec<TagState>, Error> {
        let granted = self.grant_look(caller, subject).await?;
        let mut connection = self.0.store.read().await?;
        Ok(store::tags::list(&mut connection, &granted.executor().id, None, MOST_SHOWN).await?)
    }

    /// One tag as it is.
    pub async fn tag_state(
        &self,
        caller: &Caller,
        subject: &Subject,
        tag: &Tag,
    ) -> Result<Option<TagState>, Error> {
        let granted = self.grant_look(caller, subject).await?;
        let mut connection = self.0.store.read().await?;
        find(&mut connection, &granted, tag).await
    }

    /// Who moved which tag when, from where to where, the newest change first; with `tag`, only its changes. `before` is
    /// the cursor of the page before.
    pub async fn tag_history(
        &self,
        caller: &Caller,
        subject: &Subject,
        tag: Option<&Tag>,
        before: Option<&str>,
        size: PageSize,
    ) -> Result<Page<TagChange>, Error> {
        let before = before.map(str::parse::<i64>).transpose().map_err(|_| {
            Error::invalid("cursor", "The cursor was not made by this list.", "Start from the first page.")
        })?;
        let granted = self.grant_look(caller, subject).await?;
        let mut connection = self.0.store.read().await?;
        let (executor, limit) = (&granted.executor().id, size.and_one_more());
        let changes = store::tag_history::list(&mut connection, executor, tag, before, limit).await?;
        Ok(Page::cut(changes, size, |last| last.number.to_string()))
    }

    /// Points a tag at a usable commit of the same Executor, older or newer; a tag that is not there is made. A build that
    /// was pushed before and ends later does not undo it.
    pub async fn move_tag(
        &self,
        caller: &Caller,
        subject: &Subject,
        tag: &Tag,
        commit: CommitId,
    ) -> Result<TagState, Error> {
        let (granted, mut transaction) = self.grant_change(caller, subject, Action::ChangeTags).await?;
        let executor = &granted.executor().id;
        if !store::commits::is_usable(&mut transaction, executor, commit).await? {
            return Err(Error::commit_not_found(commit));
        }
        let protected =
            store::tags::protected_among(&mut transaction, executor, std::slice::from_ref(tag)).await?;
        if let Some(held) = protected.iter().find(|held| held.commit != commit) {
            return Err(protected_tag(held));
        }
        let now = self.0.clock.now();
        let to = Move { executor, commit, by: caller.user_id(), at: now, decided_at: now };
        store::tags::move_to(&mut transaction, to, std::slice::from_ref(tag), false)
            .await
            .map_err(refused_by_the_database)?;
        self.done(transaction, caller, &granted, tag, AuditAction::TagMoved).await
    }

    /// Protects a tag where it points: it never moves again, and nobody can take that back. One that is protected already
    /// stays as it is.
    pub async fn protect_tag(
        &self,
        caller: &Caller,
        subject: &Subject,
        tag: &Tag,
    ) -> Result<TagState, Error> {
        let (granted, mut transaction) = self.grant_change(caller, subject, Action::ChangeTags).await?;
        let (executor, now) = (&granted.executor().id, self.0.clock.now());
        if !store::tags::protect(&mut transaction, executor, tag, caller.user_id(), now).await? {
            return Err(Error::executor_not_found(&subject.reference, Some(tag)));
        }
        self.done(transaction, caller, &granted, tag, AuditAction::TagProtected).await
    }

    /// Deletes a tag; its commit stays. A protected one cannot be deleted but with its Executor.
    pub async fn delete_tag(&self, caller: &Caller, subject: &Subject, tag: &Tag) -> Result<(), Error> {
        let (granted, mut transaction) = self.grant_change(caller, subject, Action::ChangeTags).await?;
        let (executor, now) = (&granted.executor().id, self.0.clock.now());
        let protected =
            store::tags::protected_among(&mut transaction, executor, std::slice::from_ref(tag)).await?;
        if let Some(held) = protected.first() {
            return Err(protected_tag(held));
        }
        let names = [tag.as_str().to_owned()];
        let deleted = store::tags::delete(&mut transaction, executor, &names, caller.user_id(), now)
            .await
            .map_err(refused_by_the_database)?;
        if deleted == 0 {
            return Err(Error::executor_not_found(&subject.reference, Some(tag)));
        }
        let deed = Deed::with(AuditAction::TagDeleted, &granted).saying(json!({"tag": tag.as_str()}));
        deed.record(&mut transaction, caller, now).await?;
        transaction.commit().await?;
        tracing::info!(%executor, %tag, outcome = "deleted", "tag");
        Ok(())
    }

    /// Takes back the deletion of a tag, for as long as the undo window is open and nobody made it anew: it points again
    /// where it pointed.
    pub async fn undelete_tag(
        &self,
        caller: &Caller,
        subject: &Subject,
        tag: &Tag,
    ) -> Result<TagState, Error> {
        let (granted, mut transaction) = self.grant_change(caller, subject, Action::ChangeTags).await?;
        let (executor, now) = (&granted.executor().id, self.0.clock.now());
        let since = now - self.0.rules.undo_window;
        let commit = store::tag_history::deleted_from(&mut transaction, executor, tag, since).await?;
        let commit = commit.ok_or_else(|| nothing_to_undo(&format!("The tag {tag}")))?;
        if !store::commits::is_usable(&mut transaction, executor, commit).await? {
            return Err(Error::commit_not_found(commit));
        }
        let to = Move { executor, commit, by: caller.user_id(), at: now, decided_at: now };
        store::tags::move_to(&mut transaction, to, std::slice::from_ref(tag), false).await?;
        self.done(transaction, caller, &granted, tag, AuditAction::TagUndeleted).await
    }

    /// Which tags of an Executor that the caller may read are protected by rule.
    pub async fn tag_rules(&self, caller: &Caller, subject: &Subject) -> Result<TagRules, Error> {
        let granted = self.grant_look(caller, subject).await?;
        let mut connection = self.0.store.read().await?;
        let (patterns, are_own) = store::tag_rules::find(&mut connection, &granted.executor().id).await?;
        Ok(TagRules { patterns, are_own })
    }

    /// Gives an Executor patterns of its own, an empty list included; `None` gives it the operator's again. They hold the
    /// tags that are there as well as those to come; what was pushed while a pattern stood stays protected without it.
    pub async fn set_tag_rules(
        &self,
        caller: &Caller,
        subject: &Subject,
        patterns: Option<&[TagPattern]>,
    ) -> Result<TagRules, Error> {
        if patterns.is_some_and(|patterns| patterns.len() > MOST_PATTERNS) {
            let cause = format!("An Executor has at most {MOST_PATTERNS} patterns.");
            return Err(Error::invalid("too_many_patterns", cause, "Use fewer."));
        }
        let (granted, mut transaction) = self.grant_change(caller, subject, Action::ChangeTags).await?;
        let executor = &granted.executor().id;
        store::tag_rules::set(&mut transaction, executor, patterns).await?;
        let (patterns, are_own) = store::tag_rules::find(&mut transaction, executor).await?;
        let own: Value =
            if are_own { patterns.iter().map(ToString::to_string).collect() } else { Value::Null };
        let deed = Deed::with(AuditAction::TagRulesChanged, &granted).saying(json!({"patterns": own}));
        deed.record(&mut transaction, caller, self.0.clock.now()).await?;
        transaction.commit().await?;
        tracing::info!(%executor, patterns = patterns.len(), are_own, outcome = "changed", "tag rules");
        Ok(TagRules { patterns, are_own })
    }

    async fn done(
        &self,
        mut transaction: store::Transaction,
        caller: &Caller,
        granted: &Granted,
        tag: &Tag,
        action: AuditAction,
    ) -> Result<TagState, Error> {
        let executor = &granted.executor().id;
        let state = find(&mut transaction, granted, tag)
            .await?
            .ok_or_else(|| Error::internal("a tag that was just written is not there"))?;
        let deed = Deed::with(action, granted).saying(json!({"tag": tag.as_str(), "commit": state.commit}));
        deed.record(&mut transaction, caller, self.0.clock.now()).await?;
        transaction.commit().await?;
        tracing::info!(%executor, %tag, commit = %state.commit, protected = state.is_protected, "tag changed");
        Ok(state)
    }
}

async fn find(connection: &mut Connection, granted: &Granted, tag: &Tag) -> Result<Option<TagState>, Error> {
    Ok(store::tags::list(connection, &granted.executor().id, Some(tag), 1).await?.pop())
}

/// What stands in the way of whoever would move or delete this tag: who set it, when, and to which bytes.
pub(super) fn protected_tag(held: &ProtectedTag) -> Error {
    let by = held.set_by.as_deref().unwrap_or("somebody without an account");
    let when = held.set_at.format("%Y-%m-%d %H:%M UTC");
    let text = format!(
        "The tag {} is protected: {by} set it on {when} to sha256:{}",
        held.name, held.package_sha256
    );
    protected_tag_error(&text, "Choose another tag; a protected one never moves.")
}

/// Between the look and the change somebody else was faster; the database says what it can.
pub(super) fn refused_by_the_database(error: StoreError) -> Error {
    match error {
        StoreError::ProtectedTag(text) => protected_tag_error(&text, "Choose another tag."),
        error => error.into(),
    }
}

fn protected_tag_error(cause: &str, remedy: &str) -> Error {
    Error::new(ErrorKind::PolicyDenied, "tag_protected", format!("{}.", cause.trim_end_matches('.')), remedy)
}

/// There is nothing deleted of this name, or its undo window is over.
pub(super) fn nothing_to_undo(what: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        "nothing_to_undelete",
        format!("{what} was not deleted, or not lately enough to be brought back."),
        "Look at what can be brought back, and until when.",
    )
}

impl Error {
    /// No such commit of this Executor, or none that can be pulled.
    pub fn commit_not_found(commit: CommitId) -> Self {
        Self::new(
            ErrorKind::NotFound,
            "commit_not_found",
            format!("The Executor has no commit {commit} that can be pulled."),
            "Choose one from its history.",
        )
    }
}
