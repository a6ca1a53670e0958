//! Is everything there that the records speak of, and nothing else? Records are held against each other, against the bytes,
//! and the bytes against the records, a page at a time, beside a Hub that goes on.

mod bytes;
mod repair;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;

use crate::{
    blobs::{BlobError, BlobKey, Blobs},
    domain::digest::Sha256,
    store::{Store, StoreError, consistency, needed_bytes::Purpose},
};

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Checker {
    /// Records.
    pub store: Store,
    /// Bytes.
    pub blobs: Blobs,
    /// Read all bytes again, and not only look whether they are there.
    pub deep: bool,
    /// Do not look for bytes that nothing knows of: the store holds those of others as well.
    pub only_needed: bool,
    /// For how long bytes that nothing knows of are left to an upload, or to the collector's time of grace.
    pub patience: TimeDelta,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable name of what is wrong.
    pub code: &'static str,
    /// With which row, tag or object.
    pub subject: String,
    /// What is wrong, in words that follow the subject.
    pub says: &'static str,
    /// Whether bytes are missing or wrong.
    pub is_about_bytes: bool,
    /// Whether [`Checker::repair`] makes it right.
    pub can_be_repaired: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\t{} {}", self.code, self.subject, self.says)
    }
}

/// What was looked at and found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Objects that records need.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Problems of all kinds.
    pub problems: u64,
    /// Those of them that can be repaired.
    pub repairable: u64,
}

/// Why it could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object store.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

/// Where bytes of a purpose lie.
pub fn key_of(purpose: Purpose, sha256: Sha256) -> BlobKey {
    match purpose {
        Purpose::Package => BlobKey::Package(sha256),
        Purpose::Artifact => BlobKey::Artifact(sha256),
        Purpose::Image => BlobKey::Image(sha256),
        Purpose::Log => BlobKey::Log(sha256),
    }
}

impl Checker {
    /// Looks at everything and tells `tell` of each problem as it is found. `now` is the time.
    pub async fn run(
        &self,
        now: DateTime<Utc>,
        mut tell: impl FnMut(Problem) + Send,
    ) -> Result<Summary, CheckError> {
        let mut summary = Summary::default();
        let mut told = |problem: Problem, summary: &mut Summary| {
            summary.problems += 1;
            summary.repairable += u64::from(problem.can_be_repaired);
            tell(problem);
        };
        self.check_records(&mut summary, &mut told).await?;
        self.check_needed(&mut summary, &mut told).await?;
        if !self.only_needed {
            self.check_stored(now, &mut summary, &mut told).await?;
        }
        Ok(summary)
    }

    /// The same for records alone, without a look at any bytes.
    pub async fn run_on_records(&self, mut tell: impl FnMut(Problem) + Send) -> Result<Summary, CheckError> {
        let mut summary = Summary::default();
        let mut told = |problem: Problem, summary: &mut Summary| {
            summary.problems += 1;
            summary.repairable += u64::from(problem.can_be_repaired);
            tell(problem);
        };
        self.check_records(&mut summary, &mut told).await?;
        Ok(summary)
    }

    async fn check_records(
        &self,
        summary: &mut Summary,
        tell: &mut (impl FnMut(Problem, &mut Summary) + Send),
    ) -> Result<(), CheckError> {
        // Some of these read whole tables: not on a connection of the pool, whose statements end after half a minute.
        let mut connection = self.store.connect_alone().await?;
        for rule in consistency::RULES {
            let mut broken = consistency::broken(&mut connection, rule);
            while let Some(subject) = broken.next().await {
                let problem = Problem {
                    code: rule.code,
                    subject: subject?,
                    says: rule.says,
                    is_about_bytes: false,
                    can_be_repaired: rule.repair.is_some(),
                };
                tell(problem, summary);
            }
        }
        Ok(())
    }
}
