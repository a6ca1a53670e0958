//! How is a backup made while everybody goes on? One snapshot of the database says what there is, no bytes are deleted until
//! all of them are copied, and bytes that an earlier backup has are not copied again.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};

use super::{
    BackupError, Folder, Place,
    folder::write_private,
    lines,
    manifest::{self, FORMAT, Manifest},
    objects::{self, Needed},
    snapshot::Snapshot,
};
use crate::{
    blobs::{BlobError, Blobs},
    domain::Clock,
    store::{self, Connection, Store, bytes_lock, copied_tables, schema},
};

/// Objects that are copied at the same time.
const AT_ONCE: usize = 4;
/// More lost objects than this are no accident.
const MOST_LOST: usize = 1000;

/// A backup that is written but has not got its name yet.
#[derive(Debug)]
pub struct Taken {
    folder: Folder,
    path: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
    /// Objects and bytes that were copied for it.
    pub new: (u64, u64),
}

/// Copies the Hub of `store` and `place` into `folder`. Takes a connection of its own for as long as that lasts; the rows
/// are those of one moment. With `include_key`, whoever reads the backup can read what is sealed in it.
pub async fn take(
    store: &Store,
    place: &Place,
    clock: &dyn Clock,
    folder: Folder,
    include_key: bool,
) -> Result<Taken, BackupError> {
    let mut connection = store.connect_alone().await?;
    if !bytes_lock::keep_bytes(&mut connection).await? {
        return Err(BackupError::Busy);
    }
    let path = folder.begin()?;
    store::begin_snapshot(&mut connection).await?;
    let taken_at = clock.now();
    let (migrations, tables) = export_rows(&mut connection, &path).await?;
    let list = path.join("objects.gz");
    let (written, bytes) = objects::write(list.clone(), &mut connection).await?;
    store::end_snapshot(&mut connection).await?;

    let pool = Blobs::in_folder(&folder.objects())?;
    let mut copied = Copied::default();
    let mut batches = objects::read(list);
    while let Some(batch) = batches.next().await {
        copied.add(&place.blobs, &pool, batch?).await?;
        // Without the lock, bytes that the list names may be gone.
        if !bytes_lock::is_kept(&mut connection).await? {
            return Err(BackupError::Busy);
        }
        if copied.lost.len() > MOST_LOST {
            return Err(BackupError::WrongStore(copied.lost.len()));
        }
    }
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        taken_at,
        migrations,
        tables,
        objects: manifest::Objects { count: written.lines, bytes, sha256: written.sha256 },
        lost: copied.lost.into_iter().collect(),
    };
    let text = manifest.write()?;
    write_private(&path.join("manifest.signature"), place.keys.sign_backup(&text).as_bytes())?;
    if include_key {
        write_private(&path.join("master.key"), place.master_key().as_bytes())?;
    }
    write_private(&path.join("manifest.json"), &text)?;
    Ok(Taken { folder, path, manifest, new: (copied.objects, copied.bytes) })
}

/// Writes the rows that `connection` sees into `path`, whose schema may be older than this program's.
pub(super) async fn export_rows(
    connection: &mut Connection,
    path: &Path,
) -> Result<(Vec<manifest::Migration>, Vec<manifest::Table>), BackupError> {
    let migrations = schema::applied(connection).await?.ok_or(BackupError::Schema)?;
    let known = schema::known();
    if !migrations.iter().all(|applied| known.contains(applied)) {
        return Err(BackupError::Schema);
    }
    let mut tables = Vec::new();
    for table in copied_tables::COPIED {
        let columns = copied_tables::columns(connection, table.name).await?;
        // A table that a later migration makes.
        if columns.is_empty() {
            continue;
        }
        let rows = copied_tables::rows(connection, table, &columns).await?;
        let file = path.join("tables").join(format!("{}.gz", table.name));
        let written = lines::write(file, rows).await?;
        let name = table.name.to_owned();
        tables.push(manifest::Table { name, columns, rows: written.lines, sha256: written.sha256 });
    }
    let migration = |applied: schema::Applied| manifest::Migration {
        version: applied.version,
        checksum: hex::encode(applied.checksum),
    };
    Ok((migrations.into_iter().map(migration).collect(), tables))
}

#[derive(Default)]
struct Copied {
    objects: u64,
    bytes: u64,
    lost: BTreeSet<String>,
}

impl Copied {
    async fn add(&mut self, from: &Blobs, pool: &Blobs, batch: Vec<Needed>) -> Result<(), BackupError> {
        let copying = batch.into_iter().map(async |needed| (needed, copy(from, pool, needed).await));
        let mut copying = std::pin::pin!(stream::iter(copying).buffer_unordered(AT_ONCE));
        while let Some((needed, copied)) = copying.next().await {
            match copied {
                Ok(None) => {}
                Ok(Some(bytes)) => {
                    self.objects += 1;
                    self.bytes += bytes;
                }
                Err(BlobError::NotFound(key) | BlobError::Damaged(key)) => {
                    tracing::error!(
                        key,
                        size = needed.size,
                        "the Hub has lost these bytes; the backup goes on without"
                    );
                    self.lost.insert(key);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// `None` when an earlier backup has the bytes.
async fn copy(from: &Blobs, pool: &Blobs, needed: Needed) -> Result<Option<u64>, BlobError> {
    match pool.size(&needed.key).await {
        Ok(size) if size == needed.size => return Ok(None),
        Ok(_) | Err(BlobError::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    from.copy_to(&needed.key, pool).await.map(Some)
}

impl Taken {
    /// The backup as whoever restores it will find it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.path.clone(), self.folder.objects())
    }

    /// Gives the backup its name and notes it in the database; `proven_at` says when it was restored and checked.
    pub async fn finish(
        self,
        store: &Store,
        proven_at: Option<DateTime<Utc>>,
    ) -> Result<(Folder, String), BackupError> {
        let name = self.manifest.taken_at.format("%Y%m%dT%H%M%S.%6fZ").to_string();
        let (folder, path, given) = (self.folder, self.path, name.clone());
        let folder = tokio::task::spawn_blocking(move || folder.finish(&path, &given).map(|_| folder))
            .await
            .map_err(BackupError::from_join)??;
        let backup = store::backups::Backup {
            name: name.clone(),
            taken_at: self.manifest.taken_at,
            proven_at,
            objects: self.manifest.objects.count,
            bytes: self.manifest.objects.bytes,
            new_bytes: self.new.1,
        };
        let mut connection = store.read().await?;
        store::backups::add(&mut connection, &backup).await?;
        Ok((folder, name))
    }
}
