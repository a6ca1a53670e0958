//! How is it written down who did what? By one call of a use case, on the connection of its change, so that there is
//! never the one without the other.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Caller, Origin, policy::Granted};
use crate::{
    domain::{
        UserId,
        artifact::Artifact,
        audit::{AuditAction, AuditSubject, Right},
        executor::Executor,
        team::Team,
        user::User,
    },
    store::{self, Connection, StoreError, audit::NewEntry},
};

/// What was done, to what, and by what right.
#[derive(Debug)]
pub struct Deed {
    action: AuditAction,
    subject: AuditSubject,
    right: Right,
    details: Value,
}

impl Deed {
    /// Something done to what a caller was granted.
    pub fn with<T: Audited>(action: AuditAction, granted: &Granted<T>) -> Self {
        Self::to(action, granted.object(), granted.right())
    }

    /// Something done to anything.
    pub fn to<T: Audited>(action: AuditAction, object: &T, right: Right) -> Self {
        Self { action, subject: object.subject(), right, details: json!({}) }
    }

    /// Adds what else is worth knowing; never a secret.
    #[must_use]
    pub fn saying(self, details: Value) -> Self {
        Self { details, ..self }
    }

    /// Writes it down as done by the caller.
    pub async fn record(
        self,
        connection: &mut Connection,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let actor = caller.user().map(|user| (user.id, user.login.as_str()));
        self.record_as(connection, actor, now).await
    }

    /// Writes it down as done by the caller or, without one, by whoever sits at the command line.
    pub async fn record_of(
        self,
        connection: &mut Connection,
        by: Option<&Caller>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        match by {
            Some(caller) => self.record(connection, caller, now).await,
            None => self.record_as(connection, None, now).await,
        }
    }

    /// Writes it down as done by a person, or by nobody whom the Hub knows.
    pub async fn record_as(
        self,
        connection: &mut Connection,
        actor: Option<(UserId, &str)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let origin = Origin::current();
        let entry = NewEntry {
            action: self.action,
            actor,
            right: self.right,
            address: origin.address.map(|address| address.to_string()),
            request_id: origin.request_id.as_deref(),
            subject: self.subject,
            details: self.details,
        };
        store::audit::append(connection, entry, now).await
    }
}

/// Writes down what was done to a person's account, by whoever asks: themselves, an admin of the Hub, or the operator at
/// the command line. Somebody who is about to sign in is themselves.
pub(super) async fn of_account(
    connection: &mut Connection,
    action: AuditAction,
    user: (UserId, &str),
    details: Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let origin = Origin::current();
    let (actor, right) = match (origin.actor(), &origin.request_id) {
        (Some(actor), _) if actor.0 == user.0 => (Some(actor), Right::Own),
        (Some(actor), _) => (Some(actor), Right::HubAdmin),
        (None, Some(_)) => (Some(user), Right::Own),
        (None, None) => (None, Right::Operator),
    };
    let subject = AuditSubject { kind: "user", id: user.0.to_string(), title: user.1.to_owned() };
    Deed { action, subject, right, details }.record_as(connection, actor, now).await
}

/// Something that the audit log speaks of.
pub trait Audited {
    /// What it is called there.
    fn subject(&self) -> AuditSubject;
}

impl Audited for Executor {
    fn subject(&self) -> AuditSubject {
        AuditSubject { kind: "executor", id: self.id.to_string(), title: self.title() }
    }
}

impl Audited for Artifact {
    fn subject(&self) -> AuditSubject {
        let title = self.name.as_ref().map_or_else(|| self.id.to_string(), ToString::to_string);
        AuditSubject {
            kind: "artifact",
            id: self.id.to_string(),
            title: format!("{}/{title}", self.owner.login),
        }
    }
}

impl Audited for Team {
    fn subject(&self) -> AuditSubject {
        AuditSubject { kind: "team", id: self.id.to_string(), title: self.name.to_string() }
    }
}

impl Audited for User {
    fn subject(&self) -> AuditSubject {
        AuditSubject { kind: "user", id: self.id.to_string(), title: self.login.to_string() }
    }
}

impl Audited for AuditSubject {
    fn subject(&self) -> AuditSubject {
        self.clone()
    }
}
