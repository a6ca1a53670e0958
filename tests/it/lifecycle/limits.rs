//! Quotas and rates: what is over them is refused in the words that each client understands, on every replica together.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use executor_hub::domain::clock::FixedClock;
use http::Method;
use serde_json::json;

use super::{person, push, pushed, subject};
use crate::support::{
    hub::{TestHub, Wanted},
    package::{Package, package},
};

fn version(n: u32) -> Package {
    package("Hello").with("README.md", &format!("# Version {n}\n"))
}

async fn limited(limit: &'static str) -> (TestHub, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
    let wanted =
        Wanted { set: vec!["builds.mode=off", limit], clock: Some(clock.clone()), ..Wanted::default() };
    (TestHub::start_with(wanted).await, clock)
}

#[tokio::test]
async fn one_push_too_many_waits_as_long_as_it_is_told_and_others_do_not() {
    let (hub, clock) = limited("limits.pushes_per_hour=2").await;
    let (_, alice) = person(&hub, "alice").await;
    let (_, bob) = person(&hub, "bob").await;
    pushed(&alice, &[], &version(1)).await;
    pushed(&alice, &[], &version(2)).await;
    let refused = alice.push("executor.push", &[], &version(3)).await;
    let line = refused.last_line();
    assert_eq!((refused.status.as_u16(), &line["errorCode"]), (429, &json!("too_many_pushes")));
    assert_eq!(
        (&line["type"], &line["code"], &line["status"]),
        (&json!("error"), &json!(429), &json!(40301))
    );
    assert!(line["payload"]["readableMessage"].as_str().unwrap().contains("Try again in"), "{line}");
    let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1790..=1801).contains(&wait), "two in an hour come back one by one: {wait}");
    pushed(&bob, &[], &version(3)).await;
    clock.advance(TimeDelta::seconds(wait));
    pushed(&alice, &[], &version(3)).await;
    assert_eq!(push(&alice, &[], &version(4)).await["errorCode"], "too_many_pushes");
}

#[tokio::test]
async fn pushes_without_a_sign_in_count_by_address_on_every_surface() {
    let (hub, _) = limited("limits.anonymous_pushes_per_hour=1").await;
    let client = hub.anonymous();
    let first = client.push("executor.create", &[], &version(1)).await.last_line();
    assert_eq!(first["type"], "complete", "{first}");
    let answer = client.push_to(Method::POST, "/v1/executors", &[], &package("Other").zip()).await;
    let last = answer.lines().pop().unwrap();
    assert_eq!((answer.status.as_u16(), &last["result"]["statusCode"]), (429, &json!(429)));
    assert!(last["result"]["data"].is_null() && answer.headers.contains_key("retry-after"), "{last}");
    let (_, alice) = person(&hub, "alice").await;
    pushed(&alice, &[], &version(1)).await;
    assert_eq!(hub.count("executors").await, 2);
}

#[tokio::test]
async fn of_many_pushes_at_once_exactly_as_many_as_allowed_get_through() {
    let (hub, _) = limited("limits.pushes_per_hour=3").await;
    let (alice, _) = person(&hub, "alice").await;
    let tries: Vec<_> = (0..16)
        .map(|_| {
            let (hub, alice) = (hub.app.hub().clone(), alice.clone());
            tokio::spawn(async move { hub.count_push(&alice, "192.0.2.1".parse().unwrap()).await.is_ok() })
        })
        .collect();
    let mut through = 0;
    for one in tries {
        through += u32::from(one.await.unwrap());
    }
    assert_eq!(through, 3);
}

#[tokio::test]
async fn an_owner_has_no_more_executors_and_bytes_than_allowed_and_deleting_makes_room_later() {
    let (hub, clock) = limited("limits.executors_per_owner=1").await;
    let (alice, client) = person(&hub, "alice").await;
    pushed(&client, &[], &version(1)).await;
    pushed(&client, &[], &version(2)).await;
    let refused = client.push("executor.push", &[], &package("Other")).await;
    let line = refused.last_line();
    assert_eq!(
        (refused.status.as_u16(), &line["errorCode"], &line["status"]),
        (413, &json!("executor_quota"), &json!(41302))
    );
    assert_eq!((hub.count("executors").await, hub.count("package_uploads").await), (1, 0));
    hub.app.hub().delete_executor(&alice, &subject("Hello")).await.unwrap();
    assert_eq!(
        push(&client, &[], &package("Other")).await["errorCode"],
        "executor_quota",
        "it may come back"
    );
    clock.advance(TimeDelta::days(8));
    hub.app.hub().purge_deleted().await.unwrap();
    pushed(&client, &[], &package("Other")).await;
}

#[tokio::test]
async fn racing_pushes_do_not_slip_past_the_quota() {
    let (hub, _) = limited("limits.executors_per_owner=2").await;
    let (_, client) = person(&hub, "alice").await;
    let pushes: Vec<_> = (0..6)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { push(&client, &[], &package(&format!("Hello{n}"))).await })
        })
        .collect();
    for pushing in pushes {
        let line = pushing.await.unwrap();
        assert!(line["type"] == "complete" || line["errorCode"] == "executor_quota", "{line}");
    }
    assert_eq!(hub.count("executors").await, 2);
}

#[tokio::test]
async fn the_bytes_of_an_owner_are_bounded_and_the_same_bytes_cost_nothing() {
    let (hub, _) = limited("limits.storage_per_owner=4KiB").await;
    let (alice, client) = person(&hub, "alice").await;
    pushed(&client, &[], &version(1)).await;
    pushed(&client, &[("id", "Other")], &version(1)).await;
    // Noise does not pack.
    let mut state = 7_u64;
    let noise: Vec<u8> = (0..8192)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        })
        .collect();
    let line = push(&client, &[], &version(2).with_bytes("noise.bin", noise)).await;
    assert_eq!((&line["errorCode"], &line["code"]), (&json!("package_quota"), &json!(413)), "{line}");
    let own = hub.app.hub().usage(&alice).await.unwrap();
    assert!(own.package_bytes <= 4096 && own.most_package_bytes == Some(4096));
}

#[tokio::test]
async fn the_api_tells_where_one_stands_and_when_to_come_back() {
    let (hub, clock) = limited("limits.api_requests_per_minute=3").await;
    let (_, alice) = person(&hub, "alice").await;
    let first = alice.get("/api/v1/executors").await;
    assert_eq!(first.headers["ratelimit-policy"], r#""requests";q=3;w=60"#);
    assert_eq!(first.headers["ratelimit"], r#""requests";r=2;t=20"#);
    alice.get("/api/v1/executors").await;
    assert_eq!(alice.get("/api/v1/executors").await.status, 200);
    let over = alice.get("/api/v1/executors").await;
    assert_eq!((over.status.as_u16(), over.json()["code"].clone()), (429, json!("too_many_requests")));
    assert_eq!(over.headers["content-type"], "application/problem+json");
    let wait: i64 = over.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(hub.anonymous().get("/api/v1/executors").await.status, 200, "an address is somebody else");
    clock.advance(TimeDelta::seconds(wait));
    assert_eq!(alice.get("/api/v1/executors").await.status, 200);
    assert_eq!(alice.get("/readyz").await.headers.get("ratelimit"), None);
}

#[tokio::test]
async fn nothing_is_counted_where_nothing_is_limited() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    let (_, alice) = person(&hub, "alice").await;
    pushed(&alice, &[], &version(1)).await;
    assert_eq!(alice.get("/api/v1/executors").await.headers.get("ratelimit"), None);
    assert_eq!(hub.count("push_rates").await, 0);
}
