//! Does somebody who follows a build hear on after what let them in is over? Not for longer than it takes to look again.

use std::{pin::pin, sync::Arc};

use chrono::DateTime;
use executor_hub::{
    auth::{Caller, Credentials},
    builds::progress::Followed,
    domain::{AccessLevel, Clock, Secret, TaskId, access::Grantee, clock::FixedClock},
    hub::following::LOOKED_AT_AFTER,
};
use futures_util::{Stream, StreamExt as _};
use serde_json::json;

use super::{person, subject};
use crate::support::{
    hub::{TestHub, Wanted},
    package::package,
};

/// A Hub whose one task waits for a worker for ever, so that its followers hear only that nothing happens.
struct Waiting {
    hub: TestHub,
    clock: Arc<FixedClock>,
    owner: Caller,
    task: TaskId,
}

impl Waiting {
    async fn for_a_worker() -> Self {
        let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
        let wanted = Wanted {
            without_worker: true,
            clock: Some(Arc::clone(&clock) as Arc<dyn Clock>),
            ..Wanted::default()
        };
        let hub = TestHub::start_with(wanted).await;
        let (alice, owner) = person(&hub, "alice").await;
        let fields = [("private", "True"), ("secret", "open-sesame")];
        let answer = alice.push("executor.createAsync", &fields, &package("Hello")).await.json();
        let task = answer["data"]["_id"].as_str().unwrap().parse().unwrap();
        Self { hub, clock, owner, task }
    }

    async fn follow(&self, caller: &Caller, secret: Option<&str>) -> impl Stream<Item = Followed> + use<> {
        let secret = secret.map(Secret::new);
        let watched = self.hub.app.hub().watch(caller, self.task, secret.as_ref()).await.unwrap();
        self.hub.app.hub().follow_watched(&watched, 0)
    }

    /// So much later that everybody is looked at again.
    fn later(&self) {
        self.clock.advance(LOOKED_AT_AFTER);
    }
}

/// Whether there is more to come.
async fn hears(follower: &mut (impl Stream<Item = Followed> + Unpin)) -> bool {
    follower.next().await.is_some()
}

#[tokio::test]
async fn a_grant_that_is_taken_back_ends_what_its_holder_follows() {
    let waiting = Waiting::for_a_worker().await;
    let (_, bob) = person(&waiting.hub, "bob").await;
    let (to, it) = (Grantee::Person("bob".parse().unwrap()), subject("Hello"));
    let hub = waiting.hub.app.hub();
    hub.grant_access(&waiting.owner, &it, &to, AccessLevel::Read).await.unwrap();
    let mut bobs = pin!(waiting.follow(&bob, None).await);
    let mut owners = pin!(waiting.follow(&waiting.owner, None).await);
    assert!(hears(&mut bobs).await && hears(&mut owners).await);
    waiting.later();
    assert!(hears(&mut bobs).await, "looked at again, and let on");
    hub.revoke_access(&waiting.owner, &it, &to).await.unwrap();
    waiting.later();
    assert!(!hears(&mut bobs).await, "his grant is gone");
    assert!(hears(&mut owners).await, "hers is not concerned");
}

#[tokio::test]
async fn a_session_that_ends_ends_what_it_follows() {
    let waiting = Waiting::for_a_worker().await;
    let auth = waiting.hub.app.auth();
    let id = waiting.owner.user_id().unwrap();
    let session = auth.open_session(id, "browser").await.unwrap();
    let by_session = auth.caller(&Credentials::Token(session)).await.unwrap();
    let mut follower = pin!(waiting.follow(&by_session, None).await);
    assert!(hears(&mut follower).await);
    let Caller::Person { token, .. } = &by_session else { unreachable!() };
    sqlx::query("UPDATE tokens SET revoked_at = now() WHERE id = $1")
        .bind(token.0)
        .execute(&waiting.hub.pool)
        .await
        .unwrap();
    waiting.later();
    assert!(!hears(&mut follower).await);
}

#[tokio::test]
async fn a_secret_that_is_rotated_and_an_executor_that_is_deleted_end_what_is_followed() {
    let waiting = Waiting::for_a_worker().await;
    let mut holder = pin!(waiting.follow(&Caller::Anonymous, Some("open-sesame")).await);
    let mut owners = pin!(waiting.follow(&waiting.owner, None).await);
    assert!(hears(&mut holder).await && hears(&mut owners).await);
    let hub = waiting.hub.app.hub();
    hub.rotate_secret(&waiting.owner, &subject("Hello"), None).await.unwrap();
    waiting.later();
    assert!(!hears(&mut holder).await, "the secret is another");
    assert!(hears(&mut owners).await);
    hub.delete_executor(&waiting.owner, &subject("Hello")).await.unwrap();
    waiting.later();
    // What the deletion told of the build may have been on its way.
    while let Some(followed) = owners.next().await {
        assert!(matches!(followed, Followed::Event(_)), "{followed:?}");
    }
    let path = format!("/api/v1/tasks/{}", waiting.task);
    assert_eq!(waiting.hub.anonymous().get(&path).await.json()["code"], json!("task_not_found"));
}
