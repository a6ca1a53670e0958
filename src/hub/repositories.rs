//! May somebody who speaks Docker's language do this with an Executor's images? The same policy as everywhere decides, at
//! every request anew: what a token of the registry says bounds what its bearer may do and never adds to it.

use serde_json::json;

use super::{
    Hub,
    access::{Refused, namesake_item},
};
use crate::{
    auth::{
        Caller,
        audit::Deed,
        policy::{self, Action, Granted, Knowledge},
    },
    domain::{
        CommitId, ExecutorId, ExecutorRef, Secret, Tag, Visibility,
        audit::{AuditAction, Right},
        executor::Executor,
        image::{ImageDigest, RepositoryName, commit_of_tag, commit_tag},
    },
    error::{Error, ErrorKind},
    images::{Manifest, NewImageManifest, StoredManifest, manifest_unknown},
    store::{self, StoreError, image_manifests::Deleted},
};

/// What somebody brings besides who they are.
#[derive(Debug, Clone)]
pub enum Proof {
    /// Nothing.
    Nothing,
    /// An Executor's secret that was not checked yet.
    Secret(Secret),
    /// That they knew an Executor's secret when it had this key: see [`crate::auth::Keys::repository_key`].
    Known {
        /// Which Executor.
        executor: ExecutorId,
        /// The key that follows from its secret.
        key: String,
    },
}

/// What a token of the registry lets its bearer do with one repository, as far as they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The repository, as it was asked for.
    pub name: String,
    /// `pull`, `push` or `delete`.
    pub actions: Vec<String>,
}

/// Whoever comes to the registry.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Who.
    pub caller: Caller,
    /// With what.
    pub proof: Proof,
    /// What bounds them; `None` for whoever comes without a token of the registry.
    pub access: Option<Vec<Access>>,
}

impl Visitor {
    /// Somebody whom nothing bounds but who they are.
    pub fn new(caller: Caller, proof: Proof) -> Self {
        Self { caller, proof, access: None }
    }

    /// Whether what they came with reaches that far.
    fn reaches(&self, name: &RepositoryName, action: Action) -> bool {
        let word = word(action);
        self.access.as_ref().is_none_or(|all| {
            all.iter().any(|one| one.name == name.as_str() && one.actions.iter().any(|other| other == word))
        })
    }
}

/// What Docker calls an action.
pub fn word(action: Action) -> &'static str {
    match action {
        Action::Read | Action::ReadTasks => "pull",
        Action::Push | Action::SteerBuilds => "push",
        Action::ChangeTags | Action::Delete | Action::Manage => "delete",
    }
}

/// A repository that somebody was let into.
#[derive(Debug)]
pub struct Repository {
    granted: Granted,
}

impl Repository {
    /// The Executor whose it is.
    pub fn id(&self) -> &ExecutorId {
        &self.granted.executor().id
    }
}

/// Why somebody may not go on.
#[derive(Debug)]
pub enum Closed {
    /// What they came with does not reach that far, whatever is there: another token is needed.
    Scope,
    /// To them there is no such repository.
    Hidden,
    /// They may see it, but not do this.
    Forbidden,
    /// The decision could not be made.
    Failed(Error),
}

impl From<Error> for Closed {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refused> for Closed {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Hidden => Self::Hidden,
            Refused::Forbidden => Self::Forbidden,
            Refused::Failed(error) => Self::Failed(error),
        }
    }
}

/// Which image is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageRef {
    /// Whatever a tag leads to.
    Tag(Tag),
    /// One commit's.
    Commit(CommitId),
    /// The one with this digest.
    Digest(ImageDigest),
}

impl Hub {
    /// The repository, if the visitor may do this with it.
    pub async fn open_repository(
        &self,
        visitor: &Visitor,
        name: &RepositoryName,
        action: Action,
    ) -> Result<Repository, Closed> {
        if !visitor.reaches(name, action) {
            return Err(Closed::Scope);
        }
        let found = {
            let mut connection = self.0.store.read().await.map_err(Error::from)?;
            store::executors::find(&mut connection, &name.reference, visitor.caller.user_id())
                .await
                .map_err(Error::from)?
        };
        let item = name.reference.to_string();
        let mut decided = self.decide(visitor, name, &item, found, action).await;
        let brings_something = name.key.is_some() || !matches!(visitor.proof, Proof::Nothing);
        let looks_further = match &decided {
            Err(Refused::Hidden) => true,
            Err(Refused::Forbidden) => brings_something,
            Ok(_) | Err(Refused::Failed(_)) => false,
        };
        if looks_further {
            let namesake = self.namesake_without_owner(&name.reference).await?;
            let item = namesake_item(&name.reference);
            match self.decide(visitor, name, &item, namesake, action).await {
                // What they may see of the first one says more than that there is no second one.
                Err(Refused::Hidden) => {}
                second => decided = second,
            }
        }
        Ok(Repository { granted: decided? })
    }

