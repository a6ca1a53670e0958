//! What one replica takes, does every other give? Also when the one that took it is dead.

use std::time::Duration;

use serde_json::json;

use super::{namespace::Namespace, world::World};
use crate::support::{
    client::Client,
    package::{Package, package},
};

fn version(n: usize) -> Package {
    package("Hello").with("README.md", &format!("# {n}\n"))
}

pub async fn pulled(client: &Client, tag: &str) -> Option<Vec<u8>> {
    let answer = client.rpc("executor.getPackage", json!({"id": "alice/Hello", "tag": tag})).await;
    if answer.status != 200 {
        return None;
    }
    let address = answer.json()["data"]["package"]["download"].as_str().unwrap().to_owned();
    let package = client.get(&address).await;
    (package.status == 200).then(|| package.body.to_vec())
}

/// Waits until a replica gives these bytes: word of a change takes a moment from one to the other.
async fn gives(client: &Client, tag: &str, wanted: &[u8]) {
    let looking = async { while pulled(client, tag).await.as_deref() != Some(wanted) {} };
    tokio::time::timeout(Duration::from_secs(10), looking).await.expect("every replica tells the same");
}

#[tokio::test]
async fn what_one_replica_takes_the_other_gives_and_either_may_die() {
    let (Some(here), Some(there)) = (Namespace::new(), Namespace::new()) else { return };
    let world = World::new(&[("BUILDS__MODE", "off")]).await;
    let (one, other) = (world.serve(&here).await, world.serve(&there).await);
    let token = world.person("alice").await;
    let (at_one, at_other) = (one.client(&token), other.client(&token));
    assert_eq!(at_one.push("executor.push", &[], &version(1)).await.last_line()["type"], "complete");
    let first = pulled(&at_one, "latest").await.unwrap();
    gives(&at_other, "latest", &first).await;

    // Remembered there, changed here.
    assert_eq!(at_one.push("executor.push", &[], &version(2)).await.last_line()["type"], "complete");
    let second = pulled(&at_one, "latest").await.unwrap();
    assert_ne!(first, second);
    gives(&at_other, "latest", &second).await;

    one.kill();
    gives(&at_other, "latest", &second).await;
    assert_eq!(at_other.push("executor.push", &[], &version(3)).await.last_line()["type"], "complete");
    let third = pulled(&at_other, "latest").await.unwrap();
    let one = world.serve(&here).await;
    gives(&one.client(&token), "latest", &third).await;
    other.kill();
    gives(&one.client(&token), "latest", &third).await;
    assert_eq!(world.run(&["check", "--deep"]).await.lines().last(), Some("problems\t0"));
}

/// So that the racers race for a tag and not for a name.
async fn at_any_tag(client: &Client) {
    assert_eq!(client.push("executor.push", &[], &version(0)).await.last_line()["type"], "complete");
}

#[tokio::test]
async fn of_racers_at_two_replicas_one_sets_a_protected_tag() {
    let (Some(here), Some(there)) = (Namespace::new(), Namespace::new()) else { return };
    let world = World::new(&[("BUILDS__MODE", "off")]).await;
    let (one, other) = (world.serve(&here).await, world.serve(&there).await);
    let token = world.person("alice").await;
    at_any_tag(&one.client(&token)).await;
    for round in 0..4 {
        let tag = format!("v{round}");
        let pushes = (0..8).map(|racer| {
            let client = if racer % 2 == 0 { one.client(&token) } else { other.client(&token) };
            let tag = tag.clone();
            async move {
                let package = version(1 + 100 * round + racer);
                client.push("executor.push", &[("immutableTags", &tag)], &package).await.last_line()
            }
        });
        let ends = futures_util::future::join_all(pushes).await;
        let won = ends.iter().filter(|line| line["type"] == "complete").count();
        let lost = ends.iter().filter(|line| line["errorCode"] == "tag_protected").count();
        assert_eq!((won, lost), (1, 7), "{ends:?}");
        let bytes = pulled(&one.client(&token), &tag).await.unwrap();
        gives(&other.client(&token), &tag, &bytes).await;
    }
}
