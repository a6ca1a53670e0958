//! How are images kept and found? A repository for each Executor, whose parts are read only there; bytes are kept once,
//! are durable and verified before anything speaks of them, and go when no repository has them any more.
//!
//! Nothing here asks who is calling: whoever calls was let into the Executor before (`hub::repositories` for people,
//! the lease for builds).
//!
//! **What a repository has.** Blobs (layers, configurations) and manifests (images, indexes), each by its digest. A manifest
//! is taken only when everything that it names is in the repository.
//!
//! **What a tag leads to.** The Executor's own tag of that name: its commit's image, which is one manifest, or an index when
//! there are several platforms ([`Images::put_index`], `store::image_tags::set_of_commit`). Tags of images therefore follow
//! the tags of the Executor by themselves, and a tag whose commit has no image leads nowhere. `commit-<commit id>`
//! ([`commit_tag`](crate::domain::image::commit_tag)) is the image of one commit for ever: what is remembered of it stays
//! true. `containers[0]` is `<registry host>/<Executor id>:commit-<commit id>`.
//!
//! **What may be pushed by hand.** Whoever may push to an Executor may push images to its repository. A tag that they push
//! becomes a tag of the repository if the Executor has no tag of the name, no rule protects the name, and it is not of the
//! form `commit-…`; everything else is refused, except pushing what is there already. Such a tag moves as its pushers like
//! until a rule protects it; should the Executor get a tag of the same name, that comes first. By its digest anything may be
//! pushed. Nobody makes an Executor by pushing an image.
//!
//! **How a built image comes in** (a build, per layer, then per platform, then once):
//!
//! ```text
//! known_layer(executor, diff_id)            Some(blob): it is in the repository now, nothing to compress
//! stage() → Receiving (io::Write) → finish() → put_blob(executor, received) → StoredBlob
//! remember_layer(diff_id, blob)
//! put_manifest(executor, NewImageManifest)  after the configuration was put with put_blob
//! put_index(executor, platforms)            the digest of the commit's image, whether it is one or several
//! in the transaction that makes the commit usable:
//!   store::images::put(…manifest: Some(…)), store::image_tags::set_of_commit(…)
//! ```
//!
//! What was put and never named by a manifest is collected later, so a build that dies leaves nothing for long.

pub mod archive;
mod blobs;
mod collect;
mod index;
pub mod ingest;
mod manifests;
mod receiving;
mod staging;
mod uploads;

use std::{io, sync::Arc, time::Duration};

use chrono::TimeDelta;

use crate::{
    blobs::Blobs,
    config::{self, Settings},
    domain::{Clock, image::ImageDigest},
    error::{Error, ErrorKind},
    store::Store,
};

pub use crate::store::{
    image_blobs::StoredBlob,
    image_manifests::{Manifest, Referrer},
};
pub use index::PlatformImage;
pub use manifests::{MANIFEST_BYTES, NewImageManifest, StoredManifest};
pub use receiving::{Received, Receiving};
pub(crate) use uploads::upload_unknown;
pub use uploads::{Appended, Begin};

/// What the operator chose about images.
#[derive(Debug, Clone)]
pub struct ImageRules {
    /// How long parts of images that nothing names are kept.
    pub grace: TimeDelta,
    /// How long manifests that nothing names are kept.
    pub keep_untagged: TimeDelta,
    /// How long an upload in pieces is kept to which nobody comes back.
    pub upload_life: Duration,
    /// Bytes of one layer.
    pub max_blob: u64,
}

impl ImageRules {
    /// From the settings.
    pub fn of(settings: &Settings) -> Self {
        let time = |span: config::Span| TimeDelta::from_std(span.0).unwrap_or(TimeDelta::days(7));
        Self {
            grace: time(settings.collection.grace),
            keep_untagged: time(settings.images.keep_untagged),
            upload_life: settings.images.upload_life.0,
            max_blob: settings.images.max_layer.0,
        }
    }
}

/// The registry of images.
#[derive(Debug, Clone)]
pub struct Images(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    store: Store,
    blobs: Blobs,
    clock: Arc<dyn Clock>,
    rules: ImageRules,
    hashes: uploads::Hashes,
}

impl Images {
    /// Over the given parts.
    pub fn new(store: Store, blobs: Blobs, clock: Arc<dyn Clock>, rules: ImageRules) -> Self {
        let hashes = uploads::Hashes::default();
        Self(Arc::new(Parts { store, blobs, clock, rules, hashes }))
    }

    /// A new file for a blob that is being received or made; gone when it is dropped. Blocks on the disk.
    pub fn stage(&self) -> io::Result<Receiving> {
        Ok(Receiving::into_file(self.0.blobs.stage()?, self.0.blobs.floor().clone()))
    }

    /// What the operator chose.
    pub fn rules(&self) -> &ImageRules {
        &self.0.rules
    }
}

/// There is no such blob in the repository.
pub(crate) fn blob_unknown() -> Error {
    Error::new(
        ErrorKind::NotFound,
        "blob_unknown",
        "This repository has no such blob.",
        "Check the digest; a blob can be read only in a repository that it was pushed to.",
    )
}

/// There is no such manifest in the repository.
pub(crate) fn manifest_unknown() -> Error {
    Error::new(
        ErrorKind::NotFound,
        "manifest_unknown",
        "This repository has no such image.",
        "Check the tag or the digest; an Executor has an image once its build has succeeded.",
    )
}

/// The bytes are others than their digest says.
pub(crate) fn digest_invalid(is: &ImageDigest) -> Error {
    Error::new(
        ErrorKind::Invalid,
        "digest_invalid",
        format!("What came has another digest than was said: {is}."),
        "Send it again.",
    )
}
