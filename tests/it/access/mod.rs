//! May people do what they were let in for, and nothing else? Grants, teams and secrets, over the real router.

mod api;
mod audit;
mod envelopes;
mod followers;
mod grants;
mod matrix;
mod same_work;
mod secrets;
mod side_doors;
mod switches;
mod teams;

use executor_hub::{
    auth::{Caller, Credentials},
    domain::{Secret, user::Role},
    hub::subject::Subject,
};

use crate::support::{
    client::Client,
    hub::{TestHub, Wanted},
};

/// A Hub that builds nothing: who may do what needs no engine.
async fn hub() -> TestHub {
    hub_with(&[]).await
}

async fn hub_with(set: &[&'static str]) -> TestHub {
    let mut set = set.to_vec();
    set.push("builds.mode=off");
    TestHub::start_with(Wanted { set, ..Wanted::default() }).await
}

/// Somebody with an account, as the surfaces see them and as the use cases do.
async fn person(hub: &TestHub, login: &str) -> (Client, Caller) {
    with_role(hub, login, Role::Member).await
}

async fn with_role(hub: &TestHub, login: &str, role: Role) -> (Client, Caller) {
    let user = hub.app.auth().create_user(login, None, role).await.unwrap();
    let token = hub.app.auth().issue_personal_token(user.id, "test", Some(1)).await.unwrap();
    let client = hub.anonymous().with_token(token.expose());
    (client, hub.app.auth().caller(&Credentials::Token(token)).await.unwrap())
}

fn subject(reference: &str) -> Subject {
    Subject::from(reference.parse::<executor_hub::domain::ExecutorRef>().unwrap())
}

fn with_secret(reference: &str, secret: &str) -> Subject {
    Subject { secret: Some(Secret::new(secret)), ..subject(reference) }
}
