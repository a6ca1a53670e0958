//! What does a push say, and may it go on? Decided before its bytes are read, as far as that can be decided then.

use tempfile::NamedTempFile;

use super::{
    Hub,
    access::{Refused, namesake_item},
    namespace::check_reach,
};
use crate::{
    auth::{
        Caller,
        policy::{Action, Granted},
        secrets::{check_chosen, check_form},
    },
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
    pub(super) existing: Option<Granted>,
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
        self.check_maker(caller, &push.target)?;
        match &push.target {
            Target::New { secret: Some(secret) } => check_chosen(secret)?,
            // It may have been chosen when shorter ones were allowed.
            Target::Existing { secret: Some(secret), .. } => check_form(secret)?,
            _ => {}
        }
        if self.0.rules.build_mode == BuildMode::Off && !push.build_env.is_empty() {
            // They are needed by nobody, so they are not kept.
            push.build_env = BuildEnv::default();
        }
        let existing = self.existing(caller, &push.target).await?;
        Ok(Admitted { push, caller: caller.clone(), existing })
    }

    /// Refuses whoever did not sign in where nobody makes an Executor without that; whatever else the push says.
    pub fn check_maker(&self, caller: &Caller, target: &Target) -> Result<(), Error> {
        match (target, caller.user(), self.0.rules.anonymous_push) {
            (Target::New { .. }, None, false) => Err(Error::sign_in_required(false)),
            _ => Ok(()),
        }
    }

    /// The Executor that a push is for, if there is one already and this caller may push to it.
    pub(super) async fn existing(&self, caller: &Caller, target: &Target) -> Result<Option<Granted>, Error> {
        match target {
            Target::New { .. } => Ok(None),
            Target::Own { name } => {
                let user = caller.require_user()?;
                let Some(name) = name else { return Ok(None) };
                let mut connection = self.0.store.read().await?;
                let found = store::executors::find_in_namespace(&mut connection, Some(user.id), name).await?;
                drop(connection);
                match found {
                    Some(found) => {
                        // Theirs, but perhaps not for this token.
                        check_reach(caller, Some(&found))?;
                        self.own(caller, found).await.map(Some)
                    }
                    None => Ok(None),
                }
            }
            Target::Existing { reference, secret } => {
                self.find_for_update(caller, reference, secret.as_ref()).await.map(Some)
            }
        }
    }

    /// An Executor that was found in the caller's own namespace.
    pub(super) async fn own(&self, caller: &Caller, found: Executor) -> Result<Granted, Error> {
        let title = found.title();
        self.authorize(caller, &title, None, Some(found), Action::Push).await.map_err(|refused| match refused
        {
            Refused::Failed(error) => error,
            Refused::Hidden | Refused::Forbidden => Error::new(
                ErrorKind::Forbidden,
                "update_not_allowed",
                format!("You may not update the Executor {title}."),
                "Sign in as its owner.",
            ),
        })
    }

    async fn find_for_update(
        &self,
        caller: &Caller,
        reference: &ExecutorRef,
        secret: Option<&Secret>,
    ) -> Result<Granted, Error> {
        let item = reference.to_string();
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
        let mut decided = self.authorize(caller, &item, secret, found, Action::Push).await;
        if let (Err(Refused::Hidden | Refused::Forbidden), Some(secret)) = (&decided, secret) {
            let namesake = self.namesake_without_owner(reference).await?;
            match self
                .authorize(caller, &namesake_item(reference), Some(secret), namesake, Action::Push)
                .await
            {
                // What they may see of the first one says more than that there is no second one.
                Err(Refused::Hidden) => {}
                second => decided = second,
            }
        }
        match decided {
            Ok(granted) => Ok(granted),
            Err(Refused::Hidden) => Err(Error::executor_not_found(reference, None)),
            Err(Refused::Forbidden) => Err(forbidden()),
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}
