//! Who is asking, and may they? Credentials become a [`Caller`] here, and `policy` alone decides what it may do.

pub mod accounts;
pub mod audit;
pub(crate) mod caller;
pub mod device;
pub mod invitations;
mod keys;
mod master_key;
mod origin;
pub mod passwords;
mod people;
pub mod policy;
pub mod secrets;
pub mod sessions;
pub mod setup;
pub mod throttle;
pub mod tokens;

use std::{path::PathBuf, sync::Arc};

use chrono::TimeDelta;

pub use caller::{Caller, Credentials};
pub use keys::{Keys, KeysError};
pub use master_key::MasterKey;
pub use origin::Origin;

use self::secrets::SecretRules;

use crate::{
    config::{Registration, Settings},
    domain::{Clock, Secret},
    error::Error,
    store::{self, Store, sign_in_attempts::Limit},
};

/// What the operator chose about signing in.
#[derive(Debug, Clone)]
pub struct AuthRules {
    /// Who may make an account.
    pub registration: Registration,
    /// How long a session lasts.
    pub session_life: TimeDelta,
    /// How attempts on one account are held back.
    pub per_login: Limit,
    /// How attempts of one address are held back.
    pub per_address: Limit,
    /// How guessing at secrets of Executors is held back.
    pub secrets: SecretRules,
    /// Where the setup code is written for the operator.
    pub setup_file: PathBuf,
}

impl AuthRules {
    /// From the settings.
    pub fn of(settings: &Settings) -> Self {
        let auth = &settings.auth;
        let time = |span: crate::config::Span| TimeDelta::from_std(span.0).unwrap_or(TimeDelta::days(1));
        let limit = |free: u16| Limit { free: free.into(), longest: time(auth.sign_in_longest_wait) };
        let secret = |free: u16| Limit { free: free.into(), longest: time(auth.secret_longest_wait) };
        Self {
            registration: auth.registration,
            session_life: time(auth.session_life),
            per_login: limit(auth.sign_in_attempts),
            per_address: limit(auth.sign_in_attempts_per_address),
            secrets: SecretRules {
                per_item: secret(auth.secret_attempts),
                per_address: secret(auth.secret_attempts_per_address),
            },
            setup_file: settings.server.data_dir.join("setup-code"),
        }
    }
}

/// Resolves credentials to callers, and keeps the people, sessions and tokens behind them.
#[derive(Debug, Clone)]
pub struct Auth {
    store: Store,
    clock: Arc<dyn Clock>,
    rules: AuthRules,
}

impl Auth {
    /// Over the given store.
    pub fn new(store: Store, clock: Arc<dyn Clock>, rules: AuthRules) -> Self {
        Self { store, clock, rules }
    }

    /// What the operator chose.
    pub fn rules(&self) -> &AuthRules {
        &self.rules
    }

    /// Who brings these credentials. A token that is unknown, expired or revoked is an error, never an anonymous
    /// caller: a push that its author takes for signed in must not become an anonymous one.
    pub async fn caller(&self, credentials: &Credentials) -> Result<Caller, Error> {
        match credentials {
            Credentials::None => Ok(Caller::Anonymous),
            Credentials::Token(token) => self.caller_of_token(token).await,
        }
    }

    /// Whether whoever has these may see the Hub's figures and how its parts are: an admin may.
    pub async fn authorize_observation(&self, credentials: &Credentials) -> Result<(), Error> {
        let caller = self.caller(credentials).await?;
        policy::authorize_administration(&caller).map(|_| ())
    }

    async fn caller_of_token(&self, token: &Secret) -> Result<Caller, Error> {
        let hash = tokens::hash(token);
        let mut connection = self.store.read().await?;
        let Some(found) = store::tokens::find_user(&mut connection, hash, self.clock.now()).await? else {
            metrics::counter!("hub_auth_failures_total", "reason" => "token").increment(1);
            return Err(Error::sign_in_required(true));
        };
        Origin::note_actor(&found.user);
        let (user, token, power) = (Box::new(found.user), found.token, found.power);
        Ok(Caller::Person { user, token, power })
    }

    /// Forgets what is over: attempts after three days, hand-offs and invitations after a day, sessions after a month (so that a question about one can
    /// still be answered). What is left behind by a crash is forgotten by the next call.
    pub async fn forget_old(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let (day, month) = (now - TimeDelta::days(1), now - TimeDelta::days(30));
        let mut connection = self.store.read().await?;
        store::sign_in_attempts::forget_old(&mut connection, now - TimeDelta::days(3)).await?;
        store::device_sign_ins::forget_old(&mut connection, day).await?;
        store::invitations::forget_old(&mut connection, day).await?;
        store::tokens::forget_sessions(&mut connection, month).await?;
        Ok(())
    }
}
