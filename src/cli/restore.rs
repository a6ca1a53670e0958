//! `executor-hub restore`: a Hub out of a backup. Nothing is written before all of the backup was looked at.

use std::path::PathBuf;

use clap::Args;

use super::{database::Database, failure::Failure};
use crate::{
    app::DataDirLock,
    backup::{self, Place, Replace, Signed, Snapshot},
    config::{Environment, Settings},
    domain::SystemClock,
};

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The folder of backups
    from: PathBuf,
    /// Which backup, by its name; without it, the newest
    #[arg(long, value_name = "NAME")]
    backup: Option<String>,
    /// Throw away all records that the Hub has
    #[arg(long)]
    replace: bool,
    /// Believe a backup that was not signed with this Hub's master key
    #[arg(long)]
    unsigned: bool,
    /// Go on without the copied Hub's master key, with another one
    #[arg(long, requires = "unsigned")]
    new_key: bool,
}

impl Restore {
    pub(super) async fn run(self, settings: &Settings, environment: &Environment) -> Result<(), Failure> {
        let snapshot = Snapshot::find(&self.from, self.backup.as_deref())?;
        // A server of this folder would go on with what it remembers.
        let _lock = DataDirLock::take(&settings.server.data_dir, "server")?;
        let place = Place::open_for(settings, &snapshot, self.new_key)?;
        let signed = if self.unsigned { Signed::Trusted } else { Signed::Required };
        let manifest = snapshot.manifest(&place, signed)?;
        snapshot.verify(&manifest, true).await?;
        let (mut connection, private) = Database::unmigrated(settings, environment).await?;
        let replace = if self.replace { Replace::Everything } else { Replace::Refused };
        let done =
            backup::restore(&snapshot, &manifest, &mut connection, &place, &SystemClock, replace).await;
        drop(connection);
        if let Some(private) = private {
            private.stop().await;
        }
        done?;
        let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
        println!("taken at\t{}", manifest.taken_at.to_rfc3339());
        println!("rows\t{rows}");
        println!("objects\t{}\t{} bytes", manifest.objects.count, manifest.objects.bytes);
        for key in &manifest.lost {
            println!("lost before the backup\t{key}");
        }
        Ok(())
    }
}
