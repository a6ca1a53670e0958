//! Was exactly this built before? The same package with the same build parameters is the same commit: its tags move, and
//! nothing is built again, unless the push says `--no-cache`.

use super::{
    Hub,
    publish::{Accepted, Admitted, Push},
    tags,
};
use crate::{
    config::BuildMode,
    domain::{Secret, Tag, executor::Executor},
    error::Error,
    inspect::Inspection,
    store::{self, Connection, commits::Twin, tags::Move},
};

impl Hub {
    /// What a build is made of, as one keyed hash: equal only for equal packages, Dockerfiles, platforms and variables.
    pub(super) fn build_key(&self, push: &Push, inspection: &Inspection) -> [u8; 32] {
        let mut platforms = push.platforms.clone();
        platforms.sort_unstable();
        platforms.dedup();
        let dockerfile = inspection.package.dockerfile.path();
        let parts = [inspection.zip.sha256.as_bytes(), dockerfile.as_bytes()];
        self.0.keys.build_key(&parts, &platforms, &push.build_env)
    }

    /// The commit that this push repeats: one that can be pulled and has what a build would give, or one that the very
    /// same push has just asked for.
    pub(super) async fn twin(
        &self,
        connection: &mut Connection,
        executor: &Executor,
        push: &Push,
        build_key: &[u8; 32],
    ) -> Result<Option<Twin>, Error> {
        if push.no_cache {
            return Ok(None);
        }
        let twins = store::commits::twins(connection, &executor.id, build_key).await?;
        let builds_nothing = self.0.rules.build_mode == BuildMode::Off;
        Ok(twins.into_iter().find(|twin| {
            let asks_the_same = twin.tags == push.tags
                && twin.protected_tags == push.protected_tags
                && twin.visibility == push.visibility;
            if twin.is_usable {
                builds_nothing || twin.has_image || twin.task_is_open
            } else {
                twin.task_is_open && asks_the_same
            }
        }))
    }

    /// Accepts a push whose commit is there: its tags go there now, and it is the last word on visibility.
    pub(super) async fn accept_twin(
        &self,
        connection: &mut Connection,
        admitted: &Admitted,
        mut executor: Executor,
        secret: Option<Secret>,
        twin: Twin,
    ) -> Result<Accepted, Error> {
        let push = &admitted.push;
        let all_tags: Vec<Tag> = push.tags.iter().chain(&push.protected_tags).cloned().collect();
        let visibility = push.visibility.unwrap_or(executor.visibility);
        let warning = if twin.is_usable {
            let (now, by) = (self.0.clock.now(), admitted.caller.user_id());
            let to = Move { executor: &executor.id, commit: twin.commit, by, at: now, decided_at: now };
            for (tags, protect) in [(&push.tags, false), (&push.protected_tags, true)] {
                store::tags::move_to(connection, to, tags, protect)
                    .await
                    .map_err(tags::refused_by_the_database)?;
            }
            store::executors::mark_pushed(connection, &executor.id, push.visibility, now, now).await?;
            executor.visibility = visibility;
            "Exactly this was built before: its tags are set, and nothing was built again (`--no-cache` builds anew)."
        } else {
            "Exactly this is being built already; this push waits for that build."
        };
        Ok(Accepted {
            visibility,
            executor,
            commit: twin.commit,
            task: twin.task,
            secret,
            tags: all_tags,
            awaits_build: !twin.is_usable,
            warnings: vec![warning.to_owned()],
        })
    }
}
