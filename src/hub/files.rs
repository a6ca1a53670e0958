//! What do people see of a package's files without pulling it? One file, or what two commits differ in: granted as a pull is,
//! and read off the runtime's threads, a few readers at a time.

use std::fs::File;

use serde_json::{Value, json};

use super::{Hub, subject::Subject};
use crate::{
    auth::{
        Caller,
        audit::Deed,
        policy::{Action, Granted},
    },
    blobs::{BlobKey, LocalFile},
    domain::{CommitId, ExecutorRef, Visibility, audit::AuditAction},
    error::{Error, ErrorKind},
    inspect::{
        InspectError,
        contents::{self, ComparisonBounds},
    },
    store,
};

pub use crate::inspect::contents::{Change, FilePart, Side};

/// How much of two packages a comparison looks at: a second of one thread.
const BOUNDS: ComparisonBounds =
    ComparisonBounds { proven_bytes: 128 << 20, file_bytes: 256 << 10, content_bytes: 2 << 20 };
/// Packages that are looked into at the same time; whoever comes next waits.
pub(super) const LOOKS: usize = 4;

impl Hub {
    /// The first bytes of a file of a commit that may be pulled, at most `most`.
    pub async fn package_file(
        &self,
        caller: &Caller,
        reference: &ExecutorRef,
        commit: CommitId,
        path: &str,
        most: u64,
    ) -> Result<FilePart, Error> {
        let granted = self.grant_files(caller, reference, json!({"commit": commit, "file": path})).await?;
        let path = path.to_owned();
        let packages = vec![self.package_of(&granted, commit).await?];
        let found = self.look_into(packages, move |packages| match packages {
            [package] => contents::file(package, &path, most),
            _ => Ok(None),
        });
        found.await?.ok_or_else(|| {
            let cause = "The package has no such file.";
            Error::new(ErrorKind::NotFound, "file_not_found", cause, "Look at the list of its files.")
        })
    }

    /// In which files two commits that may be pulled differ, by path.
    pub async fn compare_commits(
        &self,
        caller: &Caller,
        reference: &ExecutorRef,
        before: CommitId,
        after: CommitId,
    ) -> Result<Vec<Change>, Error> {
        let said = json!({"commit": after, "compared_with": before});
        let granted = self.grant_files(caller, reference, said).await?;
        let mut packages = Vec::with_capacity(2);
        for commit in [before, after] {
            packages.push(self.package_of(&granted, commit).await?);
        }
        let look = |packages: &[File]| match packages {
            [before, after] => contents::compare(before, after, BOUNDS),
            _ => Ok(Vec::new()),
        };
        self.look_into(packages, look).await
    }

    /// As for a pull: whoever may read it; of a private one it is written down what was read.
    async fn grant_files(
        &self,
        caller: &Caller,
        reference: &ExecutorRef,
        said: Value,
    ) -> Result<Granted, Error> {
        let granted = self.grant(caller, &Subject::from(reference.clone()), Action::Read).await?;
        if granted.executor().visibility == Visibility::Private {
            let mut connection = self.0.store.read().await?;
            let deed = Deed::with(AuditAction::ExecutorRead, &granted).saying(said);
            deed.record(&mut connection, caller, self.0.clock.now()).await?;
        }
        Ok(granted)
    }

    async fn package_of(&self, granted: &Granted, commit: CommitId) -> Result<BlobKey, Error> {
        let mut connection = self.0.store.read().await?;
        let id = &granted.executor().id;
        let rows = store::executor_parts::commits(&mut connection, id, Some(commit), None, 1).await?;
        let row = rows.into_iter().next().ok_or_else(|| Error::commit_not_found(commit))?;
        Ok(BlobKey::Package(row.package_sha256))
    }

    /// Opens packages and lets `look` read them on a thread that may block.
    async fn look_into<T: Send + 'static>(
        &self,
        keys: Vec<BlobKey>,
        look: impl FnOnce(&[File]) -> Result<T, InspectError> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.0.looks.acquire().await.map_err(Error::internal)?;
        let mut copies: Vec<LocalFile> = Vec::with_capacity(keys.len());
        for key in &keys {
            copies.push(self.0.blobs.local_file(key).await?);
        }
        let looked = tokio::task::spawn_blocking(move || {
            let packages: Vec<File> =
                copies.iter().map(|copy| File::open(copy.path())).collect::<Result<_, _>>()?;
            look(&packages)
        });
        let found = looked.await.map_err(Error::internal)?;
        drop(turn);
        // What the Hub stored was good; that it is not any more is no fault of whoever looks.
        found.map_err(Error::internal)
    }
}
