//! How does a backup become a Hub again? Bytes first, which are no harm without rows; then the schema of its time, its rows
//! and the migrations since, all in one transaction: a crash leaves what was there before.

use std::collections::BTreeSet;

use super::{BackupError, Manifest, Place, Snapshot, lines};
use crate::{
    domain::Clock,
    store::{self, Connection, consistency, copied_tables, schema},
};

/// Executors whose search entries are made again at once.
const ROUND: i64 = 1000;

/// What becomes of a Hub that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// It stays; the restore is refused.
    Refused,
    /// All of its records are thrown away.
    Everything,
}

/// Restores a backup whose manifest was verified into the database of `connection` and the bytes of `place`.
pub async fn restore(
    snapshot: &Snapshot,
    manifest: &Manifest,
    connection: &mut Connection,
    place: &Place,
    clock: &dyn Clock,
    replace: Replace,
) -> Result<(), BackupError> {
    let others = schema::other_users(connection).await?;
    if others > 0 {
        return Err(BackupError::InUse(others));
    }
    let foreign = schema::foreign_tables(connection).await?;
    if !foreign.is_empty() {
        return Err(BackupError::ForeignTables(foreign.join(", ")));
    }
    if replace == Replace::Refused && copied_tables::any_row(connection).await? {
        return Err(BackupError::NotEmpty);
    }
    let pool = snapshot.pool()?;
    let copy = async |needed: super::objects::Needed| pool.copy_to(&needed.key, &place.blobs).await.map(drop);
    snapshot.each_object(manifest, copy).await?;
    rows(snapshot, manifest, connection, clock).await
}

/// Replaces everything in the database by the rows of the backup.
pub(super) async fn rows(
    snapshot: &Snapshot,
    manifest: &Manifest,
    connection: &mut Connection,
    clock: &dyn Clock,
) -> Result<(), BackupError> {
    let mut transaction = store::begin_on(connection).await?;
    schema::remove(&mut transaction).await?;
    let versions: BTreeSet<i64> = manifest.migrations.iter().map(|migration| migration.version).collect();
    schema::apply_only(&mut transaction, &versions).await?;
    for table in &manifest.tables {
        let name = &table.name;
        let damaged = |why: &str| BackupError::Damaged(format!("the rows of {name}: {why}"));
        let copied = copied_tables::find(name).ok_or_else(|| damaged("no such table"))?;
        let columns = copied_tables::columns(&mut transaction, name).await?;
        if columns != table.columns {
            return Err(damaged("other columns than the schema of their time"));
        }
        copied_tables::let_triggers_rest(&mut transaction, copied, true).await?;
        let pieces = lines::read(snapshot.table(table));
        let loaded = copied_tables::load::<BackupError>(&mut transaction, copied, &columns, pieces).await?;
        copied_tables::let_triggers_rest(&mut transaction, copied, false).await?;
        if loaded != table.rows {
            return Err(damaged("another number of rows than the manifest says"));
        }
    }
    schema::complete(&mut transaction).await?;
    copied_tables::settle(&mut transaction).await?;
    let mut after = String::new();
    let now = clock.now();
    while let Some(last) = consistency::rewrite_search_entries(&mut transaction, &after, ROUND, now).await? {
        after = last;
    }
    transaction.commit().await.map_err(store::StoreError::from)?;
    store::analyze(connection).await?;
    Ok(())
}
