//! What can be done with artifacts? Everyone may read public ones, only their owner changes them, and to a stranger a
//! private one is as if it were not there.

mod bytes;
mod list;
mod manage;
mod upload;

pub use list::ListedArtifacts;
pub use upload::{ReceivedArtifact, UploadArtifact};

pub use crate::store::artifacts::{Said, Usage};

use super::Hub;
use crate::{
    auth::{
        Caller,
        policy::{self, ArtifactAction, Denied, Granted},
    },
    domain::artifact::{Artifact, ArtifactName, ArtifactRef},
    error::{Error, ErrorKind},
    store::{self, Connection, StoreError},
};

impl Hub {
    /// The artifact that a reference means, if this caller may do `action` with it.
    async fn find_artifact(
        &self,
        connection: &mut Connection,
        caller: &Caller,
        reference: &ArtifactRef,
        action: ArtifactAction,
    ) -> Result<Granted<Artifact>, Error> {
        let found = store::artifacts::find(connection, reference, caller.user_id()).await?;
        let artifact = found.ok_or_else(Error::artifact_not_found)?;
        self.authorize_artifact(caller, artifact, action)?.ok_or_else(Error::artifact_not_found)
    }

    /// The artifact itself if this caller may do `action` with it, `None` if it does not exist for them.
    fn authorize_artifact(
        &self,
        caller: &Caller,
        artifact: Artifact,
        action: ArtifactAction,
    ) -> Result<Option<Granted<Artifact>>, Error> {
        match policy::authorize_artifact(caller, artifact, action, self.0.rules.hub) {
            Ok(granted) => Ok(Some(granted)),
            Err(Denied::Hidden) => Ok(None),
            Err(Denied::Forbidden) => Err(Error::new(
                ErrorKind::Forbidden,
                "artifact_not_yours",
                "This artifact belongs to somebody else.",
                "Only its owner can change it; upload one of your own.",
            )),
        }
    }
}

impl Error {
    /// No such artifact, or the caller may not know of it: both look the same.
    pub fn artifact_not_found() -> Self {
        Self::new(
            ErrorKind::NotFound,
            "artifact_not_found",
            "There is no such artifact.",
            "Check its id or name, and sign in as its owner if it is private.",
        )
    }
}

/// What a name that two artifacts want means to whoever came second.
fn name_taken(error: StoreError, name: Option<&ArtifactName>) -> Error {
    match (error, name) {
        (StoreError::Conflict(_), Some(name)) => Error::new(
            ErrorKind::NameTaken,
            "artifact_name_taken",
            format!("Another artifact of yours has the name '{name}'."),
            "Choose another name, or upload under that name to replace it.",
        ),
        (error, _) => error.into(),
    }
}
