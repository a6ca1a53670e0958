//! What do people see at once who look after many Executors? Failures of late for whoever is signed in; the log of deeds with
//! the newest first, and what things are called, for admins.

use std::collections::HashMap;

use chrono::TimeDelta;

use super::{
    Hub,
    audit::{Asker, Wanted},
};
use crate::{
    auth::{Caller, policy},
    domain::{
        ExecutorId,
        audit::AuditEntry,
        page::{Page, PageSize},
    },
    error::Error,
    store,
};

pub use crate::store::overview::FailedRow;

/// Older failures are on the pages of their Executors.
const LATELY: TimeDelta = TimeDelta::days(30);
/// Failures that are listed.
const FAILURES: i64 = 50;

impl Hub {
    /// Builds that failed in the last thirty days, the last first, of Executors that the caller owns or was let into; at most
    /// fifty.
    pub async fn failures_of(&self, caller: &Caller) -> Result<Vec<FailedRow>, Error> {
        let person = caller.require_user()?.id;
        let only = match caller {
            Caller::Person { power, .. } => power.executors.as_deref(),
            Caller::Anonymous => None,
        };
        let mut connection = self.0.store.read().await?;
        let since = self.0.clock.now() - LATELY;
        Ok(store::overview::failed(&mut connection, person, only, since, FAILURES).await?)
    }

    /// A page of the log before the entry that `cursor` names, the newest first; for admins. That it is read is in it.
    pub async fn audit_latest(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        action: Option<&str>,
        cursor: Option<&str>,
        size: PageSize,
    ) -> Result<Page<AuditEntry>, Error> {
        policy::authorize_administration(caller)?;
        let before = match cursor.map(str::parse::<i64>) {
            None => {
                self.begin_audit_export(Asker::Caller(caller)).await?;
                i64::MAX
            }
            Some(Ok(before)) => before,
            Some(Err(_)) => {
                let cause = "The cursor was not made by this list.";
                return Err(Error::invalid("cursor", cause, "Start again from the first page."));
            }
        };
        let mut connection = self.0.store.read().await?;
        let limit = size.and_one_more();
        let entries = store::audit::read_before(&mut connection, wanted, action, before, limit).await?;
        Ok(Page::cut(entries, size, |entry| entry.number.to_string()))
    }

    /// What Executors are called, for admins.
    pub async fn titles(
        &self,
        caller: &Caller,
        ids: &[ExecutorId],
    ) -> Result<HashMap<ExecutorId, String>, Error> {
        policy::authorize_administration(caller)?;
        let mut connection = self.0.store.read().await?;
        Ok(store::overview::titles(&mut connection, ids).await?.into_iter().collect())
    }
}
