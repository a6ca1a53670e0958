//! Which pulls can be answered without asking the database again? Those of public Executors, until anything that the
//! answer was made from may have changed.
//!
//! What this process changes is forgotten before the change is answered: every transaction that commits forgets
//! everything. What another process changes is told by the database (`notify_pulls` in the migrations), milliseconds after
//! its commit. Nothing is remembered while nobody listens, and nothing for longer than [`LIFE`], in case a connection died
//! silently.
//!
//! It never decides who may pull: `auth::policy` does, each time. What is not public is not remembered, so that the time of
//! an answer does not tell a hidden Executor from none.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};

use super::pulls::Found;
use crate::domain::{ExecutorRef, Tag, UserId, Visibility};

/// How long an answer may be given again when no change was heard of.
const LIFE: TimeDelta = TimeDelta::seconds(5);
/// Answers that are kept; more are forgotten all at once.
const CAPACITY: usize = 10_000;

/// What was asked, apart from the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Question {
    owner: Option<String>,
    /// Only a bare name means something else to each caller.
    caller: Option<UserId>,
    tag: Option<String>,
}

#[derive(Debug)]
struct Answer {
    found: Arc<Found>,
    at: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Answers {
    is_listening: bool,
    count: usize,
    /// By the name, or the id, that the question says.
    by_name: HashMap<String, HashMap<Question, Answer>>,
}

impl Answers {
    fn clear(&mut self) {
        self.by_name.clear();
        self.count = 0;
    }
}

/// The memory of one process; clones share it.
#[derive(Debug, Clone, Default)]
pub struct PullMemo(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Counts what made answers old. An answer is kept only if nothing was counted while it was looked up.
    changes: AtomicU64,
    answers: RwLock<Answers>,
}

/// A question that was not remembered; it goes with the look-up and keeps its answer.
#[derive(Debug)]
pub(super) struct Unanswered {
    name: String,
    question: Question,
    changes: u64,
}

impl PullMemo {
    /// The remembered answer, or what is needed to keep one.
    pub(super) fn look_up(
        &self,
        reference: &ExecutorRef,
        caller: Option<UserId>,
        tag: Option<&Tag>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Found>, Unanswered> {
        let (name, owner, caller) = match reference {
            ExecutorRef::Owned { owner, name } => (name.key(), Some(owner.key()), None),
            ExecutorRef::Bare(name) => (name.key(), None, caller),
        };
        let question = Question { owner, caller, tag: tag.map(|tag| tag.as_str().to_owned()) };
        // Counted before the database is asked: what changes from now on may be missing from its answer.
        let changes = self.0.changes.load(Ordering::Acquire);
        let answers = self.0.answers.read().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.by_name.get(&name).and_then(|questions| questions.get(&question));
        match answer {
            Some(answer) if (TimeDelta::zero()..LIFE).contains(&(now - answer.at)) => {
                Ok(Arc::clone(&answer.found))
            }
            _ => Err(Unanswered { name, question, changes }),
        }
    }

    /// Remembers an answer, unless something has changed since its question was asked.
    pub(super) fn keep(&self, unanswered: Unanswered, found: &Arc<Found>, now: DateTime<Utc>) {
        let is_public = found.executor.visibility == Visibility::Public && found.tagged.is_some();
        let Unanswered { name, question, changes } = unanswered;
        let mut answers = self.write();
        if !is_public || !answers.is_listening || self.0.changes.load(Ordering::Acquire) != changes {
            return;
        }
        if answers.count >= CAPACITY {
            answers.clear();
        }
        let answer = Answer { found: Arc::clone(found), at: now };
        if answers.by_name.entry(name).or_default().insert(question, answer).is_none() {
            answers.count += 1;
        }
    }

    /// How many changes were heard of so far; `None` while nobody listens to those of other processes.
    pub fn changes(&self) -> Option<u64> {
        // Counted before whoever asks looks anything up: what changes from now on may be missing from what they find.
        let changes = self.0.changes.load(Ordering::Acquire);
        let answers = self.0.answers.read().unwrap_or_else(PoisonError::into_inner);
        answers.is_listening.then_some(changes)
    }

    /// Forgets what was answered to questions for this name or id.
    pub(super) fn forget(&self, name: &str) {
        self.0.changes.fetch_add(1, Ordering::AcqRel);
        let mut answers = self.write();
        let forgotten = answers.by_name.remove(name).map_or(0, |questions| questions.len());
        answers.count = answers.count.saturating_sub(forgotten);
    }

    /// Forgets everything.
    pub(super) fn forget_all(&self) {
        self.0.changes.fetch_add(1, Ordering::AcqRel);
        self.write().clear();
    }

    /// Says whether changes by other processes are heard of. Forgets everything.
    pub(super) fn set_listening(&self, is_listening: bool) {
        self.forget_all();
        self.write().is_listening = is_listening;
    }

    fn write(&self) -> RwLockWriteGuard<'_, Answers> {
        self.0.answers.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            CommitId, ExecutorId,
            commit::Commit,
            digest::{Md5, Sha256},
            executor::Executor,
        },
        store::pulls::Tagged,
    };

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn found(visibility: Visibility) -> Arc<Found> {
        let id = ExecutorId::mint();
        let executor = Executor {
            id: id.clone(),
            owner: None,
            name: Some("Hello".parse().unwrap()),
            visibility,
            secret_hash: None,
            created_at: NOW,
            last_pushed_at: Some(NOW),
        };
        let commit = Commit {
            id: CommitId::mint(),
            executor: id,
            package_sha256: Sha256([0; 32]),
            package_md5: Md5([0; 16]),
            package_size: 1,
            build_env_names: vec![],
            created_at: NOW,
        };
        let tagged = Tagged { tag: "latest".into(), tags: vec!["latest".into()], commit, images: vec![] };
        Arc::new(Found { executor, tagged: Some(tagged) })
    }

