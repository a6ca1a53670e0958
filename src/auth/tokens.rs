//! How are access tokens made and found? 256 random bits behind a fixed prefix, stored as their SHA-256.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest as _, Sha256 as Hasher};

use super::{Auth, Caller, audit};
use crate::{
    domain::{
        Secret, TokenId, UserId,
        audit::AuditAction,
        digest::Sha256,
        power::{Power, Scope},
        secret,
    },
    error::{Error, ErrorKind},
    store::{
        self, Connection, StoreError,
        tokens::{NewToken, TokenFacts, TokenKind},
    },
};

pub use crate::store::tokens::TokenRow;

/// Lets people and scanners see what a leaked text is.
const PREFIX: &str = "ehub_";
/// The longest a personal token may live, in days.
pub const MAX_DAYS: i64 = 3650;

/// A new text of 256 random bits behind a prefix.
pub(super) fn mint(prefix: &str) -> Secret {
    Secret::new(format!("{prefix}{}", secret::random_text().expose()))
}

/// What a token, code or link is found by.
pub fn hash(token: &Secret) -> Sha256 {
    Sha256(Hasher::digest(token.expose().as_bytes()).into())
}

impl Auth {
    /// Makes a personal access token for a person; its text is returned here and never again.
    pub async fn issue_personal_token(
        &self,
        user: UserId,
        name: &str,
        days: Option<i64>,
    ) -> Result<Secret, Error> {
        let expires_at = match days {
            Some(days) => Some(self.in_days(days)?),
            None => None,
        };
        Ok(self.add_personal_token(user, name, expires_at, Power::full()).await?.1)
    }

    /// Makes a personal access token for whoever asks, with everything that they may.
    pub async fn issue_personal_token_for(
        &self,
        caller: &Caller,
        name: &str,
        days: i64,
    ) -> Result<Secret, Error> {
        Ok(self.issue_limited_token_for(caller, name, days, Power::full()).await?.1)
    }

    /// Makes a personal access token for whoever asks, that reaches no further than `power`. One that was asked for with a
    /// personal token does not outlive that, and a limited token makes none: a token can neither prolong nor widen itself.
    pub async fn issue_limited_token_for(
        &self,
        caller: &Caller,
        name: &str,
        days: i64,
        power: Power,
    ) -> Result<(TokenRow, Secret), Error> {
        let user = caller.require(Scope::Admin)?.id;
        check_power(&power)?;
        let wanted = self.in_days(days)?;
        let expires_at = match self.session(caller).await? {
            TokenFacts { kind: TokenKind::Personal, expires_at: Some(end), .. } => wanted.min(end),
            _ => wanted,
        };
        self.add_personal_token(user, name, Some(expires_at), power).await
    }

    fn in_days(&self, days: i64) -> Result<DateTime<Utc>, Error> {
        if (1..=MAX_DAYS).contains(&days) {
            return Ok(self.clock.now() + TimeDelta::days(days));
        }
        Err(Error::invalid(
            "token_expiry",
            format!("A token lives for 1 to {MAX_DAYS} days."),
            "Choose another number of days.",
        ))
    }

    async fn add_personal_token(
        &self,
        user: UserId,
        name: &str,
        expires_at: Option<DateTime<Utc>>,
        power: Power,
    ) -> Result<(TokenRow, Secret), Error> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
            return Err(Error::invalid(
                "token_name",
                "A token's name has 1 to 200 characters, none of them a control character.",
                "Choose another name.",
            ));
        }
        let token = mint(PREFIX);
        let now = self.clock.now();
        let new = NewToken {
            id: TokenId::mint(),
            user,
            name,
            kind: TokenKind::Personal,
            hash: hash(&token),
            expires_at,
            power: power.clone(),
        };
        let id = new.id;
        let mut transaction = self.store.begin().await?;
        store::tokens::retire_expired_personal(&mut transaction, user, name, now).await?;
        store::tokens::insert(&mut transaction, new, now).await.map_err(|error| match error {
            StoreError::Conflict(_) => Error::new(
                ErrorKind::NameTaken,
                "token_name_taken",
                format!("You have a token called '{name}' already."),
                "Delete it first, or choose another name.",
            ),
            error => error.into(),
        })?;
        self.note(&mut transaction, AuditAction::TokenCreated, user, name).await?;
        transaction.commit().await?;
        let row =
            TokenRow { id, name: name.to_owned(), created_at: now, expires_at, last_used_at: None, power };
        Ok((row, token))
    }

    /// Writes down what was done to a session or token of a person's.
    pub(super) async fn note(
        &self,
        connection: &mut Connection,
        action: AuditAction,
        user: UserId,
        name: &str,
    ) -> Result<(), Error> {
        let login = store::users::login_of(connection, user).await?.unwrap_or_default();
        let (account, said) = ((user, login.as_str()), json!({"name": name}));
        Ok(audit::of_account(connection, action, account, said, self.clock.now()).await?)
    }

    /// A person's live personal tokens, newest first.
    pub async fn list_personal_tokens(&self, user: UserId) -> Result<Vec<TokenRow>, Error> {
        let mut connection = self.store.read().await?;
        Ok(store::tokens::list_personal(&mut connection, user, self.clock.now()).await?)
    }

    /// Revokes a personal token of the caller's.
    pub async fn revoke_token_of(&self, caller: &Caller, id: TokenId) -> Result<(), Error> {
        let user = caller.require(Scope::Admin)?.id;
        let mut transaction = self.store.begin().await?;
        let revoked =
            store::tokens::revoke_personal_by_id(&mut transaction, user, id, self.clock.now()).await?;
        if let Some(name) = revoked {
            self.note(&mut transaction, AuditAction::TokenRevoked, user, &name).await?;
            transaction.commit().await?;
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::NotFound,
            "token_not_found",
            "You have no such token.",
            "Look at the list of tokens.",
        ))
    }

    /// Revokes a person's personal token by name.
    pub async fn revoke_personal_token(&self, user: UserId, name: &str) -> Result<(), Error> {
        let mut transaction = self.store.begin().await?;
        if store::tokens::revoke_personal(&mut transaction, user, name.trim(), self.clock.now()).await? {
            self.note(&mut transaction, AuditAction::TokenRevoked, user, name.trim()).await?;
            transaction.commit().await?;
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::NotFound,
            "token_not_found",
            format!("There is no token called '{name}'."),
            "Look at the list of tokens.",
        ))
    }
}

fn check_power(power: &Power) -> Result<(), Error> {
    const MAX_EXECUTORS: usize = 100;
    let refuse = |cause: &str| Err(Error::invalid("token_limits", cause, "Choose other limits."));
    match &power.executors {
        Some(named) if named.is_empty() => refuse("A token for no Executor is of no use."),
        Some(named) if named.len() > MAX_EXECUTORS => refuse("A token is for at most 100 Executors."),
        Some(_) if power.scope == Scope::Admin => {
            refuse("A token for certain Executors has the scope 'read' or 'write'.")
        }
        _ => Ok(()),
    }
}
