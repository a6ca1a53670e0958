//! How does a client fetch bytes without saying who it is? By an address that is itself the permission: kind, digest,
//! size and expiry under one key's signature.

use super::Hub;
use crate::{
    blobs::{BlobError, BlobKey, ByteStream},
    domain::{commit::Commit, digest::Sha256},
    error::{Error, ErrorKind},
};

/// What an address is for. An address for one kind fits no object of another, even with the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A package's zip.
    Package,
    /// An artifact's bytes.
    Artifact,
}

/// Where bytes are fetched; the surface puts the Hub's own address before it.
#[derive(Debug, Clone)]
pub struct DownloadAddress {
    /// What they are.
    pub content: Content,
    /// Identifies the bytes.
    pub sha256: Sha256,
    /// How many.
    pub size: u64,
    /// When the address stops working, in seconds since 1970.
    pub expires: i64,
    /// Over all of the above.
    pub signature: String,
}

impl Hub {
    pub(super) fn download_address(&self, commit: &Commit) -> DownloadAddress {
        self.sign_address(Content::Package, commit.package_sha256, commit.package_size)
    }

    /// An address for these bytes that works for a while.
    pub(super) fn sign_address(&self, content: Content, sha256: Sha256, size: u64) -> DownloadAddress {
        let life = i64::try_from(self.0.rules.download_address_life.as_secs()).unwrap_or(600);
        let expires = self.0.clock.now().timestamp() + life;
        let mut address = DownloadAddress { content, sha256, size, expires, signature: String::new() };
        address.signature = self.0.keys.sign_download(&address.signed_text());
        address
    }

    /// Checks an address that came back.
    pub fn check_download(&self, address: &DownloadAddress) -> Result<(), Error> {
        if !self.0.keys.download_signature_fits(&address.signed_text(), &address.signature) {
            return Err(gone("This download address was not made by this Hub."));
        }
        if address.expires < self.0.clock.now().timestamp() {
            return Err(gone("This download address has expired."));
        }
        Ok(())
    }

    /// The bytes of an address that was checked, or a range of them.
    pub async fn download(
        &self,
        address: &DownloadAddress,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<ByteStream, Error> {
        let key = match address.content {
            Content::Package => BlobKey::Package(address.sha256),
            Content::Artifact => BlobKey::Artifact(address.sha256),
        };
        match self.0.blobs.get(&key, range).await {
            Ok(stream) => Ok(stream),
            Err(BlobError::NotFound(_)) => Err(gone("These bytes are not kept any more.")),
            Err(error) => Err(error.into()),
        }
    }
}

impl DownloadAddress {
    fn signed_text(&self) -> String {
        let kind = match self.content {
            Content::Package => "package",
            Content::Artifact => "artifact",
        };
        format!("{kind} {} {} {}", self.sha256, self.size, self.expires)
    }
}

fn gone(cause: &str) -> Error {
    Error::new(ErrorKind::NotFound, "download_gone", cause, "Ask again for a new address.")
}
