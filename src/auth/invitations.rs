//! How does a person get their first password, or another one, without anybody else knowing it? By a link that is good once
//! and for a week.

use std::net::IpAddr;

use chrono::TimeDelta;

use serde_json::json;

use super::{Auth, audit, passwords, throttle::Attempt, tokens};
use crate::{
    domain::{Secret, audit::AuditAction, secret, user::User},
    error::{Error, ErrorKind},
    store::{self},
};

/// How long an invitation is good.
const LIFE: TimeDelta = TimeDelta::days(7);

impl Auth {
    /// Invites a person to choose a password; the word for the link. Invitations that they had before end.
    pub async fn invite(&self, user: &User) -> Result<Secret, Error> {
        let word = secret::random_text();
        let now = self.clock.now();
        let mut transaction = self.store.begin().await?;
        store::invitations::replace(&mut transaction, tokens::hash(&word), user.id, now + LIFE, now).await?;
        let account = (user.id, user.login.as_str());
        audit::of_account(&mut transaction, AuditAction::UserInvited, account, json!({}), now).await?;
        transaction.commit().await?;
        Ok(word)
    }

    /// Who is invited by the link with this word.
    pub async fn invited(&self, word: &Secret) -> Result<User, Error> {
        let mut connection = self.store.read().await?;
        let found = store::invitations::find(&mut connection, tokens::hash(word), self.clock.now()).await?;
        found.ok_or_else(invitation_is_over)
    }

    /// The invited person chooses a password. The invitation is used up with it, in one transaction: a password that is not
    /// good enough costs nothing.
    pub async fn accept_invitation(
        &self,
        word: &Secret,
        password: &Secret,
        address: IpAddr,
    ) -> Result<User, Error> {
        let attempt = Attempt::from(address);
        self.count_attempt(&attempt).await?;
        let invited = self.invited(word).await?;
        let hash = passwords::hash_new(password, &invited.login).await?;
        let mut transaction = self.store.begin().await?;
        let taken = store::invitations::take(&mut transaction, tokens::hash(word), self.clock.now()).await?;
        let user = taken.ok_or_else(invitation_is_over)?;
        self.put_password(&mut transaction, &user, &hash).await?;
        transaction.commit().await?;
        self.forgive_attempt(&attempt).await?;
        Ok(user)
    }
}

fn invitation_is_over() -> Error {
    Error::new(
        ErrorKind::NotFound,
        "invitation_over",
        "This invitation is unknown, used or older than a week.",
        "Ask an admin of the Hub for a new one.",
    )
}
