//! How does a client fetch bytes without saying who it is? By an address that is itself the permission: kind, digest,
//! size and expiry under one key's signature. An address of what not everybody may read also says to whom it was given, and
//! works for as long as they may read it.

use sha2::{Digest as _, Sha256 as Hasher};

use super::Hub;
use crate::{
    auth::{
        Caller,
        audit::Deed,
        policy::{self, Action, ArtifactAction, Granted, Knowledge},
    },
    blobs::{BlobError, BlobKey, ByteStream},
    domain::{
        TokenId, Visibility,
        artifact::{Artifact, ArtifactRef},
        audit::{AuditAction, Right},
        commit::Commit,
        digest::Sha256,
    },
    error::{Error, ErrorKind},
    store::{self, Connection},
};

/// What an address is for. An address for one kind fits no object of another, even with the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A package's zip.
    Package,
    /// An artifact's bytes.
    Artifact,
}

/// Whether bytes are asked about or fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// How many there are, and whether they are there.
    Look,
    /// The bytes themselves.
    Fetch,
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
    /// Of what the bytes are, and to whom the address was given; `None` where everybody may read it.
    pub reader: Option<Reader>,
    /// Over all of the above.
    pub signature: String,
}

/// Of what bytes are, and who may have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The id of the Executor or artifact.
    pub item: String,
    /// By what they came to know of it: the id of their token (never its text), or a fingerprint of the stored hash of the
    /// secret, so that the address dies with either.
    pub by: String,
}

impl Hub {
    /// Where the package of a commit is fetched by whoever was granted its Executor.
    pub(super) fn package_address(
        &self,
        caller: &Caller,
        granted: &Granted,
        commit: &Commit,
    ) -> DownloadAddress {
        let executor = granted.executor();
        let reader = self.is_bound(executor.visibility).then(|| Reader {
            item: executor.id.to_string(),
            by: match (granted.right(), caller) {
                (Right::Secret, _) | (_, Caller::Anonymous) => fingerprint(executor.secret_hash.as_deref()),
                (_, Caller::Person { token, .. }) => token.to_string(),
            },
        });
        self.sign_address(Content::Package, commit.package_sha256, commit.package_size, reader)
    }

    /// Where the bytes of an artifact are fetched by a caller who may read it.
    pub(super) fn artifact_bytes_address(&self, caller: &Caller, artifact: &Artifact) -> DownloadAddress {
        let reader = match caller {
            Caller::Person { token, .. } if self.is_bound(artifact.visibility) => {
                Some(Reader { item: artifact.id.to_string(), by: token.to_string() })
            }
            _ => None,
        };
        self.sign_address(Content::Artifact, artifact.sha256, artifact.size, reader)
    }

    /// Whether an address says to whom it was given: where not everybody may read the thing.
    fn is_bound(&self, visibility: Visibility) -> bool {
        visibility == Visibility::Private || self.0.rules.hub.sign_in_required
    }

    /// An address for these bytes that works for a while.
    fn sign_address(
        &self,
        content: Content,
        sha256: Sha256,
        size: u64,
        reader: Option<Reader>,
    ) -> DownloadAddress {
        let life = i64::try_from(self.0.rules.download_address_life.as_secs()).unwrap_or(600);
        let expires = self.0.clock.now().timestamp() + life;
        let mut address =
            DownloadAddress { content, sha256, size, expires, reader, signature: String::new() };
        address.signature = self.0.keys.sign_download(&address.signed_text());
        address
    }

    /// Checks an address that came back. What everybody may read asks the database nothing; else it is decided again, and
    /// written down when something private is fetched.
    pub async fn check_download(&self, address: &DownloadAddress, purpose: Purpose) -> Result<(), Error> {
        if !self.0.keys.download_signature_fits(&address.signed_text(), &address.signature) {
            return Err(gone("This download address was not made by this Hub."));
        }
        if address.expires < self.0.clock.now().timestamp() {
            return Err(gone("This download address has expired."));
        }
        match &address.reader {
            None => Ok(()),
            Some(reader) => self.check_reader(address.content, reader, purpose).await,
        }
    }

    async fn check_reader(&self, content: Content, reader: &Reader, purpose: Purpose) -> Result<(), Error> {
        let no_more = || gone("This download address does not work any more.");
        let caller = match reader.by.parse::<TokenId>() {
            Ok(token) => self.caller_of(token).await?.ok_or_else(no_more)?,
            Err(_) => Caller::Anonymous,
        };
        let mut connection = self.0.store.read().await?;
        let (deed, visibility) = match content {
            Content::Package => {
                let granted = self.may_fetch_package(&mut connection, &caller, reader).await?;
                let granted = granted.ok_or_else(no_more)?;
                (Deed::with(AuditAction::PackageDownloaded, &granted), granted.object().visibility)
            }
            Content::Artifact => {
                let id = reader.item.parse().map_err(|_| no_more())?;
                let found = store::artifacts::find(&mut connection, &ArtifactRef::Id(id), None).await?;
                let rules = self.0.rules.hub;
                let granted = found.and_then(|artifact| {
                    policy::authorize_artifact(&caller, artifact, ArtifactAction::Read, rules).ok()
                });
                let granted = granted.ok_or_else(no_more)?;
                (Deed::with(AuditAction::ArtifactDownloaded, &granted), granted.object().visibility)
            }
        };
        if purpose == Purpose::Fetch && visibility == Visibility::Private {
            deed.record(&mut connection, &caller, self.0.clock.now()).await?;
        }
        Ok(())
    }

    async fn may_fetch_package(
        &self,
        connection: &mut Connection,
        caller: &Caller,
        reader: &Reader,
    ) -> Result<Option<Granted>, Error> {
        let Ok(id) = reader.item.parse() else { return Ok(None) };
        let Some(executor) = store::executors::find_by_id(connection, &id).await? else { return Ok(None) };
        let knowledge = match caller.user_id() {
            Some(user) => store::executor_grants::level_of(connection, Some(&id), user)
                .await?
                .map_or(Knowledge::Nothing, Knowledge::Grant),
            None if reader.by == fingerprint(executor.secret_hash.as_deref()) => Knowledge::Secret,
            None => Knowledge::Nothing,
        };
        Ok(policy::authorize(caller, knowledge, executor, Action::Read, self.0.rules.hub).ok())
    }

    /// The bytes of an address that was checked, or a range of them. The whole is held against its digest on its way; who
    /// asks for a part has to look at the whole themselves, as the clients do.
    pub async fn download(
        &self,
        address: &DownloadAddress,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<ByteStream, Error> {
        let key = match address.content {
            Content::Package => BlobKey::Package(address.sha256),
            Content::Artifact => BlobKey::Artifact(address.sha256),
        };
        let found = match range.filter(|range| *range != (0..address.size)) {
            Some(range) => self.0.blobs.get(&key, Some(range)).await,
            None => self.0.blobs.get_verified(&key).await,
        };
        match found {
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
        let text = format!("{kind} {} {} {}", self.sha256, self.size, self.expires);
        match &self.reader {
            None => text,
            Some(Reader { item, by }) => format!("{text} {item} {by}"),
        }
    }
}

/// Tells one stored hash from another and no token's id from either; the hash itself stays here.
fn fingerprint(secret_hash: Option<&str>) -> String {
    let mut word = hex::encode(Hasher::digest(secret_hash.unwrap_or_default()));
    word.truncate(16);
    format!("secret-{word}")
}

fn gone(cause: &str) -> Error {
    Error::new(ErrorKind::NotFound, "download_gone", cause, "Ask again for a new address.")
}
