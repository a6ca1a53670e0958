//! By what name is an image pulled? By one that means the same image for ever: the registry's host as clients reach it, the
//! Executor's id, and the commit's own tag, so that clients may remember it as long as they like, and they do.

use super::Hub;
use crate::{
    domain::{
        CommitId, ExecutorId,
        image::{RepositoryName, commit_tag},
    },
    store::{executor_parts::CommitRow, pulls::BuiltFor},
};

impl Hub {
    /// The name under which the image of a commit is pulled, once there is one.
    pub fn name_of_image(&self, executor: &ExecutorId, commit: CommitId) -> String {
        let (host, repository) = (&self.0.rules.image_host, RepositoryName::of_id(executor));
        format!("{host}/{repository}:{}", commit_tag(commit))
    }

    /// The names under which a client gets an image of a commit, best first. What the registry has is one name, from which
    /// Docker chooses by platform itself. What was built before images were kept here is told by the name that its engine
    /// gave it, the wanted platform first: it can be had on the machine of that engine only, until it is pushed again.
    pub(super) fn image_names(
        &self,
        executor: &ExecutorId,
        commit: CommitId,
        mut images: Vec<BuiltFor>,
        wanted: Option<&str>,
    ) -> Vec<String> {
        if images.iter().any(|image| image.is_in_registry) {
            return vec![self.name_of_image(executor, commit)];
        }
        // Stable: the others keep their order.
        images.sort_by_key(|image| Some(image.platform.as_str()) != wanted);
        images.into_iter().map(|image| image.name).collect()
    }

    /// The same commits, with images by the names under which they are pulled.
    pub(super) fn with_image_names(
        &self,
        executor: &ExecutorId,
        mut commits: Vec<CommitRow>,
    ) -> Vec<CommitRow> {
        for commit in &mut commits {
            for image in commit.images.iter_mut().filter(|image| image.is_in_registry) {
                image.name = self.name_of_image(executor, commit.id);
            }
        }
        commits
    }
}
