//! Can somebody run it for years? Health, figures, certificates, and the path below which it is reached.

mod base_path;
mod dashboards;
mod doctor;
mod health;
mod metrics;
mod proxy;
mod reload;
mod systemd;
mod tls;
mod traces;

use executor_hub::domain::user::Role;

use crate::support::{client::Client, hub::TestHub};

/// An admin of the Hub.
async fn admin(hub: &TestHub) -> Client {
    let user = hub.app.auth().create_user("root", None, Role::Admin).await.unwrap();
    let token = hub.app.auth().issue_personal_token(user.id, "test", None).await.unwrap();
    hub.anonymous().with_token(token.expose())
}
