//! What happens to a push whose bytes are here already? It succeeds with the commit that has them: nothing is built twice,
//! and a protected tag stays as it is.

use super::{
    Hub,
    publish::{Accepted, Admitted},
    tags,
};
use crate::{
    domain::{CommitId, Secret, Tag, executor::Executor},
    error::Error,
    store::{
        self, Connection,
        tags::{Move, ProtectedTag},
    },
};

impl Hub {
    /// A push to a protected tag with the very files that the tag holds. Tags that nobody set yet, or that were set before
    /// that commit, go there; one that a later push moved stays with it: whoever repeats the release of an old version does
    /// not mean to take `latest` back.
    pub(super) async fn repeat_release(
        &self,
        connection: &mut Connection,
        admitted: &Admitted,
        executor: Executor,
        secret: Option<Secret>,
        protected: &[ProtectedTag],
        commit: CommitId,
    ) -> Result<Accepted, Error> {
        let push = &admitted.push;
        let (now, by) = (self.0.clock.now(), admitted.caller.user_id());
        let decided_at = store::commits::accepted_at(connection, commit).await?.unwrap_or(now);
        let to = Move { executor: &executor.id, commit, by, at: now, decided_at };
        // Those that are held may hold another commit with the same files, and stay there.
        let is_held = |tag: &&Tag| protected.iter().any(|held| held.name == tag.as_str());
        let free = |tags: &[Tag]| tags.iter().filter(|tag| !is_held(tag)).cloned().collect::<Vec<_>>();
        for (tags, protect) in [(&push.tags, false), (&push.protected_tags, true)] {
            store::tags::move_to(connection, to, &free(tags), protect)
                .await
                .map_err(tags::refused_by_the_database)?;
        }
        let there = store::tags::names_at(connection, &executor.id, commit).await?;
        let asked = push.tags.iter().chain(&push.protected_tags);
        let (tags, kept): (Vec<Tag>, Vec<Tag>) =
            asked.cloned().partition(|tag| is_held(&tag) || there.iter().any(|name| name == tag.as_str()));
        let mut warnings =
            vec!["These bytes were pushed to this protected tag before; nothing changed.".to_owned()];
        warnings.extend(kept.iter().map(|tag| format!("The tag {tag} stays with a later push.")));
        let task = store::tasks::find_of_commit(connection, commit).await?;
        Ok(Accepted {
            // What the push says of visibility comes with a commit, and there is none.
            visibility: executor.visibility,
            executor,
            commit,
            task: task.map(|task| task.id),
            secret,
            tags,
            awaits_build: false,
            warnings,
        })
    }
}