    async fn decide(
        &self,
        visitor: &Visitor,
        name: &RepositoryName,
        item: &str,
        found: Option<Executor>,
        action: Action,
    ) -> Result<Granted, Refused> {
        if let Some(executor) = &found
            && self.knows_key(visitor, name, executor, action)
            && let Ok(granted) = policy::authorize(
                &visitor.caller,
                Knowledge::Secret,
                executor.clone(),
                action,
                self.0.rules.hub,
            )
        {
            return Ok(granted);
        }
        let secret = match &visitor.proof {
            Proof::Secret(secret) => Some(secret),
            Proof::Nothing | Proof::Known { .. } => None,
        };
        self.authorize(&visitor.caller, item, secret, found, action).await
    }

    /// Whether the visitor has proven that they were given the Executor's secret. The key in a repository's name is good
    /// for reading only: such names are written down in many places.
    fn knows_key(
        &self,
        visitor: &Visitor,
        name: &RepositoryName,
        executor: &Executor,
        action: Action,
    ) -> bool {
        let Some(hash) = &executor.secret_hash else { return false };
        let fits = |word: &str| self.0.keys.repository_key_fits(executor.id.as_str(), hash, word);
        let in_name = name.key.as_deref().filter(|_| action == Action::Read).is_some_and(fits);
        let in_token = match &visitor.proof {
            Proof::Known { executor: id, key } => *id == executor.id && fits(key),
            Proof::Nothing | Proof::Secret(_) => false,
        };
        in_name || in_token
    }

    /// Whether a secret is that of the Executor that `reference` means, and the proof of it that a token can hold.
    pub async fn prove_secret(
        &self,
        reference: &ExecutorRef,
        secret: Secret,
    ) -> Result<Option<Proof>, Error> {
        let Ok(name) = reference.to_string().to_ascii_lowercase().parse::<RepositoryName>() else {
            return Ok(None);
        };
        let visitor = Visitor::new(Caller::Anonymous, Proof::Secret(secret.clone()));
        let repository = match self.open_repository(&visitor, &name, Action::Push).await {
            Ok(repository) => repository,
            Err(Closed::Failed(error)) => return Err(error),
            Err(Closed::Scope | Closed::Hidden | Closed::Forbidden) => return Ok(None),
        };
        let executor = repository.granted.executor();
        let Some(hash) = executor.secret_hash.as_deref() else { return Ok(None) };
        let key = self.0.keys.repository_key(executor.id.as_str(), hash);
        Ok(Some(Proof::Known { executor: executor.id.clone(), key }))
    }

    /// What Docker calls the image of a commit: `<host>/<Executor id>:commit-<commit id>`. It means the same for ever. Whoever
    /// was granted a private Executor for its secret gets a name that holds a key to it, since their Docker knows no secret.
    pub fn image_name(&self, granted: &Granted, commit: CommitId, host: &str) -> String {
        let executor = granted.executor();
        let is_open = executor.visibility == Visibility::Public && !self.0.rules.hub.sign_in_required;
        let repository = match (&executor.secret_hash, granted.right()) {
            (Some(hash), Right::Secret) if !is_open => {
                let key = self.0.keys.repository_key(executor.id.as_str(), hash);
                RepositoryName::with_key(&executor.id, &key)
            }
            _ => RepositoryName::of_id(&executor.id),
        };
        format!("{host}/{repository}:{}", commit_tag(commit))
    }

    /// The image that a reference leads to.
    pub async fn find_image(&self, repository: &Repository, image: &ImageRef) -> Result<Manifest, Error> {
        let mut connection = self.0.store.read().await?;
        let id = repository.id();
        let found = match image {
            ImageRef::Tag(tag) => store::image_tags::resolve(&mut connection, id, tag).await?,
            ImageRef::Commit(commit) => store::image_tags::of_commit(&mut connection, id, *commit).await?,
            ImageRef::Digest(digest) => store::image_manifests::find(&mut connection, id, digest).await?,
        };
        found.ok_or_else(manifest_unknown)
    }

    /// Tags that lead to an image, after `after` in the order of their bytes.
    pub async fn image_tags(
        &self,
        repository: &Repository,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let mut connection = self.0.store.read().await?;
        Ok(store::image_tags::list(&mut connection, repository.id(), after, limit).await?)
    }

    /// Writes down that something of a private Executor's images is fetched.
    pub async fn note_image_pull(
        &self,
        visitor: &Visitor,
        repository: &Repository,
        digest: &str,
    ) -> Result<(), Error> {
        if repository.granted.executor().visibility == Visibility::Public {
            return Ok(());
        }
        let mut connection = self.0.store.read().await?;
        let deed =
            Deed::with(AuditAction::ImagePulled, &repository.granted).saying(json!({"digest": digest}));
        Ok(deed.record(&mut connection, &visitor.caller, self.0.clock.now()).await?)
    }

