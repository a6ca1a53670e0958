//! Which keys does the Hub hold? One master key, from which a key for each purpose is derived.

use std::{
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use chacha20poly1305::{
    Key, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::domain::{BuildEnv, Secret, TaskId, id::random_bytes};

const NONCE_BYTES: usize = 24;

/// Keys for each purpose.
#[derive(Clone)]
pub struct Keys {
    download: Zeroizing<[u8; 32]>,
    build_env: Zeroizing<[u8; 32]>,
    build_scope: Zeroizing<[u8; 32]>,
    build_key: Zeroizing<[u8; 32]>,
    registry: Zeroizing<[u8; 32]>,
    repository: Zeroizing<[u8; 32]>,
    backup: Zeroizing<[u8; 32]>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The setting is not 64 hexadecimal digits.
    #[error("auth.master_key must be 64 hexadecimal digits (32 bytes)")]
    Shape,
    /// The key file cannot be read or written.
    #[error("cannot read or make the key file {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Keys {
    /// From the setting, or from the key file in the data folder, which is made (mode 0600) when it is missing.
    pub fn load(setting: &Secret, data_dir: &Path) -> Result<Self, KeysError> {
        if !setting.is_empty() {
            return Self::from_hex(setting.expose());
        }
        let path = data_dir.join("master.key");
        let text = read_or_make(&path).map_err(|source| KeysError::File { path, source })?;
        Self::from_hex(text.trim())
    }

    fn from_hex(text: &str) -> Result<Self, KeysError> {
        let mut master = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, master.as_mut_slice()).map_err(|_| KeysError::Shape)?;
        Ok(Self {
            download: derive(&master, "download address"),
            build_env: derive(&master, "build variables"),
            build_scope: derive(&master, "build cache scope"),
            build_key: derive(&master, "build key"),
            registry: derive(&master, "registry token"),
            repository: derive(&master, "repository key"),
            backup: derive(&master, "backup"),
        })
    }

    /// Signs a text for a download address.
    pub fn sign_download(&self, text: &str) -> String {
        hex::encode(tag(&self.download, &[text.as_bytes()]))
    }

    /// Whether a signature fits, in constant time.
    pub fn download_signature_fits(&self, text: &str, signature: &str) -> bool {
        let expected = self.sign_download(text);
        expected.as_bytes().ct_eq(signature.as_bytes()).into()
    }

    /// Signs a token of the image registry.
    pub fn sign_registry_token(&self, text: &str) -> [u8; 32] {
        tag(&self.registry, &[text.as_bytes()])
    }

    /// Whether a signature of such a token fits, in constant time.
    pub fn registry_signature_fits(&self, text: &str, signature: &[u8]) -> bool {
        self.sign_registry_token(text).as_slice().ct_eq(signature).into()
    }

    /// What opens the images of an Executor to whoever was given its secret, without the secret: it is worth nothing once
    /// the secret (of which only the stored hash counts) is another. 128 bits, as hexadecimal digits.
    pub fn repository_key(&self, executor: &str, secret_hash: &str) -> String {
        let mut word = hex::encode(tag(&self.repository, &[executor.as_bytes(), secret_hash.as_bytes()]));
        word.truncate(32);
        word
    }

    /// Whether a word is that key, in constant time.
    pub fn repository_key_fits(&self, executor: &str, secret_hash: &str, word: &str) -> bool {
        self.repository_key(executor, secret_hash).as_bytes().ct_eq(word.as_bytes()).into()
    }

    /// Signs the table of contents of a backup.
    pub fn sign_backup(&self, manifest: &[u8]) -> String {
        hex::encode(tag(&self.backup, &[manifest]))
    }

    /// Whether such a signature fits, in constant time.
    pub fn backup_signature_fits(&self, manifest: &[u8], signature: &str) -> bool {
        self.sign_backup(manifest).as_bytes().ct_eq(signature.as_bytes()).into()
    }

    /// Encrypts build variables for their task's row; nobody can move them to another.
    pub fn encrypt_build_env(&self, task: TaskId, env: &BuildEnv) -> Option<Vec<u8>> {
        if env.is_empty() {
            return None;
        }
        let nonce = random_bytes::<NONCE_BYTES>();
        let plain = env.to_plaintext();
        let payload = Payload { msg: plain.as_bytes(), aad: task.0.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts build variables; `None` when the row, the task or the key does not fit.
    pub fn decrypt_build_env(&self, task: TaskId, sealed: &[u8]) -> Option<BuildEnv> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: task.0.as_bytes() };
        let plain = Zeroizing::new(self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?);
        BuildEnv::parse(std::str::from_utf8(&plain).ok()?).ok()
    }

    /// A word that is the same only for the same owner and the same values: it keeps cached layers apart.
    pub fn build_scope(&self, owner: &str, env: &BuildEnv) -> String {
        let plain = env.to_plaintext();
        let mut word = hex::encode(tag(&self.build_scope, &[owner.as_bytes(), plain.as_bytes()]));
        word.truncate(32);
        word
    }

    /// Identifies what a build is made of. Values of variables go into it and cannot be guessed from it without the key.
    pub fn build_key(&self, parts: &[&[u8]], platforms: &[String], env: &BuildEnv) -> [u8; 32] {
        let plain = env.to_plaintext();
        let platforms = platforms.join(",");
        let mut all = parts.to_vec();
        all.extend([platforms.as_bytes(), plain.as_bytes()]);
        tag(&self.build_key, &all)
    }

    /// Tells master keys apart and nothing of them.
    pub fn fingerprint(&self) -> [u8; 8] {
        let whole = tag(&self.download, &[b"fingerprint of the master key"]);
        whole.first_chunk().copied().unwrap_or_default()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.build_env))
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// Whether a text has the shape of a master key.
pub(super) fn is_key(text: &str) -> bool {
    hex::decode_to_slice(text, [0; 32].as_mut_slice()).is_ok()
}

fn derive(master: &[u8; 32], purpose: &str) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(tag(master, &[b"executor-hub", purpose.as_bytes()]))
}

