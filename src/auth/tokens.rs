//! How are access tokens made and found? 256 random bits behind a fixed prefix, stored as their SHA-256.

use chrono::TimeDelta;
use sha2::{Digest as _, Sha256 as Hasher};

use super::Auth;
use crate::{
    domain::{Secret, TokenId, UserId, digest::Sha256, secret},
    error::{Error, ErrorKind},
    store::{
        self, StoreError,
        tokens::{NewToken, TokenKind},
    },
};

/// Lets people and scanners see what a leaked text is.
const PREFIX: &str = "ehub_";
/// The longest a personal token may live, in days.
pub const MAX_DAYS: i64 = 3650;

/// What a token is found by.
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
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
            return Err(Error::invalid(
                "token_name",
                "A token's name has 1 to 200 characters, none of them a control character.",
                "Choose another name.",
            ));
        }
        if days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
            return Err(Error::invalid(
                "token_expiry",
                format!("A token lives for 1 to {MAX_DAYS} days."),
                "Choose another number of days.",
            ));
        }
        let token = Secret::new(format!("{PREFIX}{}", secret::random_text().expose()));
        let now = self.clock.now();
        let new = NewToken {
            id: TokenId::mint(),
            user,
            name,
            kind: TokenKind::Personal,
            hash: hash(&token),
            expires_at: days.map(|days| now + TimeDelta::days(days)),
        };
        let mut connection = self.store.read().await?;
        store::tokens::insert(&mut connection, new, now).await.map_err(|error| match error {
            StoreError::Conflict(_) => Error::new(
                ErrorKind::NameTaken,
                "token_name_taken",
                format!("You have a token called '{name}' already."),
                "Delete it first, or choose another name.",
            ),
            error => error.into(),
        })?;
        Ok(token)
    }
}