    /// Takes a manifest that somebody pushes, and points a tag at it: all of that, or nothing.
    pub async fn push_image(
        &self,
        visitor: &Visitor,
        repository: &Repository,
        tag: Option<&Tag>,
        manifest: NewImageManifest<'_>,
    ) -> Result<StoredManifest, Error> {
        let (id, now) = (repository.id(), self.0.clock.now());
        let mut transaction = self.0.store.begin().await?;
        let stored = self.0.images.put_manifest_in(&mut transaction, id, manifest).await?;
        if let Some(tag) = tag {
            let digest = stored.digest.to_string();
            let leads_here = |found: Option<Manifest>| found.is_some_and(|found| found.digest == digest);
            if let Some(commit) = commit_of_tag(tag.as_str()) {
                let of_commit = store::image_tags::of_commit(&mut transaction, id, commit).await?;
                if !leads_here(of_commit) {
                    return Err(tag_denied(tag, "is that of a commit, and never moves"));
                }
            } else if store::image_tags::is_of_executor(&mut transaction, id, tag).await? {
                if !leads_here(store::image_tags::resolve(&mut transaction, id, tag).await?) {
                    return Err(tag_denied(
                        tag,
                        "is the Executor's own: it follows what is pushed with `jina hub push`",
                    ));
                }
            } else {
                let by = visitor.caller.user_id();
                let moved =
                    store::image_tags::move_by_hand(&mut transaction, id, tag, &stored.digest, by, now).await;
                moved.map_err(|error| protected(error, tag))?;
            }
        }
        let said = json!({"digest": stored.digest.to_string(), "tag": tag.map(Tag::as_str)});
        let deed = Deed::with(AuditAction::ImagePushed, &repository.granted).saying(said);
        deed.record(&mut transaction, &visitor.caller, now).await?;
        transaction.commit().await?;
        Ok(stored)
    }

    /// Deletes a tag that was pushed by hand, or a manifest that nothing of the Executor's own needs.
    pub async fn delete_image(
        &self,
        visitor: &Visitor,
        repository: &Repository,
        image: &ImageRef,
    ) -> Result<(), Error> {
        let id = repository.id();
        let mut transaction = self.0.store.begin().await?;
        let said = match image {
            ImageRef::Commit(commit) => {
                let tag = commit_tag(*commit);
                store::image_tags::of_commit(&mut transaction, id, *commit)
                    .await?
                    .ok_or_else(manifest_unknown)?;
                return Err(denied(format!("The tag '{tag}' is that of a commit: it goes with it.")));
            }
            ImageRef::Tag(tag) => {
                if store::image_tags::is_of_executor(&mut transaction, id, tag).await? {
                    return Err(tag_denied(tag, "is the Executor's own: delete it there"));
                }
                let deleted = store::image_tags::delete_by_hand(&mut transaction, id, tag).await;
                if !deleted.map_err(|error| protected(error, tag))? {
                    return Err(manifest_unknown());
                }
                json!({"tag": tag.as_str()})
            }
            ImageRef::Digest(digest) => {
                let deleted = store::image_manifests::delete(&mut transaction, id, digest).await;
                let deleted = deleted.map_err(|error| match error {
                    StoreError::ProtectedTag(_) => denied("A protected tag leads to this image.".to_owned()),
                    error => error.into(),
                })?;
                match deleted {
                    Deleted::Done(tags) => json!({"digest": digest.to_string(), "tags": tags}),
                    Deleted::Missing => return Err(manifest_unknown()),
                    Deleted::InUse => {
                        let cause = "This image is that of a commit, or part of an index.";
                        return Err(denied(cause.to_owned()));
                    }
                }
            }
        };
        let deed = Deed::with(AuditAction::ImageDeleted, &repository.granted).saying(said);
        deed.record(&mut transaction, &visitor.caller, self.0.clock.now()).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Deletes a blob that no manifest of the repository names.
    pub async fn delete_image_blob(
        &self,
        visitor: &Visitor,
        repository: &Repository,
        digest: &ImageDigest,
    ) -> Result<(), Error> {
        self.0.images.delete_blob(repository.id(), digest).await?;
        let mut connection = self.0.store.read().await?;
        let said = json!({"blob": digest.to_string()});
        let deed = Deed::with(AuditAction::ImageDeleted, &repository.granted).saying(said);
        Ok(deed.record(&mut connection, &visitor.caller, self.0.clock.now()).await?)
    }
}

fn protected(error: StoreError, tag: &Tag) -> Error {
    match error {
        StoreError::ProtectedTag(_) => tag_denied(tag, "is protected by a rule of this Executor"),
        error => error.into(),
    }
}

fn tag_denied(tag: &Tag, why: &str) -> Error {
    denied(format!("The tag '{tag}' {why}."))
}

fn denied(cause: String) -> Error {
    Error::new(ErrorKind::PolicyDenied, "image_denied", cause, "")
}
