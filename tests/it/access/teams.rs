//! Teams give what they were let into for as long as somebody belongs to them, and are kept by their maintainers.

use executor_hub::domain::{
    AccessLevel,
    access::Grantee,
    page::PageSize,
    team::{
        TeamName,
        TeamRole::{Maintainer, Member},
    },
    user::Role,
};
use serde_json::json;

use super::{hub, person, subject, with_role};
use crate::support::package::package;

fn name(text: &str) -> TeamName {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_member_has_what_the_team_has_until_the_moment_they_leave() {
    let hub = hub().await;
    let (alice, owner) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    let (_, carol) = person(&hub, "carol").await;
    let use_cases = hub.app.hub();
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    use_cases.create_team(&carol, &name("vision")).await.unwrap();
    let team = Grantee::Team(name("Vision"));
    use_cases.grant_access(&owner, &subject("alice/Hidden"), &team, AccessLevel::Write).await.unwrap();
    let bob_login = "bob".parse().unwrap();
    let pull = async || bob.rpc("executor.getPackage", json!({"id": "alice/Hidden"})).await.status.as_u16();
    let listed = async || bob.get("/api/v1/executors").await.json()["executors"].as_array().unwrap().len();
    assert_eq!((pull().await, listed().await), (404, 0));
    use_cases.put_team_member(&carol, &name("vision"), &bob_login, Member).await.unwrap();
    assert_eq!((pull().await, listed().await), (200, 1));
    use_cases.remove_team_member(&carol, &name("vision"), &bob_login).await.unwrap();
    assert_eq!((pull().await, listed().await), (404, 0));
    use_cases.put_team_member(&carol, &name("vision"), &bob_login, Member).await.unwrap();
    assert_eq!(pull().await, 200);
    use_cases.rename_team(&carol, &name("vision"), &name("sight")).await.unwrap();
    assert_eq!(pull().await, 200, "another name changes nothing");
    use_cases.delete_team(&carol, &name("sight")).await.unwrap();
    assert_eq!(pull().await, 404);
    assert!(use_cases.access_list(&owner, &subject("alice/Hidden")).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_maintainers_and_admins_keep_a_team() {
    let hub = hub().await;
    let (_, carol) = person(&hub, "carol").await;
    let (_, bob) = person(&hub, "bob").await;
    let (_, dave) = person(&hub, "dave").await;
    let (_, root) = with_role(&hub, "root", Role::Admin).await;
    let use_cases = hub.app.hub();
    let team = name("vision");
    use_cases.create_team(&carol, &team).await.unwrap();
    use_cases.put_team_member(&carol, &team, &"bob".parse().unwrap(), Member).await.unwrap();
    let add = async |caller| {
        let added = use_cases.put_team_member(caller, &team, &"dave".parse().unwrap(), Member).await;
        added.map_err(|error| error.code).err()
    };
    assert_eq!(add(&bob).await, Some("team_not_yours"), "a member");
    assert_eq!(add(&dave).await, Some("team_not_yours"), "a stranger makes themselves no member");
    assert_eq!(add(&executor_hub::auth::Caller::Anonymous).await, Some("sign_in_required"));
    assert_eq!(use_cases.team(&dave, &team).await.unwrap_err().code, "team_not_yours");
    assert_eq!(use_cases.team(&bob, &team).await.unwrap().1.len(), 2);
    assert_eq!(add(&root).await, None);
    assert_eq!(add(&carol).await, None, "again is no error");
    let teams =
        async |caller| use_cases.teams(caller, None, PageSize::nearest(None)).await.unwrap().items.len();
    assert_eq!((teams(&bob).await, teams(&root).await), (1, 1));
    let leave = async |caller, login: &str| {
        let left = use_cases.remove_team_member(caller, &team, &login.parse().unwrap()).await;
        left.map_err(|error| error.code).err()
    };
    assert_eq!(leave(&bob, "dave").await, Some("team_not_yours"));
    assert_eq!(leave(&bob, "bob").await, None);
    assert_eq!(leave(&bob, "bob").await, Some("team_not_yours"), "who left is a stranger");
    assert_eq!(teams(&bob).await, 0);
}

#[tokio::test]
async fn a_team_never_loses_its_last_maintainer() {
    let hub = hub().await;
    let (_, carol) = person(&hub, "carol").await;
    let (_, bob) = person(&hub, "bob").await;
    let (use_cases, team) = (hub.app.hub(), name("vision"));
    use_cases.create_team(&carol, &team).await.unwrap();
    let (carols, bobs) = ("carol".parse().unwrap(), "bob".parse().unwrap());
    let left = use_cases.remove_team_member(&carol, &team, &carols).await;
    assert_eq!(left.unwrap_err().code, "last_maintainer");
    let demoted = use_cases.put_team_member(&carol, &team, &carols, Member).await;
    assert_eq!(demoted.unwrap_err().code, "last_maintainer");
    use_cases.put_team_member(&carol, &team, &bobs, Maintainer).await.unwrap();
    // Both leave at once: one of them stays.
    let (one, other) = tokio::join!(
        use_cases.remove_team_member(&carol, &team, &carols),
        use_cases.remove_team_member(&bob, &team, &bobs)
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
}

#[tokio::test]
async fn a_team_name_is_taken_in_whatever_case() {
    let hub = hub().await;
    let (_, carol) = person(&hub, "carol").await;
    hub.app.hub().create_team(&carol, &name("Vision")).await.unwrap();
    let again = hub.app.hub().create_team(&carol, &name("vISION")).await;
    assert_eq!(again.unwrap_err().code, "team_name_taken");
}
