//! How does an admitted push become a commit? Inspected, stored, and accepted in one transaction; a refusal at any point
//! leaves nothing behind.

use chrono::{DateTime, Utc};
use serde_json::json;
use tempfile::NamedTempFile;

use super::{
    Hub,
    namespace::{check_reach, name_taken, printable, refuse_reserved, target_name},
    publish::{Accepted, Admitted, Push, Target, Upload},
    tags,
};
use crate::{
    auth::{audit::Deed, passwords},
    blobs::BlobKey,
    builds::queue,
    config::BuildMode,
    domain::{
        CommitId, ExecutorName, Secret, Tag, TaskId,
        audit::{AuditAction, Right},
        commit::{ClientFacts, NewCommit},
        digest::Md5,
        secret,
        task::{Phase, TaskEvent},
    },
    error::{Error, ErrorKind},
    inspect::{self, InspectError, Inspection},
    store::{self, Connection, tags::ProtectedTag, tasks::NewTask},
};

impl Hub {
    /// Inspects an upload, stores its package and accepts it. When this returns, the commit and its task are durable.
    pub async fn accept(&self, admitted: Admitted, upload: Upload) -> Result<Accepted, Error> {
        let accepted = self.accept_whole(admitted, upload).await;
        let outcome = match &accepted {
            Ok(_) => "accepted",
            Err(error) if error.kind.is_the_hubs_own() => "failed",
            Err(_) => "refused",
        };
        metrics::counter!("hub_pushes_total", "outcome" => outcome).increment(1);
        accepted
    }

