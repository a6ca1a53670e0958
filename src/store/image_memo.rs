//! Which images can be served without asking the database again? Those of public Executors, until anything at all has
//! changed.
//!
//! What changes is heard of by [`PullMemo`](super::PullMemo), which counts it: an answer is good while that count is what it was before the
//! database was asked. That is coarse, and simple to trust. As there, nothing is remembered while nobody listens, nothing for
//! longer than a few seconds, nothing that is not public; and it never decides who may pull.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Store, StoreError, executors, image_manifests::Manifest, image_tags};
use crate::domain::{
    CommitId, ExecutorId, ExecutorRef, Tag, UserId, Visibility, executor::Executor, image::ImageDigest,
};

/// How long an answer may be given again when no change was heard of.
const LIFE: TimeDelta = TimeDelta::seconds(5);
/// Bytes that all answers come to, about; more are forgotten all at once.
const CAPACITY: usize = 32 << 20;
/// Bytes of one answer that is kept.
const LARGEST: usize = 2 << 20;
/// What an answer comes to besides its texts.
const OVERHEAD: usize = 512;

/// Which image is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ImageRef {
    /// Whatever a tag leads to.
    Tag(Tag),
    /// One commit's.
    Commit(CommitId),
    /// The one with this digest.
    Digest(ImageDigest),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Question {
    /// What a reference means; only a bare name means something else to each caller.
    Executor(String, Option<UserId>),
    Image(ExecutorId, ImageRef),
    Tags(ExecutorId, String, i64),
}

#[derive(Debug, Clone)]
enum Answer {
    Executor(Arc<Executor>),
    Image(Arc<Manifest>),
    Tags(Arc<Vec<String>>),
}

impl Answer {
    fn weight(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Executor(_) => 0,
                Self::Image(manifest) => manifest.content.len(),
                Self::Tags(tags) => tags.iter().map(|tag| tag.len() + size_of::<String>()).sum(),
            }
    }
}

#[derive(Debug)]
struct Kept {
    answer: Answer,
    at: DateTime<Utc>,
    changes: u64,
}

/// The memory of one process; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct ImageMemo(Arc<Mutex<Answers>>);

#[derive(Debug, Default)]
struct Answers {
    weight: usize,
    kept: HashMap<Question, Kept>,
}

impl ImageMemo {
    fn look_up(&self, question: &Question, changes: u64, now: DateTime<Utc>) -> Option<Answer> {
        let answers = self.lock();
        let kept = answers.kept.get(question)?;
        let is_good = kept.changes == changes && (TimeDelta::zero()..LIFE).contains(&(now - kept.at));
        is_good.then(|| kept.answer.clone())
    }

