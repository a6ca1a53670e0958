//! Who is asking, and may they? Credentials become a [`Caller`] here, and `policy` alone decides what it may do.

pub mod accounts;
mod caller;
mod keys;
pub mod passwords;
pub mod policy;
pub mod tokens;

use std::sync::Arc;

pub use caller::{Caller, Credentials};
pub use keys::{Keys, KeysError};

use crate::{
    domain::{Clock, Secret},
    error::Error,
    store::{self, Store},
};

/// Resolves credentials to callers.
#[derive(Debug, Clone)]
pub struct Auth {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Auth {
    /// Over the given store.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Who brings these credentials. A token that is unknown, expired or revoked is an error, never an anonymous
    /// caller: a push that its author takes for signed in must not become an anonymous one.
    pub async fn caller(&self, credentials: &Credentials) -> Result<Caller, Error> {
        match credentials {
            Credentials::None => Ok(Caller::Anonymous),
            Credentials::Token(token) => self.caller_of_token(token).await,
        }
    }

    async fn caller_of_token(&self, token: &Secret) -> Result<Caller, Error> {
        let hash = tokens::hash(token);
        let mut connection = self.store.read().await?;
        match store::tokens::find_user(&mut connection, hash, self.clock.now()).await? {
            Some((token, user)) => Ok(Caller::Person { user: Box::new(user), token }),
            None => Err(Error::sign_in_required(true)),
        }
    }
}
