//! How does a client fetch a package without saying who it is? By an address that is itself the permission: digest,
//! size and expiry under one key's signature.

use super::Hub;
use crate::{
    blobs::{BlobError, BlobKey, ByteStream},
    domain::{commit::Commit, digest::Sha256},
    error::{Error, ErrorKind},
};

/// Where a package is fetched; the surface puts the Hub's own address before it.
#[derive(Debug, Clone)]
pub struct DownloadAddress {
    /// Identifies the package.
    pub sha256: Sha256,
    /// Its bytes.
    pub size: u64,
    /// When the address stops working, in seconds since 1970.
    pub expires: i64,
    /// Over all of the above.
    pub signature: String,
}

impl Hub {
    pub(super) fn download_address(&self, commit: &Commit) -> DownloadAddress {
        let life = i64::try_from(self.0.rules.download_address_life.as_secs()).unwrap_or(600);
        let expires = self.0.clock.now().timestamp() + life;
        let signature =
            self.0.keys.sign_download(&signed_text(&commit.package_sha256, commit.package_size, expires));
        DownloadAddress { sha256: commit.package_sha256, size: commit.package_size, expires, signature }
    }

    /// Checks an address that came back.
    pub fn check_download(&self, address: &DownloadAddress) -> Result<(), Error> {
        let text = signed_text(&address.sha256, address.size, address.expires);
        if !self.0.keys.download_signature_fits(&text, &address.signature) {
            return Err(gone("This download address was not made by this Hub."));
        }
        if address.expires < self.0.clock.now().timestamp() {
            return Err(gone("This download address has expired."));
        }
        Ok(())
    }

    /// The package's bytes, or a range of them.
    pub async fn download(
        &self,
        address: &DownloadAddress,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<ByteStream, Error> {
        match self.0.blobs.get(&BlobKey::Package(address.sha256), range).await {
            Ok(stream) => Ok(stream),
            Err(BlobError::NotFound(_)) => Err(gone("This package is not kept any more.")),
            Err(error) => Err(error.into()),
        }
    }
}

fn signed_text(sha256: &Sha256, size: u64, expires: i64) -> String {
    format!("{sha256} {size} {expires}")
}

fn gone(cause: &str) -> Error {
    Error::new(ErrorKind::NotFound, "download_gone", cause, "Pull again to get a new address.")
}
