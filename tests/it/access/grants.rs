//! Whom an owner lets in may do that and no more, and whoever is shut out may do nothing at once.

use executor_hub::domain::{
    AccessLevel::{Admin, Read, Write},
    access::Grantee,
};
use serde_json::json;

use super::{hub, person, subject};
use crate::support::package::package;

fn to(login: &str) -> Grantee {
    Grantee::Person(login.parse().unwrap())
}

#[tokio::test]
async fn each_level_lets_in_so_far_and_no_further() {
    let hub = hub().await;
    let (alice, alice_caller) = person(&hub, "alice").await;
    let (bob, bob_caller) = person(&hub, "bob").await;
    person(&hub, "carol").await;
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    let it = subject("alice/Hidden");
    let pull = async || bob.rpc("executor.getPackage", json!({"id": "alice/Hidden"})).await.status.as_u16();
    let push = async |text: &str| {
        let package = package("Hidden").with("README.md", text);
        bob.push("executor.push", &[("id", "alice/Hidden")], &package).await.status.as_u16()
    };
    let list = async || bob.get("/api/v1/executors").await.json()["executors"].as_array().unwrap().len();
    let grant =
        async |level| hub.app.hub().grant_access(&alice_caller, &it, &to("bob"), level).await.unwrap();
    let manage = async || {
        let changed = hub.app.hub().grant_access(&bob_caller, &it, &to("carol"), Read).await;
        changed.map_err(|error| error.code).err()
    };

    assert_eq!((pull().await, push("0").await, list().await), (404, 404, 0));
    assert_eq!(manage().await, Some("executor_not_found"));
    grant(Read).await;
    assert_eq!((pull().await, push("1").await, list().await), (200, 403, 1));
    assert_eq!(manage().await, Some("change_not_allowed"));
    grant(Write).await;
    assert_eq!((pull().await, push("2").await), (200, 200));
    assert_eq!(manage().await, Some("change_not_allowed"));
    grant(Admin).await;
    assert_eq!((pull().await, push("3").await, manage().await), (200, 200, None));
    let grants = hub.app.hub().access_list(&bob_caller, &it).await.unwrap();
    let said: Vec<_> =
        grants.iter().map(|g| (g.to.to_string(), g.level, g.granted_by.clone().unwrap())).collect();
    let login = |text: &str| text.parse().unwrap();
    assert_eq!(said, [("bob".into(), Admin, login("alice")), ("carol".into(), Read, login("bob"))]);

    hub.app.hub().revoke_access(&alice_caller, &it, &to("bob")).await.unwrap();
    assert_eq!((pull().await, push("4").await, list().await), (404, 404, 0));
    assert_eq!(manage().await, Some("executor_not_found"));
}

#[tokio::test]
async fn what_was_pushed_by_a_writer_belongs_to_the_owner() {
    let hub = hub().await;
    let (alice, alice_caller) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    alice.push("executor.push", &[], &package("Shared")).await;
    hub.app.hub().grant_access(&alice_caller, &subject("Shared"), &to("bob"), Write).await.unwrap();
    let changed = package("Shared").with("README.md", "by bob");
    for (method, id) in [("executor.update", "alice/Shared"), ("executor.push", "alice/Shared")] {
        let line = bob.push(method, &[("id", id), ("tags", "v2")], &changed).await.last_line();
        assert_eq!(line["payload"]["owner"]["name"], "alice", "{method}: {line}");
    }
    let own = bob.push("executor.push", &[], &package("Shared")).await.last_line();
    assert_eq!(own["payload"]["owner"]["name"], "bob", "without the owner's name it is one's own");
    assert_eq!(hub.count("executors").await, 2);
}

#[tokio::test]
async fn a_grant_that_makes_no_sense_is_refused_with_its_reason() {
    let hub = hub().await;
    let (alice, caller) = person(&hub, "alice").await;
    alice.push("executor.push", &[], &package("Hello")).await;
    let grant = async |to: &Grantee| {
        hub.app.hub().grant_access(&caller, &subject("Hello"), to, Read).await.unwrap_err().code
    };
    assert_eq!(grant(&to("alice")).await, "grantee_is_owner");
    assert_eq!(grant(&to("nobody")).await, "user_not_found");
    assert_eq!(grant(&Grantee::Team("nobody".parse().unwrap())).await, "team_not_found");
    person(&hub, "bob").await;
    let revoked = hub.app.hub().revoke_access(&caller, &subject("Hello"), &to("bob")).await;
    assert_eq!(revoked.unwrap_err().code, "grant_not_found");
}

#[tokio::test]
async fn whoever_was_let_in_may_leave_by_themselves() {
    let hub = hub().await;
    let (alice, alice_caller) = person(&hub, "alice").await;
    let (bob, bob_caller) = person(&hub, "bob").await;
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    let it = subject("alice/Hidden");
    hub.app.hub().grant_access(&alice_caller, &it, &to("bob"), Read).await.unwrap();
    hub.app.hub().revoke_access(&bob_caller, &it, &to("bob")).await.unwrap();
    assert_eq!(bob.rpc("executor.getPackage", json!({"id": "alice/Hidden"})).await.status, 404);
}
