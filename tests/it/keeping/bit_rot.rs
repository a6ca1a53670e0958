//! What becomes of a flipped bit? It is never served as good, `check` finds it, and pushing the same bytes heals it.

use super::{flip_a_bit, pulled, push, stored, used_hub};
use crate::{cli::run, support::package::package};

#[tokio::test]
async fn a_flipped_bit_is_never_served_and_pushing_the_same_again_heals_it() {
    let (hub, alice) = used_hub().await;
    let before = pulled(&alice, "Hello").await.unwrap();
    for file in stored(&hub, "packages/") {
        flip_a_bit(&file);
    }
    assert_eq!(pulled(&alice, "Hello").await, Err(500));
    let (good, _) = run(hub.database(), hub.folder(), &["check", "--deep"]).await;
    assert!(!good);
    push(&alice, "Hello", &[], 2).await;
    assert_eq!(pulled(&alice, "Hello").await.unwrap(), before);
}

#[tokio::test]
async fn a_large_package_with_a_flipped_bit_breaks_off_before_its_end() {
    use http_body_util::BodyExt as _;
    let (hub, alice) = used_hub().await;
    // More than a piece of it, and nothing that packs.
    let noise: Vec<u8> = (0..3_000_000_u64)
        .map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8 ^ (at >> 7) as u8)
        .collect();
    let answer = alice.push("executor.push", &[], &package("Large").with_bytes("noise.bin", noise)).await;
    assert_eq!(answer.last_line()["type"], "complete");
    let large =
        stored(&hub, "packages/").into_iter().max_by_key(|file| file.metadata().unwrap().len()).unwrap();
    assert!(large.metadata().unwrap().len() > 1_000_000);
    flip_a_bit(&large);
    let key = large.file_name().unwrap().to_str().unwrap().trim_end_matches(".zip").parse().unwrap();
    let blobs = executor_hub::blobs::Blobs::in_folder(&hub.folder().join("blobs")).unwrap();
    let stream = blobs.get_verified(&executor_hub::blobs::BlobKey::Package(key)).await.unwrap();
    let read = http_body_util::StreamBody::new(futures_util::StreamExt::map(stream, |piece| {
        piece.map(http_body::Frame::data)
    }));
    assert!(read.collect().await.is_err(), "the end never comes");
}
