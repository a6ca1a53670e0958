//! Who reads the audit log, and when is it forgotten? Admins of the Hub and the operator; that it was read is in it.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{Stream, stream};
use serde_json::json;

use super::Hub;
use crate::{
    auth::{Caller, audit::Deed, policy},
    domain::{
        audit::{AuditAction, AuditEntry, AuditSubject, Right},
        page::{Page, PageSize},
    },
    error::Error,
    store,
};

pub use crate::store::audit::Wanted;

/// Entries that an export reads at once: what it costs in memory does not grow with the log.
const ROUND: i64 = 1000;
/// The database keeps entries that are younger, whoever asks.
const KEPT_FOR_DAYS: u16 = 30;

/// Who asks for the log.
#[derive(Debug, Clone, Copy)]
pub enum Asker<'a> {
    /// Somebody by a surface.
    Caller(&'a Caller),
    /// Whoever sits at the command line of the machine.
    Operator,
}

impl Asker<'_> {
    fn right(self) -> Result<Right, Error> {
        match self {
            Self::Operator => Ok(Right::Operator),
            Self::Caller(caller) => policy::authorize_administration(caller),
        }
    }
}

impl Hub {
    /// A page of the log after the entry that `cursor` names, the oldest first.
    pub async fn audit_page(
        &self,
        asker: Asker<'_>,
        wanted: &Wanted,
        cursor: Option<&str>,
        size: PageSize,
    ) -> Result<Page<AuditEntry>, Error> {
        let after = match cursor {
            None => {
                self.begin_audit_export(asker).await?;
                0
            }
            Some(cursor) => asker.right().and_then(|_| number(cursor))?,
        };
        let mut connection = self.0.store.read().await?;
        let entries = store::audit::read_after(&mut connection, wanted, after, size.and_one_more()).await?;
        Ok(Page::cut(entries, size, |entry| entry.number.to_string()))
    }

    /// Writes down that somebody reads the log, who must be allowed to; then [`Hub::audit_round`] gives it.
    pub async fn begin_audit_export(&self, asker: Asker<'_>) -> Result<(), Error> {
        let deed = Deed::to(AuditAction::AuditExported, &the_log(), asker.right()?);
        let now = self.0.clock.now();
        let mut connection = self.0.store.read().await?;
        match asker {
            Asker::Caller(caller) => deed.record(&mut connection, caller, now).await?,
            Asker::Operator => deed.record_as(&mut connection, None, now).await?,
        }
        Ok(())
    }

    /// The whole log after number `after` in rounds, for whoever [`Hub::begin_audit_export`] let in. It ends with the entry that
    /// was the last when it was read, or with what went wrong.
    pub fn audit_rounds(
        &self,
        caller: Caller,
        wanted: Wanted,
        after: i64,
    ) -> impl Stream<Item = Result<Vec<AuditEntry>, Error>> + Send + 'static + use<> {
        let start = (self.clone(), caller, wanted, after);
        stream::try_unfold(start, async |(hub, caller, wanted, after)| {
            let round = hub.audit_round(Asker::Caller(&caller), &wanted, after).await?;
            let last = round.last().map(|entry| entry.number);
            Ok(last.map(|last| (round, (hub, caller, wanted, last))))
        })
    }

    /// The next entries of an export, after number `after`; none at its end.
    pub async fn audit_round(
        &self,
        asker: Asker<'_>,
        wanted: &Wanted,
        after: i64,
    ) -> Result<Vec<AuditEntry>, Error> {
        asker.right()?;
        let mut connection = self.0.store.read().await?;
        Ok(store::audit::read_after(&mut connection, wanted, after, ROUND).await?)
    }

    /// Deletes entries that are older than so many days, thirty or more; returns how many. That it was done stays.
    pub async fn forget_audit(&self, asker: Asker<'_>, days: u16) -> Result<u64, Error> {
        let right = asker.right()?;
        if days < KEPT_FOR_DAYS {
            return Err(Error::invalid(
                "audit_age",
                format!("Entries of the last {KEPT_FOR_DAYS} days are kept."),
                "Choose more days.",
            ));
        }
        let now = self.0.clock.now();
        // A clock that differs a little from the database's must not fail the whole.
        let before: DateTime<Utc> = now - TimeDelta::days(days.into()) - TimeDelta::minutes(5);
        let mut transaction = self.0.store.begin().await?;
        let forgotten = store::audit::forget(&mut transaction, before).await?;
        let said = json!({"before": before, "entries": forgotten});
        let deed = Deed::to(AuditAction::AuditForgotten, &the_log(), right).saying(said);
        match asker {
            Asker::Caller(caller) => deed.record(&mut transaction, caller, now).await?,
            Asker::Operator => deed.record_as(&mut transaction, None, now).await?,
        }
        transaction.commit().await?;
        Ok(forgotten)
    }
}

/// The number of the entry that a cursor names.
pub fn number(cursor: &str) -> Result<i64, Error> {
    cursor.parse().map_err(|_| {
        let cause = "The cursor was not made by this list.";
        Error::invalid("cursor", cause, "Start again from the first page.")
    })
}

fn the_log() -> AuditSubject {
    AuditSubject { kind: "audit", id: "log".into(), title: "the audit log".into() }
}