    async fn accept_whole(&self, mut admitted: Admitted, upload: Upload) -> Result<Accepted, Error> {
        let (inspection, staged) = self.inspect(&admitted.push, upload).await?;
        // Receiving may have taken long: whoever was shut out meanwhile stays out.
        admitted.existing = self.existing(&admitted.caller, &admitted.push.target).await?;
        let name = target_name(&admitted, &inspection.package)?;
        let new_secret = match &admitted.push.target {
            Target::New { secret } if admitted.caller.user().is_none() => {
                Some(secret.clone().unwrap_or_else(secret::random_text))
            }
            Target::New { secret } => secret.clone(),
            Target::Existing { .. } | Target::Own { .. } => None,
        };
        let secret_hash = match &new_secret {
            Some(secret) => Some(passwords::hash(secret).await?),
            None => None,
        };
        self.refuse_before_storing(&admitted, name.as_ref(), &inspection).await?;
        let holder = CommitId::mint();
        let accepted =
            self.store_and_record(holder, &admitted, inspection, staged, name, new_secret, secret_hash);
        let accepted = match accepted.await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Where the database does not answer, the hold is released with the abandoned ones.
                if let Ok(mut connection) = self.0.store.read().await {
                    let _ = store::package_bytes::release(&mut connection, holder).await;
                }
                return Err(error);
            }
        };
        tracing::info!(
            executor = %accepted.executor.id, commit = %accepted.commit, task.id = accepted.task.map(|t| t.to_string()),
            outcome = "accepted", "push"
        );
        Ok(accepted)
    }

    /// Bytes first, then the row that speaks of them; `holder` keeps them from being collected in between.
    #[expect(clippy::too_many_arguments, reason = "all that a push has become by now, used once")]
    async fn store_and_record(
        &self,
        holder: CommitId,
        admitted: &Admitted,
        inspection: Inspection,
        staged: NamedTempFile,
        name: Option<ExecutorName>,
        new_secret: Option<Secret>,
        secret_hash: Option<String>,
    ) -> Result<Accepted, Error> {
        let (sha256, size) = (inspection.zip.sha256, inspection.zip.size);
        {
            let mut transaction = self.0.store.begin().await?;
            let now = self.0.clock.now();
            store::package_bytes::hold(&mut transaction, holder, sha256, size, now).await?;
            transaction.commit().await?;
        }
        self.0.blobs.put(&BlobKey::Package(sha256), staged).await?;
        let mut transaction = self.0.store.begin().await?;
        let accepted = self
            .accept_in(&mut transaction, admitted, inspection, name, new_secret, secret_hash.as_deref())
            .await?;
        store::package_bytes::release(&mut transaction, holder).await?;
        record(&mut transaction, admitted, &accepted, self.0.clock.now()).await?;
        transaction.commit().await?;
        Ok(accepted)
    }

    /// Says no to what the transaction below would refuse, before any bytes are kept. It decides nothing: between this look
    /// and the transaction somebody else may be faster.
    async fn refuse_before_storing(
        &self,
        admitted: &Admitted,
        name: Option<&ExecutorName>,
        inspection: &Inspection,
    ) -> Result<(), Error> {
        let mut connection = self.0.store.read().await?;
        let owner = admitted.caller.user_id();
        let existing = match (&admitted.existing, name) {
            (Some(existing), _) => Some(existing.executor().id.clone()),
            (None, Some(name)) => {
                let found = store::executors::find_in_namespace(&mut connection, owner, name).await?;
                if found.is_some() && owner.is_none() {
                    return Err(name_taken(name));
                }
                check_reach(&admitted.caller, found.as_ref())?;
                if found.is_none() {
                    refuse_reserved(&mut connection, owner, name).await?;
                }
                found.map(|found| found.id)
            }
            (None, None) => None,
        };
        let Some(executor) = existing else { return Ok(()) };
        let push = &admitted.push;
        let tags: Vec<Tag> = push.tags.iter().chain(&push.protected_tags).cloned().collect();
        let protected = store::tags::protected_among(&mut connection, &executor, &tags).await?;
        unchanged(&protected, inspection).map(drop)
    }

    async fn inspect(&self, push: &Push, upload: Upload) -> Result<(Inspection, NamedTempFile), Error> {
        let Upload { file, claimed_md5 } = upload;
        let base_image = self.base_image(&push.client);
        let names: Vec<String> = push.build_env.names().map(str::to_owned).collect();
        let dockerfile = push.dockerfile.clone();
        let limits = self.0.rules.limits;
        let hub = self.clone();
        let inspected = tokio::task::spawn_blocking(move || {
            let staged = hub.0.blobs.stage()?;
            let request = inspect::Request {
                dockerfile: dockerfile.as_deref(),
                build_env_names: &names,
                base_image: &base_image,
                limits,
            };
            let found = inspect::inspect(file.as_file(), staged.as_file(), &request, &hub.0.parser);
            let (md5, found) = match found {
                Ok(inspection) => (inspection.upload_md5, Ok(inspection)),
                Err(InspectError::Refused(refusal)) => (inspect::md5_of(file.as_file())?, Err(refusal)),
                Err(InspectError::Io(error)) => return Err(error),
            };
            Ok((md5, found, staged, file))
        });
        let (md5, found, staged, file) =
            inspected.await.map_err(Error::internal)?.map_err(Self::storage_error)?;
        // Forgetting a large file takes the disk a while, and nobody needs to wait for it.
        drop(tokio::task::spawn_blocking(move || drop(file)));
        // Damage on the way is the cause of whatever else is wrong, so it is told first.
        check_md5(md5, claimed_md5.as_deref())?;
        match found {
            Ok(inspection) => Ok((inspection, staged)),
            Err(refusal) => {
                let kind = match refusal.class {
                    inspect::RefusalClass::TooLarge => ErrorKind::TooLarge,
                    class => ErrorKind::Rejected(class.number()),
                };
                Err(Error::new(kind, refusal.code, refusal.message, refusal.remedy))
            }
        }
    }

    async fn accept_in(
        &self,
        connection: &mut Connection,
        admitted: &Admitted,
        inspection: Inspection,
        name: Option<ExecutorName>,
        new_secret: Option<Secret>,
        secret_hash: Option<&str>,
    ) -> Result<Accepted, Error> {
        let now = self.0.clock.now();
        let push = &admitted.push;
        let (executor, is_new) =
            self.find_or_create(connection, admitted, name.as_ref(), secret_hash).await?;
        let visibility = push.visibility.unwrap_or(executor.visibility);
        let secret = match &push.target {
            Target::Existing { secret, .. } => secret.clone(),
            _ if is_new => new_secret,
            _ => None,
        };
        let all_tags: Vec<Tag> = push.tags.iter().chain(&push.protected_tags).cloned().collect();
        let protected = store::tags::protected_among(connection, &executor.id, &all_tags).await?;
        let commit = match unchanged(&protected, &inspection)? {
            Some(commit) => {
                return self.repeat_release(connection, admitted, executor, secret, &protected, commit).await;
            }
            None => CommitId::mint(),
        };
        let build_key = self.build_key(push, &inspection);
        if let Some(twin) = self.twin(connection, &executor, push, &build_key).await? {
            return self.accept_twin(connection, admitted, executor, secret, twin).await;
        }
        let warnings = inspection.package.notices.clone();
        let new = NewCommit {
            id: commit,
            package_sha256: inspection.zip.sha256,
            package_md5: inspection.zip.md5,
            package_size: inspection.zip.size,
            content_sha256: inspection.zip.content,
            build_key,
            package: inspection.package,
            tags: push.tags.clone(),
            protected_tags: push.protected_tags.clone(),
            visibility: push.visibility,
            build_env_names: push.build_env.names().map(str::to_owned).collect(),
            platforms: push.platforms.clone(),
            client: push.client.clone(),
            pushed_by: admitted.caller.user_id(),
        };
        store::commits::insert(connection, &executor.id, &new, now).await?;
        let mut accepted = Accepted {
            executor,
            visibility,
            commit,
            task: None,
            secret,
            tags: all_tags,
            awaits_build: false,
            warnings,
        };
        self.check_quotas(connection, accepted.executor.owner.as_ref().map(|owner| owner.id)).await?;
        self.enqueue(connection, push, &mut accepted).await?;
        Ok(accepted)
    }

    /// Enqueues the build. Where nothing can be built, the commit is usable at once.
    async fn enqueue(
        &self,
        connection: &mut Connection,
        push: &Push,
        accepted: &mut Accepted,
    ) -> Result<(), Error> {
        let now = self.0.clock.now();
        let task = TaskId::mint();
        accepted.task = Some(task);
        let mode = self.0.rules.build_mode;
        let has_engine = mode != BuildMode::Off && queue::engine_answers(connection, now).await?;
        accepted.awaits_build = mode == BuildMode::Required || has_engine;
        let mut story = vec![TaskEvent::PhaseDone {
            phase: Phase::Package,
            message: "The package is checked and stored.".into(),
        }];
        story.extend(accepted.warnings.iter().map(|message| TaskEvent::Warning { message: message.clone() }));
        let note = match (mode, has_engine) {
            (BuildMode::Off, _) => Some("This Hub builds no images; the package is ready to be pulled."),
            (BuildMode::Auto, false) => Some(
                "No Docker Engine answers: the package is ready to be pulled, its image follows when one appears.",
            ),
            (BuildMode::Required, false) => Some("No Docker Engine answers: waiting for one."),
            _ => None,
        };
        if let Some(note) = note {
            accepted.warnings.push(note.to_owned());
            story.push(TaskEvent::Warning { message: note.to_owned() });
        }
        let new = NewTask {
            id: task,
            commit: accepted.commit,
            executor: accepted.executor.id.clone(),
            no_cache: push.no_cache,
            build_env: self.0.keys.encrypt_build_env(task, &push.build_env),
        };
        if !accepted.awaits_build {
            queue::make_usable(connection, accepted.commit, now)
                .await
                .map_err(tags::refused_by_the_database)?;
        }
        queue::enqueue(connection, new, &story, now).await?;
        if mode == BuildMode::Off {
            queue::finish_without_build(connection, task, "The Executor is ready, without an image.", now)
                .await?;
        }
        Ok(())
    }

    /// The base image for what the client says it uses. What a client sends goes into a Dockerfile, so anything but
    /// plain version numbers is left out.
    fn base_image(&self, client: &ClientFacts) -> String {
        let rules = &self.0.rules;
        let is_version = |text: &&str| {
            !text.is_empty()
                && text.len() <= 32
                && text.starts_with(|c: char| c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
        };
        let jina = client.jina.as_deref().filter(is_version).unwrap_or(&rules.default_jina);
        let python = client.python.as_deref().filter(is_version).and_then(|version| {
            let mut parts = version.split('.');
            Some(format!("{}{}", parts.next()?, parts.next()?))
        });
        let python = python.unwrap_or_else(|| rules.default_python.clone());
        let docarray = client.docarray.as_deref().filter(is_version).unwrap_or(&rules.default_docarray);
        rules.base_image.replace("{jina}", jina).replace("{python}", &python).replace("{docarray}", docarray)
    }
}

