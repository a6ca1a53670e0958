//! `executor-hub backup`: a copy of the whole Hub that is known to come back.

use std::path::PathBuf;

use clap::Args;

use super::{
    database::{Database, Scratch},
    failure::Failure,
};
use crate::{
    backup::{self, Folder, Place, Taken},
    config::{Environment, Settings},
    domain::{Clock as _, SystemClock},
};

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The folder of backups; a further one there copies only the bytes that are new
    to: PathBuf,
    /// Do not restore the backup for a test
    #[arg(long, conflicts_with = "deep")]
    no_verify: bool,
    /// Read all bytes again for the test, those of earlier backups too
    #[arg(long)]
    deep: bool,
    /// Put the master key into the backup: whoever reads it can then read build variables that wait for their build
    #[arg(long)]
    include_key: bool,
    /// Afterwards remove all but this many of the newest backups, and the bytes that only the others needed
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
}

impl Backup {
    pub(super) async fn run(self, settings: &Settings, environment: &Environment) -> Result<(), Failure> {
        let folder = Folder::take(&self.to)?;
        let database = Database::beside_as_it_is(settings, environment).await?;
        let done = self.make(settings, environment, &database, folder).await;
        database.close().await;
        let (lines, lost) = done?;
        for line in lines {
            println!("{line}");
        }
        if lost > 0 {
            let why = format!("the Hub has lost the bytes of {lost} objects; run `executor-hub check`");
            return Err(anyhow::anyhow!(why).into());
        }
        Ok(())
    }

    async fn make(
        self,
        settings: &Settings,
        environment: &Environment,
        database: &Database,
        folder: Folder,
    ) -> Result<(Vec<String>, usize), Failure> {
        let place = Place::open(settings)?;
        let taken = backup::take(&database.store, &place, &SystemClock, folder, self.include_key).await?;
        let proven_at = if self.no_verify {
            None
        } else {
            let scratch = Scratch::open(settings, environment, &database.store).await?;
            let proof = self.prove(&taken, &scratch).await;
            scratch.close(&database.store).await;
            proof?;
            Some(SystemClock.now())
        };
        let rows: u64 = taken.manifest.tables.iter().map(|table| table.rows).sum();
        let (objects, lost, new) = (taken.manifest.objects.clone(), taken.manifest.lost.len(), taken.new);
        let (folder, name) = taken.finish(&database.store, proven_at).await?;
        let mut lines = vec![
            format!("backup\t{name}"),
            format!("rows\t{rows}"),
            format!("objects\t{}\t{} bytes", objects.count, objects.bytes),
            format!("new objects\t{}\t{} bytes", new.0, new.1),
            format!("restored for a test\t{}", if proven_at.is_some() { "yes" } else { "no" }),
        ];
        if let Some(keep) = self.keep {
            let (backups, objects) =
                backup::prune(&folder, usize::try_from(keep).unwrap_or(usize::MAX)).await?;
            lines.push(format!("removed\t{backups} backups\t{objects} objects"));
        }
        Ok((lines, lost))
    }

    async fn prove(&self, taken: &Taken, scratch: &Scratch) -> Result<(), Failure> {
        let snapshot = taken.snapshot();
        Ok(backup::prove(&snapshot, &taken.manifest, &scratch.store, &SystemClock, self.deep).await?)
    }
}