/// HMAC-SHA-256 over parts, each with its length before it so that no two lists of parts look the same.
pub(super) fn tag(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn read_or_make(path: &Path) -> io::Result<Zeroizing<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => return Ok(Zeroizing::new(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let text = Zeroizing::new(hex::encode(random_bytes::<32>()));
    // Written whole under another name, then linked: of two processes that start at once, both get the first one's key.
    let draft = folder.join(format!(".master.key.{}", hex::encode(random_bytes::<8>())));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => {
            std::fs::File::open(folder)?.sync_all()?;
            Ok(text)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::read_to_string(path).map(Zeroizing::new)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_file_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::load(&Secret::new(""), folder.path()).unwrap();
        let second = Keys::load(&Secret::new(""), folder.path()).unwrap();
        assert_eq!(first.sign_download("x"), second.sign_download("x"));
        let mode = std::fs::metadata(folder.path().join("master.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn build_variables_open_only_for_their_own_task() {
        let keys = Keys::load(&Secret::new("ab".repeat(32)), Path::new("/nowhere")).unwrap();
        let env = BuildEnv::parse(r#"{"TOKEN": "hunter2"}"#).unwrap();
        let (task, other) = (TaskId::mint(), TaskId::mint());
        let sealed = keys.encrypt_build_env(task, &env).unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        let opened = keys.decrypt_build_env(task, &sealed).unwrap();
        assert_eq!(opened.variables().next().unwrap().1.expose(), "hunter2");
        assert!(keys.decrypt_build_env(other, &sealed).is_none());
        assert!(keys.decrypt_build_env(task, &sealed[1..]).is_none());
        assert!(keys.encrypt_build_env(task, &BuildEnv::default()).is_none());
    }

    #[test]
    fn a_build_is_the_same_only_if_every_part_of_it_is() {
        let keys = Keys::load(&Secret::new("cd".repeat(32)), Path::new("/nowhere")).unwrap();
        let env = |text: &str| BuildEnv::parse(text).unwrap();
        let (a, b) = (env(r#"{"T": "a"}"#), env(r#"{"T": "b"}"#));
        let arm = ["linux/arm64".to_owned()];
        let whole = keys.build_key(&[b"zip", b"Dockerfile"], &[], &a);
        assert_eq!(whole, keys.build_key(&[b"zip", b"Dockerfile"], &[], &a));
        for other in [
            keys.build_key(&[b"zip", b"Dockerfile"], &[], &b),
            keys.build_key(&[b"zip", b"Dockerfile"], &arm, &a),
            keys.build_key(&[b"zipD", b"ockerfile"], &[], &a),
        ] {
            assert_ne!(whole, other);
        }
    }

    #[test]
    fn owners_and_values_have_scopes_of_their_own() {
        let keys = Keys::load(&Secret::new("cd".repeat(32)), Path::new("/nowhere")).unwrap();
        let a = BuildEnv::parse(r#"{"T": "a"}"#).unwrap();
        let b = BuildEnv::parse(r#"{"T": "b"}"#).unwrap();
        assert_eq!(keys.build_scope("alice", &a), keys.build_scope("alice", &a));
        assert_ne!(keys.build_scope("alice", &a), keys.build_scope("alice", &b));
        assert_ne!(keys.build_scope("alice", &a), keys.build_scope("bob", &a));
    }
}
