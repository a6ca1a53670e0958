//! `user.*`: passwords, sessions, tokens, and programs that wait for their person's browser.

mod browser_login;
mod docker_registry;
mod password_login;
mod personal_tokens;
mod sessions;

use executor_hub::domain::{Secret, user::Role};

use crate::support::hub::TestHub;

pub const PASSWORD: &str = "correct horse battery";

/// A new person with [`PASSWORD`].
pub async fn person_with_password(hub: &TestHub, login: &str) {
    let password = Secret::new(PASSWORD);
    hub.app.auth().create_user_with_password(login, None, Role::Member, &password).await.unwrap();
}
