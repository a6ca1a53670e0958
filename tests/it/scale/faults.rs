//! What if the bucket fails? Pushes are refused with a clear word or succeed late, nothing is half published, nobody gets wrong
//! bytes, and all is well again when the bucket is.

use super::{namespace::Namespace, replicas::pulled, world::World};
use crate::support::{
    bucket::Door,
    package::{noise, package},
};

#[tokio::test]
async fn a_failing_bucket_is_told_and_nothing_is_half_published() {
    let Some(here) = Namespace::new() else { return };
    let world = World::new(&[("BUILDS__MODE", "off"), ("BLOBS__S3_PATIENCE", "2s")]).await;
    let hub = world.serve(&here).await;
    let alice = hub.client(&world.person("alice").await);
    assert_eq!(alice.push("executor.push", &[], &package("Hello")).await.last_line()["type"], "complete");
    let good = pulled(&alice, "latest").await.unwrap();
    let before = world.bucket.objects().await;

    world.bucket.set(Door::Failing);
    let other = package("Hello").with("README.md", "# Other\n");
    let answer = alice.push("executor.push", &[("tags", "other")], &other).await;
    let line = answer.last_line();
    assert_eq!((answer.status.as_u16(), &line["type"]), (503, &"error".into()), "{line}");
    assert!(pulled(&alice, "latest").await.is_none());
    assert!(pulled(&alice, "other").await.is_none());
    let ready = alice.get("/readyz").await;
    assert_eq!(ready.status, 503);

    world.bucket.set(Door::Open);
    assert_eq!(world.bucket.objects().await, before);
    assert_eq!(pulled(&alice, "latest").await.unwrap(), good, "the tag did not move");
    assert_eq!(
        alice.push("executor.push", &[("tags", "other")], &other).await.last_line()["type"],
        "complete"
    );
    assert_ne!(pulled(&alice, "other").await.unwrap(), good);
    assert_eq!(world.run(&["check", "--deep"]).await.lines().last(), Some("problems\t0"));
}

#[tokio::test]
async fn answers_that_are_cut_off_or_late_never_become_wrong_bytes() {
    let Some(here) = Namespace::new() else { return };
    let world = World::new(&[("BUILDS__MODE", "off"), ("BLOBS__S3_PATIENCE", "2s")]).await;
    let hub = world.serve(&here).await;
    let alice = hub.client(&world.person("alice").await);
    let large = package("Hello").with_bytes("noise.bin", noise(1, 1_200_000));
    world.bucket.set(Door::Late(200));
    assert_eq!(alice.push("executor.push", &[], &large).await.last_line()["type"], "complete");
    world.bucket.set(Door::Open);
    let good = pulled(&alice, "latest").await.unwrap();
    let address = alice
        .rpc("executor.getPackage", serde_json::json!({"id": "alice/Hello"}))
        .await
        .json()["data"]["package"]["download"]
        .as_str()
        .unwrap()
        .to_owned();
    for bytes in [0, 100, 2_000, 100_000, 500_000] {
        world.bucket.set(Door::CutAfter(bytes));
        // Either all of it comes, by asking for the rest, or the client sees that it did not.
        let got = alice.try_get(&address).await;
        if let Some(answer) = got
            && answer.status == 200
        {
            assert_eq!(answer.body, good, "cut after {bytes}");
        }
    }
    world.bucket.set(Door::Open);
    assert_eq!(pulled(&alice, "latest").await.unwrap(), good);
}
