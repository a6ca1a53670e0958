//! How does a person sign in and out? Whatever proved who they are, a password or one day an identity provider, ends in
//! [`Auth::open_session`]: a token that expires and can be ended.

use std::net::IpAddr;

use super::{Auth, Caller, passwords, throttle::Attempt, tokens};
use crate::{
    domain::{
        Login, Secret, TokenId, UserId,
        audit::AuditAction,
        power::{Power, Scope},
        user::User,
    },
    error::{Error, ErrorKind},
    store::{
        self, Connection,
        tokens::{NewToken, Sessions, TokenFacts, TokenKind},
    },
};

pub use crate::store::tokens::SessionRow;

/// Tells session tokens from personal ones.
const PREFIX: &str = "ehub_s_";

impl Auth {
    /// Checks a login and its password. Unknown, disabled and passwordless people get the same answer in the same time.
    pub async fn check_password(
        &self,
        login: &str,
        password: &Secret,
        address: IpAddr,
    ) -> Result<User, Error> {
        let parsed = login.trim().parse::<Login>().ok();
        let attempt = Attempt::from(address);
        let attempt = match &parsed {
            Some(login) => attempt.at(login),
            None => attempt,
        };
        self.count_attempt(&attempt).await?;
        let found = match &parsed {
            // The connection is given back before the slow hash.
            Some(login) => {
                let mut connection = self.store.read().await?;
                store::users::find_with_password(&mut connection, login).await?
            }
            None => None,
        };
        let hash = found.as_ref().and_then(|(_, hash)| hash.as_deref());
        let fits = passwords::verify(password, hash).await?;
        match found {
            Some((user, _)) if fits => {
                self.forgive_attempt(&attempt).await?;
                Ok(user)
            }
            _ => {
                metrics::counter!("hub_auth_failures_total", "reason" => "password").increment(1);
                Err(Error::new(
                    ErrorKind::Unauthenticated,
                    "wrong_password",
                    "The login or the password is wrong.",
                    "Check both; an admin of the Hub can give you a new password.",
                ))
            }
        }
    }

    /// Opens a session for somebody who has proven who they are. `name` says where, for lists.
    pub async fn open_session(&self, user: UserId, name: &str) -> Result<Secret, Error> {
        let mut transaction = self.store.begin().await?;
        let token = self.open_session_on(&mut transaction, user, name).await?;
        transaction.commit().await?;
        Ok(token)
    }

    pub(super) async fn open_session_on(
        &self,
        connection: &mut Connection,
        user: UserId,
        name: &str,
    ) -> Result<Secret, Error> {
        let token = tokens::mint(PREFIX);
        let now = self.clock.now();
        let new = NewToken {
            id: TokenId::mint(),
            user,
            name,
            kind: TokenKind::Session,
            hash: tokens::hash(&token),
            expires_at: Some(now + self.rules.session_life),
            power: Power::full(),
        };
        store::tokens::insert(connection, new, now).await?;
        self.note(connection, AuditAction::SessionOpened, user, name).await?;
        Ok(token)
    }

    /// Ends the caller's session; `false` when they came with a personal access token, which signing out does not revoke:
    /// other programs may live by it.
    pub async fn end_session(&self, caller: &Caller) -> Result<bool, Error> {
        let Caller::Person { user, token, .. } = caller else { return Err(Error::sign_in_required(false)) };
        let mut transaction = self.store.begin().await?;
        let was_session = store::tokens::end_session(&mut transaction, *token, self.clock.now()).await?;
        if was_session {
            self.note(&mut transaction, AuditAction::SessionEnded, user.id, "").await?;
        }
        transaction.commit().await?;
        Ok(was_session)
    }

    /// Where the caller is signed in, the newest first, and which of these they ask by.
    pub async fn sessions(&self, caller: &Caller) -> Result<Vec<(SessionRow, bool)>, Error> {
        let user = caller.require(Scope::Admin)?.id;
        let current = caller.token();
        let mut connection = self.store.read().await?;
        let rows = store::tokens::list_sessions(&mut connection, user, self.clock.now()).await?;
        let marked = rows.into_iter().map(|row| {
            let is_this = Some(row.id) == current;
            (row, is_this)
        });
        Ok(marked.collect())
    }

    /// Ends one of the caller's sessions, this one included.
    pub async fn end_session_of(&self, caller: &Caller, id: TokenId) -> Result<(), Error> {
        if self.end_sessions(caller, Sessions::Only(id)).await? > 0 {
            return Ok(());
        }
        let cause = "You have no such session.";
        Err(Error::new(ErrorKind::NotFound, "session_not_found", cause, "Look at the list of sessions."))
    }

    /// Ends every session of the caller but the one they ask by; how many there were.
    pub async fn end_other_sessions(&self, caller: &Caller) -> Result<usize, Error> {
        let current = caller.token().ok_or_else(|| Error::sign_in_required(false))?;
        self.end_sessions(caller, Sessions::AllBut(current)).await
    }

    async fn end_sessions(&self, caller: &Caller, which: Sessions) -> Result<usize, Error> {
        let user = caller.require(Scope::Admin)?.id;
        let mut transaction = self.store.begin().await?;
        let ended = store::tokens::end_sessions(&mut transaction, user, which, self.clock.now()).await?;
        for name in &ended {
            self.note(&mut transaction, AuditAction::SessionEnded, user, name).await?;
        }
        transaction.commit().await?;
        Ok(ended.len())
    }

    /// What the caller signed in by.
    pub async fn session(&self, caller: &Caller) -> Result<TokenFacts, Error> {
        let Caller::Person { token, .. } = caller else { return Err(Error::sign_in_required(false)) };
        let mut connection = self.store.read().await?;
        let facts = store::tokens::facts(&mut connection, *token).await?;
        facts.ok_or_else(|| Error::sign_in_required(true))
    }
}
