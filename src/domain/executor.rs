//! What is an Executor as the Hub keeps it?

use chrono::{DateTime, Utc};

use super::{ExecutorId, ExecutorName, Login, UserId, Visibility};

/// The thing with a name that people push to.
#[derive(Debug, Clone)]
pub struct Executor {
    /// Its handle, never reused.
    pub id: ExecutorId,
    /// Its owner; nobody when it was pushed anonymously.
    pub owner: Option<Owner>,
    /// Its name; some have only a handle.
    pub name: Option<ExecutorName>,
    /// Who may see it.
    pub visibility: Visibility,
    /// The argon2id hash of its secret, when it has one.
    pub secret_hash: Option<String>,
    /// When it was first pushed.
    pub created_at: DateTime<Utc>,
    /// When a commit of it last became usable; absent while none has.
    pub last_pushed_at: Option<DateTime<Utc>>,
}

/// Whose an Executor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The person.
    pub id: UserId,
    /// Their login.
    pub login: Login,
}

impl Executor {
    /// `owner/name`, `name` or the handle: what people would type to find it.
    pub fn title(&self) -> String {
        match (&self.owner, &self.name) {
            (Some(owner), Some(name)) => format!("{}/{name}", owner.login),
            (None, Some(name)) => name.to_string(),
            (_, None) => self.id.to_string(),
        }
    }
}
