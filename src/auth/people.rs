//! What may an admin do about people from afar? See them, add them, and invite them to choose a password.

use super::{Auth, Caller, policy};
use crate::{
    domain::{
        ExecutorName, Login, Secret,
        page::{Page, PageSize},
        user::{Role, User},
    },
    error::{Error, ErrorKind},
    store::users::Account,
};

impl Auth {
    /// People by login, for admins. `cursor` is what the page before said.
    pub async fn people(
        &self,
        caller: &Caller,
        cursor: Option<&str>,
        size: PageSize,
    ) -> Result<Page<Account>, Error> {
        policy::authorize_administration(caller)?;
        let after = match cursor {
            None => String::new(),
            Some(cursor) => cursor.parse::<ExecutorName>().map_err(|_| bad_cursor())?.to_string(),
        };
        let limit = u16::try_from(size.and_one_more()).unwrap_or(u16::MAX);
        Ok(Page::cut(self.list_users(&after, limit).await?, size, |last| last.user.login.key()))
    }

    /// Adds a person and invites them; the word of the invitation's link is returned here and never again.
    pub async fn add_person(
        &self,
        caller: &Caller,
        login: &str,
        display_name: Option<&str>,
        role: Role,
    ) -> Result<(User, Secret), Error> {
        policy::authorize_administration(caller)?;
        let user = self.create_user(login, display_name, role).await?;
        let word = self.invite(&user).await?;
        Ok((user, word))
    }

    /// Shuts a person out, as [`Auth::disable_user`] says. Nobody shuts out themselves: a Hub keeps an admin.
    pub async fn disable_person(&self, caller: &Caller, login: &str) -> Result<(), Error> {
        policy::authorize_administration(caller)?;
        let is_own = |login: Login| caller.user().is_some_and(|user| user.login.key() == login.key());
        if login.parse().is_ok_and(is_own) {
            return Err(Error::new(
                ErrorKind::PolicyDenied,
                "own_account",
                "You cannot shut out yourself.",
                "Ask another admin of the Hub.",
            ));
        }
        self.disable_user(login).await
    }

    /// Lets a person in again. Their tokens stay revoked.
    pub async fn enable_person(&self, caller: &Caller, login: &str) -> Result<(), Error> {
        policy::authorize_administration(caller)?;
        self.enable_user(login).await
    }

    /// Invites a person to choose another password; invitations that they had before end.
    pub async fn invite_again(&self, caller: &Caller, login: &str) -> Result<Secret, Error> {
        policy::authorize_administration(caller)?;
        let user = self.find_user(login).await?;
        self.invite(&user).await
    }
}

fn bad_cursor() -> Error {
    Error::invalid("cursor", "The cursor was not made by this list.", "Start again from the first page.")
}
