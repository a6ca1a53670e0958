//! Where do layers come from when the operator wants the bucket to carry them? From the bucket itself, by an address that it
//! signed for this one layer, and only for those whom the Hub let in.

use http::Method;

use super::{namespace::Namespace, world::World};
use crate::support::{
    client::Client,
    image::sha256,
    package::{noise, package},
};

#[tokio::test]
async fn whoever_may_pull_a_layer_is_sent_to_the_bucket_for_it() {
    let Some(here) = Namespace::new() else { return };
    let world = World::new(&[("BUILDS__MODE", "off"), ("IMAGES__REDIRECT", "true")]).await;
    let hub = world.serve(&here).await;
    let alice = hub.client(&world.person("alice").await);
    let pushed = alice.push("executor.push", &[("private", "True")], &package("Hello")).await;
    assert_eq!(pushed.last_line()["type"], "complete");
    let layer = noise(2, 300_000);
    let digest = sha256(&layer);
    let path = format!("/v2/alice/hello/blobs/uploads/?digest={digest}");
    assert_eq!(alice.send(Method::POST, &path, &[], layer.clone()).await.status, 201);

    let path = format!("/v2/alice/hello/blobs/{digest}");
    let sent = alice.get(&path).await;
    assert_eq!(sent.status, 307);
    let address = sent.headers["location"].to_str().unwrap();
    let (bucket, object) = address.split_at(address.find("/hub-bytes/").expect("an object of the bucket"));
    assert!(object.contains("X-Amz-Signature="), "{object}");
    let there = Client::new(bucket).get(object).await;
    assert_eq!((there.status.as_u16(), there.body == layer), (200, true));
    assert_eq!(alice.send(Method::HEAD, &path, &[], Vec::new()).await.status, 200, "a look stays here");

    let stranger = hub.client(&world.person("mallory").await);
    assert_eq!(stranger.get(&path).await.status, 404);
}