    fn keep(&self, question: Question, answer: Answer, changes: u64, now: DateTime<Utc>) {
        let weight = answer.weight();
        if weight > LARGEST {
            return;
        }
        let mut answers = self.lock();
        if answers.weight + weight > CAPACITY {
            *answers = Answers::default();
        }
        let before = answers.kept.insert(question, Kept { answer, at: now, changes });
        answers.weight += weight;
        answers.weight -= before.map_or(0, |kept| kept.answer.weight());
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// What [`executors::find`] finds, from memory where nothing can have changed.
    pub async fn recall_executor(
        &self,
        reference: &ExecutorRef,
        caller: Option<UserId>,
        now: DateTime<Utc>,
    ) -> Result<Option<Executor>, StoreError> {
        let asker = caller.filter(|_| matches!(reference, ExecutorRef::Bare(_)));
        let question = Question::Executor(reference.to_string().to_ascii_lowercase(), asker);
        let changes = self.pulls.changes();
        if let Some(Answer::Executor(found)) = self.recall(&question, changes, now) {
            return Ok(Some(Executor::clone(&found)));
        }
        let found = executors::find(&mut *self.read().await?, reference, caller).await?;
        if let Some(executor) = found.as_ref().filter(|executor| is_open(executor)) {
            self.remember(question, Answer::Executor(Arc::new(executor.clone())), changes, now);
        }
        Ok(found)
    }

    /// The image of an Executor that a reference leads to, from memory where nothing can have changed.
    pub async fn recall_image(
        &self,
        executor: &Executor,
        image: &ImageRef,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Manifest>>, StoreError> {
        let question = Question::Image(executor.id.clone(), image.clone());
        let changes = self.pulls.changes();
        if let Some(Answer::Image(found)) = self.recall(&question, changes, now) {
            return Ok(Some(found));
        }
        let mut connection = self.read().await?;
        let id = &executor.id;
        let found = match image {
            ImageRef::Tag(tag) => image_tags::resolve(&mut connection, id, tag).await?,
            ImageRef::Commit(commit) => image_tags::of_commit(&mut connection, id, *commit).await?,
            ImageRef::Digest(digest) => super::image_manifests::find(&mut connection, id, digest).await?,
        };
        let found = found.map(Arc::new);
        if let Some(manifest) = found.as_ref().filter(|_| is_open(executor)) {
            self.remember(question, Answer::Image(Arc::clone(manifest)), changes, now);
        }
        Ok(found)
    }

    /// What [`image_tags::list`] finds, from memory where nothing can have changed.
    pub async fn recall_image_tags(
        &self,
        executor: &Executor,
        after: &str,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Arc<Vec<String>>, StoreError> {
        let question = Question::Tags(executor.id.clone(), after.to_owned(), limit);
        let changes = self.pulls.changes();
        if let Some(Answer::Tags(found)) = self.recall(&question, changes, now) {
            return Ok(found);
        }
        let found = image_tags::list(&mut *self.read().await?, &executor.id, after, limit).await?;
        let found = Arc::new(found);
        // Whoever asks chooses `after`: what is longer than any tag is not remembered.
        if is_open(executor) && after.len() <= 128 {
            self.remember(question, Answer::Tags(Arc::clone(&found)), changes, now);
        }
        Ok(found)
    }

    fn recall(&self, question: &Question, changes: Option<u64>, now: DateTime<Utc>) -> Option<Answer> {
        self.images.look_up(question, changes?, now)
    }

    fn remember(&self, question: Question, answer: Answer, changes: Option<u64>, now: DateTime<Utc>) {
        if let Some(changes) = changes {
            self.images.keep(question, answer, changes, now);
        }
    }
}

fn is_open(executor: &Executor) -> bool {
    executor.visibility == Visibility::Public && executor.last_pushed_at.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn tags(id: &ExecutorId, count: usize) -> (Question, Answer) {
        let tags = (0..count).map(|n| format!("tag-{n}")).collect();
        (Question::Tags(id.clone(), String::new(), 10), Answer::Tags(Arc::new(tags)))
    }

    #[test]
    fn an_answer_is_good_until_anything_changes_or_it_is_old() {
        let (memo, id) = (ImageMemo::default(), ExecutorId::mint());
        let (question, answer) = tags(&id, 3);
        memo.keep(question.clone(), answer, 7, NOW);
        assert!(memo.look_up(&question, 7, NOW).is_some());
        assert!(memo.look_up(&question, 8, NOW).is_none());
        assert!(memo.look_up(&question, 7, NOW + LIFE).is_none());
        assert!(
            memo.look_up(&question, 7, NOW - TimeDelta::seconds(1)).is_none(),
            "a clock that was set back"
        );
    }

    #[test]
    fn memory_is_bounded_by_bytes() {
        let memo = ImageMemo::default();
        for _ in 0..200 {
            let (question, answer) = tags(&ExecutorId::mint(), 10_000);
            memo.keep(question, answer, 0, NOW);
        }
        let answers = memo.lock();
        assert!(answers.weight <= CAPACITY && !answers.kept.is_empty());
        let sum: usize = answers.kept.values().map(|kept| kept.answer.weight()).sum();
        assert_eq!(answers.weight, sum);
    }
}
