//! Where does the image of a build go? Into the registry: its parts are staged while the engine searches it, and stored when
//! the build has ended well, so that nothing that leaked is ever stored.

use std::{
    io::Read,
    sync::{Mutex, PoisonError},
};

use super::{
    Fault,
    engine::{BuiltImage, ImageKeeper, LayerWatch},
};
use crate::{
    domain::{image::ImageDigest, task::FaultKind},
    images::{
        archive::{ArchiveError, Outline},
        ingest::{IngestError, Intake, StagedImage, StoredImage},
    },
};

/// An image that a build made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptImage {
    /// What the engine says of it.
    pub image: BuiltImage,
    /// Its manifest in the registry; `None` where it lies in the engine only.
    pub manifest: Option<ImageDigest>,
}

/// What all builds of a task made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptImages {
    /// One for each platform.
    pub images: Vec<KeptImage>,
    /// The commit's image in the registry: the only one, or an index of them.
    pub manifest: Option<ImageDigest>,
}

/// Keeps the image of one build.
#[derive(Debug)]
pub(super) struct Keeper {
    intake: Intake,
    staged: Mutex<Option<StagedImage>>,
}

impl Keeper {
    pub(super) fn new(intake: Intake) -> Self {
        Self { intake, staged: Mutex::default() }
    }

    /// Stores what was taken.
    pub(super) async fn store(&self) -> Result<StoredImage, Fault> {
        let nothing =
            || Fault::new(FaultKind::Internal, "The engine handed over no image. It is tried again.");
        let staged = self.hold(None).ok_or_else(nothing)?;
        self.intake.store(staged).await.map_err(fault)
    }

    /// Holds this instead of what was held.
    fn hold(&self, staged: Option<StagedImage>) -> Option<StagedImage> {
        std::mem::replace(&mut self.staged.lock().unwrap_or_else(PoisonError::into_inner), staged)
    }
}

impl ImageKeeper for Keeper {
    fn take(&self, archive: &mut dyn Read, watch: &mut dyn LayerWatch) -> Result<Outline, Fault> {
        self.hold(None);
        let read = self.intake.read(archive, |path, tar| watch.layer(path, tar));
        let (outline, staged) = read.map_err(fault)?;
        self.hold(Some(staged));
        Ok(outline)
    }
}

fn fault(error: IngestError) -> Fault {
    match error {
        IngestError::Archive(error @ ArchiveError::Unreadable(_)) => Fault::new(
            FaultKind::Engine,
            format!("The Docker Engine did not hand over the image: {error}. It is tried again."),
        ),
        IngestError::Archive(error) => Fault::new(
            FaultKind::Unsupported,
            format!("The Docker Engine handed over an image that cannot be stored: {error}."),
        )
        .with_remedy("Tell the operator of this Hub, whose engine has another form of images."),
        IngestError::TooLarge(limit) => Fault::new(
            FaultKind::Disk,
            format!("The layers of the image have more than {limit} bytes, which is the limit of this Hub."),
        )
        .with_remedy("Start from a smaller base image, or delete in the same step what a step does not leave to the next."),
        error => not_stored(&error),
    }
}

/// An image that is built and not in the registry, for a reason of the Hub's own.
pub(super) fn not_stored(error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(%error, "an image cannot be stored");
    Fault::new(FaultKind::Internal, "The image could not be stored because of a fault of the Hub's own.")
}
