//! Who is there? Creating people, finding them by login, their passwords, and shutting them out.

use std::net::IpAddr;

use serde_json::json;

use super::{Auth, audit, passwords, throttle::Attempt};
use crate::{
    config::Registration,
    domain::{
        Login, Secret, UserId,
        audit::AuditAction,
        user::{Role, User},
    },
    error::{Error, ErrorKind},
    store::{self, Connection, StoreError, tokens::TokenKind},
};

pub use crate::store::users::Account;

/// The longest name for show, in characters.
const MAX_DISPLAY_NAME: usize = 100;

impl Auth {
    /// Adds a person.
    pub async fn create_user(
        &self,
        login: &str,
        display_name: Option<&str>,
        role: Role,
    ) -> Result<User, Error> {
        let user = new_user(login, display_name, role)?;
        let mut transaction = self.store.begin().await?;
        self.add(&mut transaction, &user).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Adds a person together with their password.
    pub async fn create_user_with_password(
        &self,
        login: &str,
        display_name: Option<&str>,
        role: Role,
        password: &Secret,
    ) -> Result<User, Error> {
        let user = new_user(login, display_name, role)?;
        let hash = passwords::hash_new(password, &user.login).await?;
        let mut transaction = self.store.begin().await?;
        self.add(&mut transaction, &user).await?;
        store::users::set_password(&mut transaction, user.id, &hash).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Lets somebody make their own account, where the operator allows that. Always a member. Each counts as an attempt of
    /// the address, so that nobody makes thousands.
    pub async fn register(
        &self,
        login: &str,
        display_name: Option<&str>,
        password: &Secret,
        address: IpAddr,
    ) -> Result<User, Error> {
        if self.rules.registration == Registration::Closed {
            return Err(Error::new(
                ErrorKind::Forbidden,
                "registration_closed",
                "Accounts of this Hub are made by its admins.",
                "Ask one of them for an invitation.",
            ));
        }
        self.count_attempt(&Attempt::from(address)).await?;
        self.create_user_with_password(login, display_name, Role::Member, password).await
    }

    /// Gives a person another password. Every session of theirs ends, and so do invitations and sign-ins on their way:
    /// whoever knew the old one is out. Personal access tokens stay, since programs depend on them.
    pub async fn set_password(&self, user: &User, password: &Secret) -> Result<(), Error> {
        let hash = passwords::hash_new(password, &user.login).await?;
        let mut transaction = self.store.begin().await?;
        self.put_password(&mut transaction, user, &hash).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Shuts a person out: they cannot sign in, and none of their tokens works any more, now or after [`Self::enable_user`].
    pub async fn disable_user(&self, login: &str) -> Result<(), Error> {
        let now = self.clock.now();
        let parsed: Login = login.parse().map_err(|_| user_not_found(login))?;
        let mut transaction = self.store.begin().await?;
        let user = store::users::set_disabled(&mut transaction, &parsed, Some(now)).await?;
        let user = user.ok_or_else(|| user_not_found(login))?;
        store::tokens::revoke_all(&mut transaction, user, None, now).await?;
        store::invitations::withdraw(&mut transaction, user).await?;
        store::device_sign_ins::withdraw(&mut transaction, user, now).await?;
        let account = (user, parsed.as_str());
        audit::of_account(&mut transaction, AuditAction::UserDisabled, account, json!({}), now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Lets a person in again.
    pub async fn enable_user(&self, login: &str) -> Result<(), Error> {
        let parsed: Login = login.parse().map_err(|_| user_not_found(login))?;
        let mut transaction = self.store.begin().await?;
        let user = store::users::set_disabled(&mut transaction, &parsed, None).await?;
        let account = (user.ok_or_else(|| user_not_found(login))?, parsed.as_str());
        let now = self.clock.now();
        audit::of_account(&mut transaction, AuditAction::UserEnabled, account, json!({}), now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// At most `limit` people (1 to 1000) whose login comes after `after`, in the order of logins.
    pub async fn list_users(&self, after: &str, limit: u16) -> Result<Vec<Account>, Error> {
        let mut connection = self.store.read().await?;
        Ok(store::users::list(&mut connection, after, i64::from(limit.clamp(1, 1000))).await?)
    }

    /// The person with this login.
    pub async fn find_user(&self, login: &str) -> Result<User, Error> {
        let parsed: Login = login.parse().map_err(|_| user_not_found(login))?;
        let mut connection = self.store.read().await?;
        store::users::find_by_login(&mut connection, &parsed).await?.ok_or_else(|| user_not_found(login))
    }

    pub(super) async fn add(&self, connection: &mut Connection, user: &User) -> Result<(), Error> {
        store::users::insert(connection, user, self.clock.now()).await.map_err(|error| match error {
            StoreError::Conflict(_) => Error::new(
                ErrorKind::NameTaken,
                "login_taken",
                format!("There is somebody called '{}' already.", user.login),
                "Choose another login.",
            ),
            error => error.into(),
        })?;
        self.note_new_user(connection, user).await
    }

    pub(super) async fn note_new_user(&self, connection: &mut Connection, user: &User) -> Result<(), Error> {
        let (account, said) = ((user.id, user.login.as_str()), json!({"role": user.role}));
        let now = self.clock.now();
        Ok(audit::of_account(connection, AuditAction::UserCreated, account, said, now).await?)
    }

    pub(super) async fn put_password(
        &self,
        connection: &mut Connection,
        user: &User,
        hash: &str,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let account = (user.id, user.login.as_str());
        audit::of_account(connection, AuditAction::PasswordChanged, account, json!({}), now).await?;
        let user = user.id;
        store::users::set_password(connection, user, hash).await?;
        store::tokens::revoke_all(connection, user, Some(TokenKind::Session), now).await?;
        store::invitations::withdraw(connection, user).await?;
        store::device_sign_ins::withdraw(connection, user, now).await?;
        Ok(())
    }
}

/// A person who is not stored yet.
pub(super) fn new_user(login: &str, display_name: Option<&str>, role: Role) -> Result<User, Error> {
    let login: Login = login.parse().map_err(|reason| {
        Error::invalid("login", format!("'{login}' is no login: {reason}."), "Choose another.")
    })?;
    let display_name = display_name.map(str::trim).filter(|name| !name.is_empty());
    if display_name
        .is_some_and(|name| name.chars().count() > MAX_DISPLAY_NAME || name.chars().any(char::is_control))
    {
        return Err(Error::invalid(
            "display_name",
            format!(
                "A name for show has at most {MAX_DISPLAY_NAME} characters, none of them a control character."
            ),
            "Choose a shorter one.",
        ));
    }
    let display_name = display_name.map_or_else(|| login.to_string(), str::to_owned);
    Ok(User { id: UserId::mint(), login, display_name, role })
}

fn user_not_found(login: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        "user_not_found",
        format!("There is nobody called '{login}'."),
        "Check the login.",
    )
}
