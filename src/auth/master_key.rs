//! Where is the master key, for whoever copies a Hub? In the settings or in the data folder; a copy is put there before
//! anything could make another one.

use std::{
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use zeroize::Zeroizing;

use super::keys::{KeysError, is_key};
use crate::domain::Secret;

const FILE: &str = "master.key";

/// The text of a master key: 64 hexadecimal digits.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<String>);

impl MasterKey {
    /// The key of the setting, or of the file in the data folder; `None` when nobody has made one yet.
    pub fn find(setting: &Secret, data_dir: &Path) -> Result<Option<Self>, KeysError> {
        if !setting.is_empty() {
            return Ok(Some(Self(Zeroizing::new(setting.expose().to_owned()))));
        }
        let path = data_dir.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Self(Zeroizing::new(text.trim().to_owned())))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(KeysError::File { path, source }),
        }
    }

    /// Puts a key into the data folder, for its owner only; an error when there is one.
    pub fn install(text: &str, data_dir: &Path) -> Result<(), KeysError> {
        let text = text.trim();
        if !is_key(text) {
            return Err(KeysError::Shape);
        }
        let path = data_dir.join(FILE);
        let write = || {
            let mut file =
                std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|source| KeysError::File { path: path.clone(), source })
    }

    /// Its text.
    pub fn text(&self) -> Zeroizing<String> {
        self.0.clone()
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}
