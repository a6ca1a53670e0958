//! Will the migrations of this program go through on the rows of a Hub, and how long will that take? They are tried on a
//! copy of the rows; the Hub itself stays as it is.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{
    BackupError, Manifest, Snapshot, checker_of,
    manifest::{FORMAT, Objects},
    restore, take,
};
use crate::{
    domain::{Clock, digest::Sha256},
    store::{self, Store},
};

/// How it went.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// Rows that were copied.
    pub rows: u64,
    /// How long restoring, migrating and making search entries took.
    pub took: Duration,
    /// What is wrong with the migrated copy, as far as its records say.
    pub problems: Vec<String>,
}

/// Copies the rows of `hub` through `folder`, which is on a disk with room for them, into the empty database of `scratch`
/// and migrates them there.
pub async fn rehearse(
    hub: &Store,
    scratch: &Store,
    folder: &Path,
    clock: &dyn Clock,
) -> Result<Rehearsal, BackupError> {
    const TOLD: usize = 20;
    std::fs::create_dir_all(folder.join("tables"))?;
    let mut connection = hub.connect_alone().await?;
    store::begin_snapshot(&mut connection).await?;
    let (migrations, tables) = take::export_rows(&mut connection, folder).await?;
    store::end_snapshot(&mut connection).await?;
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        taken_at: clock.now(),
        migrations,
        tables,
        objects: Objects { count: 0, bytes: 0, sha256: Sha256([0; 32]) },
        lost: Vec::new(),
    };
    let objects = folder.join("objects");
    let snapshot = Snapshot::of(folder.to_owned(), objects.clone());
    let begun = Instant::now();
    let mut connection = scratch.connect_alone().await?;
    restore::rows(&snapshot, &manifest, &mut connection, clock).await?;
    let took = begun.elapsed();
    let mut problems = Vec::new();
    checker_of(scratch, &objects, false)?
        .run_on_records(|problem| {
            if problems.len() < TOLD {
                problems.push(problem.to_string());
            }
        })
        .await
        .map_err(|error| BackupError::NotProven(error.to_string()))?;
    let rows = manifest.tables.iter().map(|table| table.rows).sum();
    Ok(Rehearsal { rows, took, problems })
}
