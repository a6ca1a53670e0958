//! Can a backup be restored? It is, into a database of its own that is thrown away, and what comes out is checked.

use super::{BackupError, Manifest, Snapshot, checker_of, restore};
use crate::{domain::Clock, store::Store};

/// Problems that are told; a backup with more of them is no better known by their names.
const TOLD: usize = 20;

/// Restores the rows into the empty database of `scratch` and looks whether the backup's own bytes are what they need: all
/// of them read again with `deep`, else their number and sizes. What the Hub had lost before is no fault of the backup.
pub async fn prove(
    snapshot: &Snapshot,
    manifest: &Manifest,
    scratch: &Store,
    clock: &dyn Clock,
    deep: bool,
) -> Result<(), BackupError> {
    snapshot.verify(manifest, false).await?;
    let mut connection = scratch.connect_alone().await?;
    restore::rows(snapshot, manifest, &mut connection, clock).await?;
    drop(connection);
    let checker = checker_of(scratch, snapshot.objects_folder(), deep)?;
    let mut problems = Vec::new();
    let now = clock.now();
    checker
        .run(now, |found| {
            let is_known = manifest.lost.contains(&found.subject);
            // What is wrong with the records was wrong in the Hub: `check` tells of it there.
            if found.is_about_bytes && !is_known && problems.len() < TOLD {
                problems.push(found.to_string());
            }
        })
        .await
        .map_err(|error| BackupError::NotProven(error.to_string()))?;
    if problems.is_empty() { Ok(()) } else { Err(BackupError::NotProven(problems.join("; "))) }
}
