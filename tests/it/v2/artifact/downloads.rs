//! Do downloads resume, and does an address open only what it was made for?

use http::Method;
use serde_json::json;

use super::{data, hub, uploaded};

/// 5 MiB that repeat nowhere near.
fn many_bytes() -> Vec<u8> {
    (0..(5_u32 << 18)).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

#[tokio::test]
async fn a_mebibyte_from_the_middle_is_that_mebibyte() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let bytes = many_bytes();
    let artifact = uploaded(&alice, &bytes, &[]).await;
    let answer = alice.rpc("artifact.getDownloadUrl", json!({"id": artifact["_id"]})).await;
    let address = data(&answer)["download"].as_str().unwrap().to_owned();
    let client = hub.anonymous();

    let head = client.send(Method::HEAD, &address, &[], Vec::new()).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.headers["content-length"], bytes.len().to_string());
    assert_eq!(head.headers["accept-ranges"], "bytes");
    assert_eq!(head.headers["content-type"], "application/octet-stream");
    assert_eq!(head.headers["content-disposition"], "attachment");

    let start = (2 << 20) + 7;
    let range = format!("bytes={start}-{}", start + (1 << 20) - 1);
    let part = client.send(Method::GET, &address, &[("range", &range)], Vec::new()).await;
    assert_eq!(part.status, 206);
    assert_eq!(part.headers["content-length"], (1 << 20).to_string());
    assert_eq!(part.headers["content-range"], format!("{}/{}", range.replace('=', " "), bytes.len()));
    assert!(part.body == bytes[start..start + (1 << 20)]);

    let rest = client.send(Method::GET, &address, &[("range", "bytes=5000000-")], Vec::new()).await;
    assert!(rest.status == 206 && rest.body == bytes[5_000_000..]);
    let beyond = format!("bytes={}-", bytes.len());
    let beyond = client.send(Method::GET, &address, &[("range", &beyond)], Vec::new()).await;
    assert_eq!(beyond.status, 416);
    let whole = client.get(&address).await;
    assert!(whole.status == 200 && whole.body == bytes);
}

#[tokio::test]
async fn an_address_opens_only_what_it_was_made_for() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let one = uploaded(&alice, b"one", &[]).await;
    let other = uploaded(&alice, b"two", &[]).await;
    let answer = alice.rpc("artifact.getDownloadUrl", json!({"id": one["_id"]})).await;
    let address = data(&answer)["download"].as_str().unwrap().to_owned();
    let digest = |artifact: &serde_json::Value| artifact["sha256"].as_str().unwrap().to_owned();
    let (path, query) = address.split_once('?').unwrap();
    let client = hub.anonymous();
    assert_eq!(client.get(&address).await.status, 200);
    // A private package that happens to have the same bytes.
    let object = hub.stored_files().into_iter().find(|file| file.ends_with(&digest(&one))).unwrap();
    let package = format!("{}.zip", object.replace("/artifacts/", "/packages/"));
    std::fs::create_dir_all(std::path::Path::new(&package).parent().unwrap()).unwrap();
    std::fs::copy(&object, &package).unwrap();
    for forged in [
        path.to_owned(),
        address.replace(&digest(&one), &digest(&other)),
        address.replace("size=3", "size=4"),
        address.replace("expires=", "expires=9"),
        // The same digest as another kind of thing.
        format!("{}/packages/{}.zip?{query}", hub.url, digest(&one)),
        format!("{}/artifacts/nonsense?{query}", hub.url),
    ] {
        assert_eq!(client.get(&forged).await.status, 404, "{forged}");
    }
    data(&alice.rpc("artifact.delete", json!({"id": one["_id"]})).await);
    assert_eq!(client.get(&address).await.status, 404);
}
