//! What does a push say, and may it go on? Decided before its bytes are read, as far as that can be decided then.

use tempfile::NamedTempFile;

use super::{Hub, accept::check_reach, access::Refused};
use crate::{
    auth::{Caller, policy::Action},
    config::BuildMode,
    domain::{
        BuildEnv, CommitId, ExecutorName, ExecutorRef, Secret, Tag, TaskId, Visibility, commit::ClientFacts,
        executor::Executor,
    },
    error::{Error, ErrorKind},
    store::{self},
};

/// Everything that a push says before its bytes.
#[derive(Debug, Clone)]
pub struct Push {
    /// Which Executor it is for.
    pub target: Target,
    /// `None` leaves it as it is; a new Executor is then public.
    pub visibility: Option<Visibility>,
    /// Empty means `latest`, unless there are protected ones.
    pub tags: Vec<Tag>,
    /// Tags to set for good.
    pub protected_tags: Vec<Tag>,
    /// Which file of the package to build with.
    pub dockerfile: Option<String>,
    /// Variables for the build.
    pub build_env: BuildEnv,
    /// Platforms to build for; empty means the engine's own.
    pub platforms: Vec<String>,
    /// Whether to ignore cached layers.
    pub no_cache: bool,
    /// What the client said of its libraries.
    pub client: ClientFacts,
}

/// Which Executor a push is for.
#[derive(Debug, Clone)]
pub enum Target {
    /// A new one, named by its package; a signed-in person's own of that name is updated.
    New {
        /// What shall be its secret; without one, an anonymous push is given one.
        secret: Option<Secret>,
    },
    /// One that exists.
    Existing {
        /// Which.
        reference: ExecutorRef,
        /// What lets somebody update it who does not own it.
        secret: Option<Secret>,
    },
    /// The signed-in person's own of this name (or of the package's): created or updated.
    Own {
        /// `None` takes the name from the package.
        name: Option<ExecutorName>,
    },
}

/// An upload that was received.
#[derive(Debug)]
pub struct Upload {
    /// Its bytes; gone when dropped.
    pub file: NamedTempFile,
    /// What the client said.
    pub claimed_md5: Option<String>,
}

/// A push that may go on.
#[derive(Debug)]
pub struct Admitted {
    pub(super) push: Push,
    pub(super) caller: Caller,
    pub(super) existing: Option<Executor>,
}

/// A push that was accepted: it survives any crash from here on.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The Executor as it is now.
    pub executor: Executor,
    /// Visibility as it is, or will be once the commit is usable.
    pub visibility: Visibility,
    /// The new commit, or the one that was there with the same bytes.
    pub commit: CommitId,
    /// What the clients call `TASK_ID`.
    pub task: Option<TaskId>,
    /// The secret to tell: a new one, or the one that was brought.
    pub secret: Option<Secret>,
    /// Tags that the commit has or will have, plain ones first.
    pub tags: Vec<Tag>,
    /// Whether the commit is usable only after its image is built: then the task's report is the end of the push.
    pub awaits_build: bool,
    /// What the author should know, one sentence each.
    pub warnings: Vec<String>,
}

impl Hub {
    /// Decides what can be decided before the bytes are read: whether this caller may push there, and whether a tag is
    /// protected already.
    pub async fn admit(&self, caller: &Caller, mut push: Push) -> Result<Admitted, Error> {
        if push.tags.is_empty() && push.protected_tags.is_empty() {
            push.tags.push(Tag::latest());
        }
        push.tags.retain(|tag| !push.protected_tags.contains(tag));
        if let (Target::New { .. }, None, false) = (&push.target, caller.user(), self.0.rules.anonymous_push)
        {
            return Err(Error::sign_in_required(false));
        }
        if let Target::New { secret: Some(secret) } | Target::Existing { secret: Some(secret), .. } =
            &push.target
        {
            check_secret(secret)?;
        }
        if self.0.rules.build_mode == BuildMode::Off && !push.build_env.is_empty() {
            // They are needed by nobody, so they are not kept.
            push.build_env = BuildEnv::default();
        }
        let existing = match &push.target {
            Target::New { .. } => None,
            Target::Own { name } => {
                let user = caller.require_user()?;
                match name {
                    Some(name) => {
                        let mut connection = self.0.store.read().await?;
                        let found =
                            store::executors::find_in_namespace(&mut connection, Some(user.id), name).await?;
                        // Theirs, but perhaps not for this token.
                        if found.is_some() {
                            check_reach(caller, found.as_ref())?;
                        }
                        found
                    }
                    None => None,
                }
            }
            Target::Existing { reference, secret } => {
                Some(self.find_for_update(caller, reference, secret.as_ref()).await?)
            }
        };
        Ok(Admitted { push, caller: caller.clone(), existing })
    }

    async fn find_for_update(
        &self,
        caller: &Caller,
        reference: &ExecutorRef,
        secret: Option<&Secret>,
    ) -> Result<Executor, Error> {
        let found = {
            let mut connection = self.0.store.read().await?;
            store::executors::find(&mut connection, reference, caller.user_id()).await?
        };
        let forbidden = || {
            let (cause, remedy) = match secret {
                Some(_) => (
                    format!("The secret does not fit the Executor {reference}."),
                    "Push with `--force-update NAME --secret SECRET` as printed by its first push, or sign in as its owner.",
                ),
                None => (
                    format!("You may not update the Executor {reference}."),
                    "Sign in as its owner, or push with `--force-update NAME --secret SECRET`.",
                ),
            };
            Error::new(ErrorKind::Forbidden, "update_not_allowed", cause, remedy)
        };
        let mut decided = self.authorize(caller, secret, found, Action::Push).await;
        if let (Err(Refused::Hidden | Refused::Forbidden), Some(secret)) = (&decided, secret) {
            let namesake = self.namesake_without_owner(reference).await?;
            match self.authorize(caller, Some(secret), namesake, Action::Push).await {
                // What they may see of the first one says more than that there is no second one.
                Err(Refused::Hidden) => {}
                second => decided = second,
            }
        }
        match decided {
            Ok(granted) => Ok(granted.into_executor()),
            Err(Refused::Hidden) => Err(Error::executor_not_found(reference, None)),
            Err(Refused::Forbidden) => Err(forbidden()),
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}

fn check_secret(secret: &Secret) -> Result<(), Error> {
    let text = secret.expose();
    let is_good = !text.is_empty()
        && text.chars().count() <= 256
        && !text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, ':' | '/'));
    if is_good {
        return Ok(());
    }
    Err(Error::invalid(
        "secret",
        "A secret has 1 to 256 characters, none of them blank, ':' or '/'.",
        "Choose another secret: it must fit into jinahub://NAME:SECRET/TAG.",
    ))
}
