//! Who is there? Creating people and finding them by login.

use super::Auth;
use crate::{
    domain::{
        Login, UserId,
        user::{Role, User},
    },
    error::{Error, ErrorKind},
    store::{self, StoreError},
};

impl Auth {
    /// Adds a person.
    pub async fn create_user(
        &self,
        login: &str,
        display_name: Option<&str>,
        role: Role,
    ) -> Result<User, Error> {
        let login: Login = login.parse().map_err(|reason| {
            Error::invalid("login", format!("'{login}' is no login: {reason}."), "Choose another.")
        })?;
        let user = User {
            id: UserId::mint(),
            display_name: display_name.map_or_else(|| login.to_string(), str::to_owned),
            login,
            role,
        };
        let mut connection = self.store.read().await?;
        store::users::insert(&mut connection, &user, self.clock.now()).await.map_err(
            |error| match error {
                StoreError::Conflict(_) => Error::new(
                    ErrorKind::NameTaken,
                    "login_taken",
                    format!("There is somebody called '{}' already.", user.login),
                    "Choose another login.",
                ),
                error => error.into(),
            },
        )?;
        Ok(user)
    }

    /// The person with this login.
    pub async fn find_user(&self, login: &str) -> Result<User, Error> {
        let not_found = || {
            Error::new(
                ErrorKind::NotFound,
                "user_not_found",
                format!("There is nobody called '{login}'."),
                "Check the login.",
            )
        };
        let login: Login = login.parse().map_err(|_| not_found())?;
        let mut connection = self.store.read().await?;
        store::users::find_by_login(&mut connection, &login).await?.ok_or_else(not_found)
    }
}
