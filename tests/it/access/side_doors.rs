//! Is what is hidden hidden by every other way as well? Addresses that were given out, lists, searches, counts, the story of
//! a build, error texts.

use executor_hub::domain::{AccessLevel, access::Grantee};
use serde_json::{Value, json};

use super::{hub, person, subject};
use crate::support::{client::Client, package::package};

async fn address(client: &Client, parameters: Value) -> String {
    let answer = client.rpc("executor.getPackage", parameters).await.json();
    answer["data"]["package"]["download"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_address_of_something_private_dies_with_what_it_was_given_for() {
    let hub = hub().await;
    let (alice, owner) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    let fields = [("private", "True"), ("secret", "open-sesame")];
    alice.push("executor.create", &fields, &package("Hidden")).await;
    let to = Grantee::Person("bob".parse().unwrap());
    hub.app.hub().grant_access(&owner, &subject("Hidden"), &to, AccessLevel::Read).await.unwrap();
    let it = json!({"id": "alice/Hidden"});
    let with_secret = json!({"id": "alice/Hidden", "secret": "open-sesame"});
    let owners = address(&alice, it.clone()).await;
    let bobs = address(&bob, it).await;
    let holders = address(&hub.anonymous(), with_secret).await;
    let get = async |address: &str| hub.anonymous().get(address).await.status.as_u16();
    assert_eq!((get(&owners).await, get(&bobs).await, get(&holders).await), (200, 200, 200));

    hub.app.hub().revoke_access(&owner, &subject("Hidden"), &to).await.unwrap();
    assert_eq!((get(&owners).await, get(&bobs).await, get(&holders).await), (200, 404, 200));
    hub.app.hub().rotate_secret(&owner, &subject("Hidden"), None).await.unwrap();
    assert_eq!((get(&owners).await, get(&holders).await), (200, 404));
    let (path, query) = bobs.split_once('?').unwrap();
    let owners_query = owners.split_once('?').unwrap().1;
    let by = |query: &str| query.split('&').find(|part| part.starts_with("by=")).unwrap().to_owned();
    let borrowed = format!("{path}?{}", query.replace(&by(query), &by(owners_query)));
    let unbound = format!("{path}?{}", owners_query.split("&item=").next().unwrap());
    assert_eq!((get(&borrowed).await, get(&unbound).await), (404, 404), "the signature covers the reader");
    sqlx::query("UPDATE executors SET discarded_at = now(), holds_bare_name = false")
        .execute(&hub.pool)
        .await
        .unwrap();
    assert_eq!(get(&owners).await, 404, "what is deleted is gone at that moment");
}

#[tokio::test]
async fn an_address_dies_with_the_token_that_asked_for_it() {
    let hub = hub().await;
    let (alice, _) = person(&hub, "alice").await;
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    let address = address(&alice, json!({"id": "Hidden"})).await;
    assert_eq!(hub.anonymous().get(&address).await.status, 200);
    assert_eq!(alice.rpc("user.pat.delete", json!({"name": "test"})).await.status, 200);
    assert_eq!(hub.anonymous().get(&address).await.status, 404);
}

#[tokio::test]
async fn lists_searches_and_counts_do_not_know_what_is_hidden() {
    let hub = hub().await;
    let (alice, _) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    let described = package("Hidden")
        .with("manifest.yml", "name: Hidden\ndescription: unmistakable words\nkeywords: [unmistakable]\n");
    for stranger in [&bob, &hub.anonymous()] {
        let seen = async || {
            let mut texts = Vec::new();
            for path in [
                "/api/v1/executors",
                "/api/v1/executors?limit=100",
                "/v2/rpc/executor.list",
                "/v2/rpc/executor.list?search=unmistakable",
                "/v2/rpc/executor.list?keywords=unmistakable",
                "/v2/rpc/executor.list?author=alice",
                "/v2/rpc/executor.list?search=hidden&withAnonymous=true",
            ] {
                texts.push(String::from_utf8(stranger.get(path).await.body.to_vec()).unwrap());
            }
            texts
        };
        let before = seen().await;
        let pushed = alice.push("executor.push", &[("private", "True")], &described).await;
        assert_eq!(pushed.status, 200);
        assert_eq!(seen().await, before);
        sqlx::query("DELETE FROM executors").execute(&hub.pool).await.unwrap();
    }
}

#[tokio::test]
async fn the_story_of_a_private_build_is_told_to_those_who_may_read_it() {
    let hub = hub().await;
    let (alice, owner) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    let listed = alice.rpc("executor.listAsyncTasks", json!({"id": "Hidden"})).await.json();
    let task = listed["data"][0]["_id"].as_str().unwrap();
    let ask = async |id: &str| {
        let answer = bob.rpc("executor.queryProgress", json!({"id": id, "replay": true})).await;
        let request = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).replace(&request, "ID"))
    };
    let absent = ask("0193c0de000070008000000000000000").await;
    assert_eq!(ask(task).await, absent);
    assert_eq!(absent.0, 404);
    let to = Grantee::Person("bob".parse().unwrap());
    hub.app.hub().grant_access(&owner, &subject("Hidden"), &to, AccessLevel::Read).await.unwrap();
    assert_eq!(ask(task).await.0, 200);
}

#[tokio::test]
async fn a_push_under_a_hidden_name_tells_nothing_of_it() {
    let hub = hub().await;
    let (alice, _) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    for client in [&bob, &hub.anonymous()] {
        let pushed = client.push("executor.create", &[], &package("Hidden")).await;
        let other = client.push("executor.create", &[], &package("Absent")).await;
        assert_eq!((pushed.status.as_u16(), other.status.as_u16()), (200, 200));
        let keys = |answer: &crate::support::client::Answer| {
            let line = answer.last_line();
            line["payload"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(keys(&pushed), keys(&other));
    }
}
