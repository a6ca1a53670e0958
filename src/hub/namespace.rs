//! Which Executor does a push belong to, and is the name free that it wants? The one that it updates, the one of that name
//! that its author has, or a new one.

use super::{
    Hub,
    publish::{Admitted, Target},
};
use crate::{
    auth::{Caller, caller::token_too_weak, policy::Granted},
    domain::{
        ExecutorId, ExecutorName, UserId, Visibility,
        executor::{Executor, Owner},
        package::Package,
        power::Scope,
    },
    error::{Error, ErrorKind},
    store::{self, Connection, StoreError, executors::NewExecutor},
};

impl Hub {
    /// The Executor that a push is for, held until the transaction ends, and whether it was made for it.
    pub(super) async fn find_or_create(
        &self,
        connection: &mut Connection,
        admitted: &Admitted,
        name: Option<&ExecutorName>,
        secret_hash: Option<&str>,
    ) -> Result<(Executor, bool), Error> {
        let now = self.0.clock.now();
        if let Some(existing) = admitted.existing.as_ref().map(Granted::executor) {
            // Between being admitted and now, it may have gone.
            if !store::executors::lock(connection, &existing.id).await? {
                let reference = existing.title().parse().map_err(Error::internal)?;
                return Err(Error::executor_not_found(&reference, None));
            }
            return Ok((existing.clone(), false));
        }
        let owner = admitted.caller.user();
        if let Some(name) = name {
            let owner_id = owner.map(|owner| owner.id);
            if let Some(found) = store::executors::find_in_namespace(connection, owner_id, name).await? {
                if owner.is_none() {
                    return Err(name_taken(name));
                }
                check_reach(&admitted.caller, Some(&found))?;
                // Between being found and now, it may have gone; then its name is kept for a while.
                if store::executors::lock(connection, &found.id).await? {
                    return Ok((found, false));
                }
            }
            refuse_reserved(connection, owner_id, name).await?;
        }
        check_reach(&admitted.caller, None)?;
        let id = self.unused_id(connection).await?;
        let visibility = admitted.push.visibility.unwrap_or(Visibility::Public);
        let new = NewExecutor { id: &id, owner: owner.map(|owner| owner.id), name, visibility, secret_hash };
        store::executors::insert(connection, new, now).await.map_err(|error| match (error, name) {
            // Somebody else created it a moment ago.
            (StoreError::Conflict(_), Some(name)) => name_taken(name),
            (error, _) => error.into(),
        })?;
        let executor = Executor {
            id,
            owner: owner.map(|owner| Owner { id: owner.id, login: owner.login.clone() }),
            name: name.cloned(),
            visibility,
            secret_hash: secret_hash.map(str::to_owned),
            created_at: now,
            last_pushed_at: None,
        };
        Ok((executor, true))
    }

    async fn unused_id(&self, connection: &mut Connection) -> Result<ExecutorId, Error> {
        loop {
            let id = ExecutorId::mint();
            if !store::executors::id_is_used(connection, &id).await? {
                return Ok(id);
            }
        }
    }
}

/// The name that a push says or its package has; none is no error.
pub(super) fn target_name(admitted: &Admitted, package: &Package) -> Result<Option<ExecutorName>, Error> {
    if let Some(existing) = &admitted.existing {
        return Ok(existing.executor().name.clone());
    }
    if let Target::Own { name: Some(name) } = &admitted.push.target {
        return Ok(Some(name.clone()));
    }
    let Some(text) = package.name.as_deref().filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let name = text.trim().parse().map_err(|reason| {
        Error::invalid(
            "executor_name",
            format!("'{}' is no name for an Executor: {reason}.", printable(text)),
            "Change `metas.name` in config.yml (or `name` in manifest.yml).",
        )
    })?;
    Ok(Some(name))
}

/// A client's text, safe to repeat in a sentence.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Says no to the name of an Executor that was deleted and can still be brought back.
pub(super) async fn refuse_reserved(
    connection: &mut Connection,
    owner: Option<UserId>,
    name: &ExecutorName,
) -> Result<(), Error> {
    let Some(until) = store::deletions::reserved_until(connection, owner, name).await? else { return Ok(()) };
    if owner.is_none() {
        return Err(name_taken(name));
    }
    let until = until.format("%Y-%m-%d %H:%M UTC");
    Err(Error::new(
        ErrorKind::NameTaken,
        "name_reserved",
        format!("You deleted an Executor with the name '{name}'; the name is kept for it until {until}."),
        "Bring it back and push to it, or choose another `metas.name` in config.yml.",
    ))
}

/// Whether the token of whoever pushes under their own name reaches the Executor that they have by it, or new ones.
pub(super) fn check_reach(caller: &Caller, existing: Option<&Executor>) -> Result<(), Error> {
    let reaches = match existing {
        Some(executor) => caller.reaches(Scope::Write, &executor.id),
        None => caller.reaches_all(Scope::Write),
    };
    if reaches { Ok(()) } else { Err(token_too_weak(Scope::Write)) }
}

/// Somebody else has that name, and whoever pushes did not say that it is theirs.
pub(super) fn name_taken(name: &ExecutorName) -> Error {
    Error::new(
        ErrorKind::NameTaken,
        "name_taken",
        format!("The name '{name}' is taken."),
        format!(
            "If it is yours, update it with `jina hub push --force-update {name} --secret SECRET`; \
             else choose another `metas.name` in config.yml, or sign in to push to a namespace of your own."
        ),
    )
}
