//! How is a Hub copied while it runs, and how does it come back? Rows as one snapshot of the database saw them, and every
//! byte that they need; nothing is restored that was not signed with the Hub's key and does not fit its hash.
//!
//! ```text
//!   <folder>/backup.lock                 held by whoever writes here
//!   <folder>/objects/…                   bytes by their digests, shared by all backups: a next one adds what is new
//!   <folder>/backups/<moment>/           one backup; appears under this name when it is whole
//!        manifest.json                   what it holds, with hashes; the format's version
//!        manifest.signature              HMAC-SHA-256 of that, with a key made of the Hub's master key
//!        tables/<table>.gz               rows in PostgreSQL's text format, one a line
//!        objects.gz                      keys and sizes of the bytes that the rows need, one a line
//!        master.key                      only when asked for
//! ```

mod error;
mod folder;
mod lines;
mod manifest;
mod objects;
mod proof;
mod prune;
mod rehearsal;
mod restore;
mod snapshot;
mod take;

use std::path::Path;

use chrono::TimeDelta;
use zeroize::Zeroizing;

pub use error::BackupError;
pub use folder::Folder;
pub use manifest::Manifest;
pub use proof::prove;
pub use prune::prune;
pub use rehearsal::{Rehearsal, rehearse};
pub use restore::{Replace, restore};
pub use snapshot::{Signed, Snapshot};
pub use take::{Taken, take};

use crate::{
    auth::{Keys, MasterKey},
    blobs::Blobs,
    check::Checker,
    config::Settings,
};

/// What of a Hub lies outside its database.
#[derive(Debug, Clone)]
pub struct Place {
    blobs: Blobs,
    keys: Keys,
    master: MasterKey,
}

impl Place {
    /// Those of these settings, beside a server that may be running.
    pub fn open(settings: &Settings) -> Result<Self, BackupError> {
        let data_dir = &settings.server.data_dir;
        // Before anything makes one: what a new key signs, no Hub believes.
        let master = MasterKey::find(&settings.auth.master_key, data_dir)?.ok_or(BackupError::NoOwnKey)?;
        let keys = Keys::load(&settings.auth.master_key, data_dir)?;
        let blobs = Blobs::open_beside(&settings.blobs, data_dir)?;
        Ok(Self { blobs, keys, master })
    }

    /// The same where a backup is to be restored: a Hub that has no key yet takes that of the backup.
    pub fn open_for(settings: &Settings, snapshot: &Snapshot, new_key: bool) -> Result<Self, BackupError> {
        let data_dir = &settings.server.data_dir;
        std::fs::create_dir_all(data_dir)?;
        if MasterKey::find(&settings.auth.master_key, data_dir)?.is_none() && !new_key {
            let text = snapshot.master_key()?.ok_or(BackupError::NoKey)?;
            MasterKey::install(&text, data_dir)?;
        }
        if new_key {
            Keys::load(&settings.auth.master_key, data_dir)?;
        }
        Self::open(settings)
    }

    /// The text of the master key: whoever has it can read what is sealed in the database.
    fn master_key(&self) -> Zeroizing<String> {
        self.master.text()
    }
}

/// Looks whether a backup's own bytes are what its rows need.
fn checker_of(store: &crate::store::Store, objects: &Path, deep: bool) -> Result<Checker, BackupError> {
    let blobs = Blobs::in_folder(objects)?;
    Ok(Checker { store: store.clone(), blobs, deep, only_needed: true, patience: TimeDelta::zero() })
}
