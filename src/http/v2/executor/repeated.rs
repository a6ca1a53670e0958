//! Which answers of `executor.getPackage` are given again as they were? Those about public Executors to callers who say nothing of
//! themselves, for a second, and only while nothing has changed that pulls are made from: what was decided for one of these
//! callers holds for all.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use axum::{body::Bytes, http::Method};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{auth::Credentials, domain::ExecutorId, http::v2::parameters::Parameters};

/// How long an answer is given again: so much shorter does the address in it work.
const LIFE: TimeDelta = TimeDelta::seconds(1);
/// Answers that are kept, of less than a kibibyte each mostly; more are forgotten all at once.
const CAPACITY: usize = 1_000;

/// Everything that an answer to a caller without an account depends on, but for what the Hub has.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    id: String,
    tag: Option<String>,
    platform: Option<String>,
    is_get: bool,
}

impl Question {
    /// `None` for whoever may get an answer of their own.
    pub(super) fn of(credentials: &Credentials, parameters: &Parameters, method: &Method) -> Option<Self> {
        if !matches!(credentials, Credentials::None) || parameters.text("secret").is_some() {
            return None;
        }
        Some(Self {
            id: parameters.text("id")?,
            tag: parameters.text("tag"),
            platform: parameters.text("preferPlatform"),
            is_get: method == Method::GET,
        })
    }
}

/// An answer, and which Executor it tells of.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) executor: ExecutorId,
    pub(super) body: Bytes,
}

#[derive(Debug)]
struct Kept {
    answer: Answer,
    /// How many changes had been heard of before it was made.
    changes: u64,
    at: DateTime<Utc>,
}

/// The memory of one process.
#[derive(Debug, Default)]
pub(in crate::http::v2) struct Repeated(RwLock<HashMap<Question, Kept>>);

impl Repeated {
    /// The same answer as a moment ago; `changes` is the number of them now.
    pub(super) fn recall(&self, question: &Question, changes: u64, now: DateTime<Utc>) -> Option<Answer> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get(question)?;
        let is_young = (TimeDelta::zero()..LIFE).contains(&(now - kept.at));
        (is_young && kept.changes == changes).then(|| kept.answer.clone())
    }

    /// Keeps an answer; `changes` and `now` are from before it was made.
    pub(super) fn keep(&self, question: Question, changes: u64, now: DateTime<Utc>, answer: Answer) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CAPACITY {
            all.clear();
        }
        all.insert(question, Kept { answer, changes, at: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(id: &str) -> Question {
        Question { id: id.to_owned(), tag: None, platform: None, is_get: false }
    }

    fn answer(body: &'static str) -> Answer {
        Answer { executor: ExecutorId::mint(), body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn an_answer_is_given_again_for_a_second_unless_anything_changes() {
        let (repeated, now) = (Repeated::default(), DateTime::UNIX_EPOCH);
        let recall =
            |changes, now| repeated.recall(&question("Hello"), changes, now).map(|answer| answer.body);
        assert!(recall(7, now).is_none());
        repeated.keep(question("Hello"), 7, now, answer("it"));
        assert_eq!(recall(7, now).unwrap(), "it");
        assert!(recall(8, now).is_none(), "something has changed");
        assert!(recall(7, now + LIFE).is_none(), "it is too old");
        assert!(recall(7, now - LIFE).is_none(), "a clock that was set back");
        let by_get = Question { is_get: true, ..question("Hello") };
        assert!(repeated.recall(&by_get, 7, now).is_none(), "another question");
    }

    #[test]
    fn memory_is_bounded() {
        let (repeated, now) = (Repeated::default(), DateTime::UNIX_EPOCH);
        for i in 0..=CAPACITY {
            repeated.keep(question(&i.to_string()), 0, now, answer("it"));
        }
        assert!(repeated.recall(&question("0"), 0, now).is_none());
        assert!(repeated.recall(&question(&CAPACITY.to_string()), 0, now).is_some());
    }
}
