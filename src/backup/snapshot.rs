//! Is a backup what somebody with the Hub's key wrote? Its signature, every table and every object are looked at before
//! anything of it is used.

use std::path::{Path, PathBuf};

use futures_util::{StreamExt as _, stream};
use zeroize::Zeroizing;

use super::{
    BackupError, Manifest, Place, folder, lines,
    manifest::Table,
    objects::{self, Needed},
};
use crate::blobs::{BlobError, Blobs};

/// No manifest is as large as this.
const LARGEST_MANIFEST: u64 = 16 << 20;
/// Objects that are read at the same time.
const AT_ONCE: usize = 4;

/// A backup in its folder.
#[derive(Debug, Clone)]
pub struct Snapshot {
    path: PathBuf,
    objects: PathBuf,
}

/// Whether a signature is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// It must be of the Hub's own key.
    Required,
    /// The operator answers for the backup.
    Trusted,
}

impl Snapshot {
    /// The newest whole backup in `folder`, or the one of that name. Blocks on the disk.
    pub fn find(folder: &Path, name: Option<&str>) -> Result<Self, BackupError> {
        let none = || BackupError::None(format!("{} in {}", name.unwrap_or("at all"), folder.display()));
        let names = folder::names_in(folder).map_err(|_| none())?;
        let found = match name {
            None => names.last(),
            Some(name) => names.iter().find(|found| *found == name),
        };
        let found = found.ok_or_else(none)?;
        Ok(Self::of(folder.join("backups").join(found), folder.join("objects")))
    }

    pub(super) fn of(path: PathBuf, objects: PathBuf) -> Self {
        Self { path, objects }
    }

    /// The master key that it holds, if any.
    pub(super) fn master_key(&self) -> Result<Option<Zeroizing<String>>, BackupError> {
        match std::fs::read_to_string(self.path.join("master.key")) {
            Ok(text) => Ok(Some(Zeroizing::new(text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Its table of contents, if somebody with the Hub's key wrote it.
    pub fn manifest(&self, place: &Place, signed: Signed) -> Result<Manifest, BackupError> {
        let file = self.path.join("manifest.json");
        if std::fs::metadata(&file)?.len() > LARGEST_MANIFEST {
            return Err(BackupError::Damaged("manifest.json is too large".into()));
        }
        let text = std::fs::read(&file)?;
        let signature = std::fs::read_to_string(self.path.join("manifest.signature")).unwrap_or_default();
        if signed == Signed::Required && !place.keys.backup_signature_fits(&text, signature.trim()) {
            return Err(BackupError::Signature);
        }
        Manifest::read(&text)
    }

    /// Reads all of it, but for the objects with `deep` unset: an error names the first thing that is not as it was written.
    pub async fn verify(&self, manifest: &Manifest, deep: bool) -> Result<(), BackupError> {
        for table in &manifest.tables {
            let (file, wanted) = (self.table(table), table.clone());
            let found = tokio::task::spawn_blocking(move || lines::measure(&file)).await;
            let found = found.map_err(BackupError::from_join)?;
            let is_good =
                found.is_ok_and(|found| found.sha256 == wanted.sha256 && found.lines == wanted.rows);
            if !is_good {
                return Err(BackupError::Damaged(format!("the rows of {}", wanted.name)));
            }
        }
        let list = self.path.join("objects.gz");
        let found = tokio::task::spawn_blocking(move || lines::measure(&list)).await;
        let found = found.map_err(BackupError::from_join)?;
        let objects = &manifest.objects;
        if !found.is_ok_and(|found| found.sha256 == objects.sha256 && found.lines == objects.count) {
            return Err(BackupError::Damaged("the list of objects".into()));
        }
        if deep {
            let pool = self.pool()?;
            self.each_object(manifest, async |needed| pool.verify(&needed.key).await.map(drop)).await?;
        }
        Ok(())
    }

    /// Does `work` for every object that was not lost, some at a time.
    pub(super) async fn each_object(
        &self,
        manifest: &Manifest,
        work: impl AsyncFn(Needed) -> Result<(), BlobError>,
    ) -> Result<(), BackupError> {
        let mut batches = objects::read(self.path.join("objects.gz"));
        while let Some(batch) = batches.next().await {
            let batch = batch?.into_iter().filter(|needed| !manifest.lost.contains(&needed.key.to_string()));
            let mut working =
                std::pin::pin!(stream::iter(batch).map(|needed| work(needed)).buffer_unordered(AT_ONCE));
            while let Some(done) = working.next().await {
                match done {
                    Ok(()) => {}
                    Err(BlobError::NotFound(key)) => {
                        return Err(BackupError::Damaged(format!("{key} is missing")));
                    }
                    Err(BlobError::Damaged(key)) => return Err(BackupError::Damaged(key)),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    pub(super) fn table(&self, table: &Table) -> PathBuf {
        self.path.join("tables").join(format!("{}.gz", table.name))
    }

    pub(super) fn objects_folder(&self) -> &Path {
        &self.objects
    }

    pub(super) fn pool(&self) -> Result<Blobs, BackupError> {
        Ok(Blobs::in_folder(&self.objects)?)
    }
}
