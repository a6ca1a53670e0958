//! Does the Hub still answer a recorded flow as it did? Exchange by exchange, in their order, on one Hub.

use std::time::Duration;

use executor_hub::domain::user::Role;

use super::{
    differences::differences,
    exchange::{Exchange, read},
    names::Names,
    socket,
};
use crate::support::hub::TestHub;

/// The tokens that flows may name: of Alice, who pushes.
pub async fn people(hub: &TestHub) -> [(&'static str, String); 2] {
    let auth = hub.app.auth();
    let alice = auth.create_user("alice", Some("Alice A."), Role::Member).await.unwrap();
    let token = auth.issue_personal_token(alice.id, "test", Some(1)).await.unwrap();
    let session = auth.open_session(alice.id, "test").await.unwrap();
    [("token-of-alice", token.expose().to_owned()), ("session-of-alice", session.expose().to_owned())]
}

/// Sends all requests of a flow and tells every difference, with the number of its exchange.
pub async fn replay(hub: &TestHub, recorded: &str) -> Vec<String> {
    let address = hub.url.strip_prefix("http://").unwrap();
    let mut names = Names::default();
    names.set("hub", address);
    names.know_packages();
    for (name, token) in people(hub).await {
        names.set(name, token);
    }
    let mut found = Vec::new();
    for exchange in read(recorded) {
        let told = one(address, &exchange, &mut names).await;
        if exchange.request.start.contains("Async ") {
            builds_end(hub).await;
        }
        let about = format!("exchange {}, {}", exchange.number, exchange.request.start);
        found.extend(told.into_iter().map(|difference| format!("{about}: {difference}")));
    }
    found
}

/// What clients are told of a build that goes on depends on how fast it is, so flows are recorded and replayed as if it
/// had ended before the next question.
async fn builds_end(hub: &TestHub) {
    let open = "SELECT count(*) FROM tasks WHERE finished_at IS NULL";
    let ending =
        async { while sqlx::query_scalar::<_, i64>(open).fetch_one(&hub.pool).await.unwrap() > 0 {} };
    tokio::time::timeout(Duration::from_mins(1), ending).await.expect("the end of the build");
}

async fn one(address: &str, exchange: &Exchange, names: &mut Names) -> Vec<String> {
    let request = match socket::bytes(&exchange.request, names) {
        Ok(request) => request,
        Err(unknown) => return vec![unknown],
    };
    let answer = socket::exchange(address, &request).await;
    differences(&exchange.answer, &answer, names)
}