    fn listening() -> PullMemo {
        let memo = PullMemo::default();
        memo.set_listening(true);
        memo
    }

    fn ask(memo: &PullMemo, reference: &str, now: DateTime<Utc>) -> Result<Arc<Found>, Unanswered> {
        memo.look_up(&reference.parse().unwrap(), None, None, now)
    }

    fn keep(memo: &PullMemo, reference: &str, visibility: Visibility) {
        let unanswered = ask(memo, reference, NOW).unwrap_err();
        memo.keep(unanswered, &found(visibility), NOW);
    }

    #[test]
    fn a_public_answer_is_given_again_until_its_name_changes() {
        let memo = listening();
        keep(&memo, "Hello", Visibility::Public);
        keep(&memo, "alice/Other", Visibility::Public);
        assert!(ask(&memo, "HELLO", NOW).is_ok(), "names have no case");
        memo.forget("hello");
        assert!(ask(&memo, "Hello", NOW).is_err());
        assert!(ask(&memo, "alice/Other", NOW).is_ok(), "another name is another answer");
        memo.forget_all();
        assert!(ask(&memo, "alice/Other", NOW).is_err());
    }

    #[test]
    fn a_change_during_the_look_up_keeps_its_answer_from_being_remembered() {
        let memo = listening();
        let unanswered = ask(&memo, "Hello", NOW).unwrap_err();
        memo.forget("something-else");
        memo.keep(unanswered, &found(Visibility::Public), NOW);
        assert!(ask(&memo, "Hello", NOW).is_err());
    }

    #[test]
    fn nothing_private_is_remembered_and_nothing_while_nobody_listens() {
        let memo = listening();
        keep(&memo, "Hello", Visibility::Private);
        assert!(ask(&memo, "Hello", NOW).is_err());
        memo.set_listening(false);
        keep(&memo, "Hello", Visibility::Public);
        assert!(ask(&memo, "Hello", NOW).is_err());
    }

    #[test]
    fn no_answer_is_older_than_its_life() {
        let memo = listening();
        keep(&memo, "Hello", Visibility::Public);
        assert!(ask(&memo, "Hello", NOW + LIFE - TimeDelta::milliseconds(1)).is_ok());
        assert!(ask(&memo, "Hello", NOW + LIFE).is_err());
        assert!(ask(&memo, "Hello", NOW - TimeDelta::seconds(1)).is_err(), "a clock that was set back");
    }

    #[test]
    fn callers_share_answers_only_where_a_name_means_the_same_to_all() {
        let memo = listening();
        keep(&memo, "alice/Hello", Visibility::Public);
        keep(&memo, "Hello", Visibility::Public);
        let somebody = Some(UserId::mint());
        let ask = |reference: &str| memo.look_up(&reference.parse().unwrap(), somebody, None, NOW);
        assert!(ask("alice/Hello").is_ok());
        assert!(ask("Hello").is_err(), "it may be their own");
    }

    #[test]
    fn memory_is_bounded() {
        let memo = listening();
        for i in 0..=CAPACITY {
            keep(&memo, &format!("n{i}"), Visibility::Public);
        }
        assert!(ask(&memo, "n0", NOW).is_err());
        assert!(ask(&memo, &format!("n{CAPACITY}"), NOW).is_ok());
    }
}
