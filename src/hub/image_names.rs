//! By what name is an image pulled? By one that means the same image for ever, so that clients may remember it as long as they
//! like, and they do.

use super::Hub;
use crate::{
    auth::policy::Granted,
    domain::CommitId,
    store::{executor_parts::CommitRow, pulls::BuiltFor},
};

impl Hub {
    /// The name under which whoever was granted an Executor pulls the image of a commit, once there is one.
    pub(super) fn name_of_image(&self, granted: &Granted, commit: CommitId) -> String {
        self.image_name(granted, commit, &self.0.rules.image_host)
    }

    /// The names under which a client gets an image of a commit, best first. What the registry has is one name, from which
    /// Docker chooses by platform itself. What was built before images were kept here is told by the name that its engine
    /// gave it, the wanted platform first: it can be had on the machine of that engine only, until it is built again.
    pub(super) fn names_of_images(
        &self,
        granted: &Granted,
        commit: CommitId,
        mut images: Vec<BuiltFor>,
        wanted: Option<&str>,
    ) -> Vec<String> {
        if images.iter().any(|image| image.is_in_registry) {
            return vec![self.name_of_image(granted, commit)];
        }
        // Stable: the others keep their order.
        images.sort_by_key(|image| Some(image.platform.as_str()) != wanted);
        images.into_iter().map(|image| image.name).collect()
    }

    /// The same commits, with images by the names under which they are pulled.
    pub(super) fn with_image_names(&self, granted: &Granted, mut commits: Vec<CommitRow>) -> Vec<CommitRow> {
        for commit in &mut commits {
            for image in commit.images.iter_mut().filter(|image| image.is_in_registry) {
                image.name = self.name_of_image(granted, commit.id);
            }
        }
        commits
    }
}