/// The commit that the protected tags in the way hold, when it has exactly these files; an error when it has not.
fn unchanged(protected: &[ProtectedTag], inspection: &Inspection) -> Result<Option<CommitId>, Error> {
    let Some(first) = protected.first() else { return Ok(None) };
    if let Some(other) = protected.iter().find(|tag| tag.content_sha256 != inspection.zip.content) {
        return Err(tags::protected_tag(other));
    }
    Ok(Some(first.commit))
}

async fn record(
    connection: &mut Connection,
    admitted: &Admitted,
    accepted: &Accepted,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let right = match (&admitted.existing, admitted.caller.user()) {
        (Some(granted), _) => granted.right(),
        (None, Some(_)) => Right::Own,
        (None, None) => Right::Everybody,
    };
    let said = json!({
        "commit": accepted.commit, "tags": accepted.tags, "visibility": accepted.visibility.as_str(),
    });
    let deed = Deed::to(AuditAction::ExecutorPushed, &accepted.executor, right).saying(said);
    Ok(deed.record(connection, &admitted.caller, now).await?)
}

fn check_md5(md5: Md5, claimed: Option<&str>) -> Result<(), Error> {
    let Some(claimed) = claimed.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    if claimed.eq_ignore_ascii_case(&md5.to_string()) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BrokenUpload,
        "md5_mismatch",
        format!("The upload arrived damaged: its MD5 is {md5}, but {} was announced.", printable(claimed)),
        "Push again; if it happens again, look for a proxy that changes uploads.",
    ))
}
