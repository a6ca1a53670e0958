//! Does an image come out of the registry as the engine's archive had it, whatever form that has? And is an archive refused
//! that is not what it says?

use executor_hub::{
    domain::{ExecutorId, image::ImageDigest},
    images::{
        Images,
        archive::ArchiveError,
        ingest::{IngestError, Intake, StagedImage, StoredImage},
    },
};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{
    archive::{Image, digest, packed, tar_of, unpacked},
    hub::{TestHub, Wanted},
    package::package,
};

/// A Hub that builds nothing itself, and an Executor on it.
async fn hub_with_executor() -> (TestHub, ExecutorId) {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    let executor = executor(&hub, "Hello").await;
    (hub, executor)
}

async fn executor(hub: &TestHub, name: &str) -> ExecutorId {
    let pushed = hub.anonymous().push("executor.create", &[], &package(name)).await.last_line();
    pushed["payload"]["id"].as_str().unwrap().parse().unwrap()
}

fn intake(hub: &TestHub, executor: &ExecutorId) -> Intake {
    Intake {
        images: hub.app.images().clone(),
        executor: executor.clone(),
        limit: 1 << 20,
        cancelled: CancellationToken::new(),
    }
}

async fn read(intake: Intake, archive: Vec<u8>) -> Result<(Intake, StagedImage), IngestError> {
    let reading = tokio::task::spawn_blocking(move || {
        let (_, staged) = intake.read(&mut archive.as_slice(), |_, _| Ok(()))?;
        Ok((intake, staged))
    });
    reading.await.unwrap()
}

async fn ingest(hub: &TestHub, executor: &ExecutorId, archive: Vec<u8>) -> StoredImage {
    let (intake, staged) = read(intake(hub, executor), archive).await.unwrap();
    intake.store(staged).await.unwrap()
}

async fn blob(images: &Images, executor: &ExecutorId, descriptor: &Value) -> Vec<u8> {
    let digest: ImageDigest = descriptor["digest"].as_str().unwrap().parse().unwrap();
    let blob = images.knows_blob(executor, &digest).await.unwrap().expect("the repository has it");
    assert_eq!(json!(blob.size), descriptor["size"]);
    let pieces: Vec<_> = images.read(&blob, None).await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

fn layer(text: &str) -> Vec<u8> {
    tar_of(&[("srv/text", text.as_bytes())])
}

/// Objects of images, and files that wait in the staging folder.
fn stored(hub: &TestHub) -> Vec<String> {
    let mut files = hub.stored_files();
    files.retain(|file| !file.contains("/packages/"));
    files
}

#[tokio::test]
async fn every_form_of_archive_becomes_the_same_image_with_the_engines_own_id() {
    let (hub, executor) = hub_with_executor().await;
    let image = Image::small("base", "own");
    let first = ingest(&hub, &executor, image.saved()).await;
    assert_eq!((first.layers, first.new_layers), (2, 2));
    for archive in [image.layout(false), image.layout(true)] {
        let again = ingest(&hub, &executor, archive).await;
        assert_eq!((again.manifest, again.new_layers, again.new_size), (first.manifest, 0, 0));
    }

    let images = hub.app.images();
    let manifest = images.manifest(&executor, &first.manifest).await.unwrap();
    assert_eq!(digest(&manifest.content), first.manifest.to_string());
    let content: Value = serde_json::from_slice(&manifest.content).unwrap();
    assert_eq!((&content["mediaType"], &content["schemaVersion"]), (&json!(manifest.media_type), &json!(2)));
    assert_eq!(content["config"]["digest"], image.id(), "the id that Docker shows");
    assert_eq!(blob(images, &executor, &content["config"]).await, image.config);
    let layers = content["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 2);
    for (told, plain) in layers.iter().zip(&image.layers) {
        assert_eq!(&unpacked(&blob(images, &executor, told).await), plain, "in the image's own order");
    }
}

#[tokio::test]
async fn a_layer_that_an_image_has_twice_is_stored_once() {
    let (hub, executor) = hub_with_executor().await;
    let image = Image::new(vec![layer("one"), layer("two"), layer("one")], "twice");
    let stored = ingest(&hub, &executor, image.saved()).await;
    assert_eq!((stored.layers, stored.new_layers), (3, 2));
    let manifest = hub.app.images().manifest(&executor, &stored.manifest).await.unwrap();
    let content: Value = serde_json::from_slice(&manifest.content).unwrap();
    assert_eq!(content["layers"][0], content["layers"][2]);
    assert_ne!(content["layers"][0], content["layers"][1]);
}

#[tokio::test]
async fn an_image_on_a_known_base_stores_only_its_own_layers() {
    let (hub, executor) = hub_with_executor().await;
    ingest(&hub, &executor, Image::small("base", "first").saved()).await;
    let before = stored(&hub);
    let other = self::executor(&hub, "Other").await;
    let image = Image::small("base", "second");
    let second = ingest(&hub, &other, image.saved()).await;
    assert_eq!((second.layers, second.new_layers), (2, 1));
    assert_eq!(stored(&hub).len() - before.len(), 2, "its own layer and its description");
    // It is readable where it was not pushed to, since the image there has it.
    let manifest = hub.app.images().manifest(&other, &second.manifest).await.unwrap();
    let content: Value = serde_json::from_slice(&manifest.content).unwrap();
    let base = blob(hub.app.images(), &other, &content["layers"][0]).await;
    assert_eq!(unpacked(&base), image.layers[0]);
    let own = ingest(&hub, &executor, image.saved()).await;
    let manifest = hub.app.images().manifest(&executor, &own.manifest).await.unwrap();
    let content: Value = serde_json::from_slice(&manifest.content).unwrap();
    assert_eq!(blob(hub.app.images(), &executor, &content["layers"][0]).await, base);
}

#[tokio::test]
async fn what_is_read_and_not_stored_leaves_nothing() {
    let (hub, executor) = hub_with_executor().await;
    let (_, staged) = read(intake(&hub, &executor), Image::small("base", "own").saved()).await.unwrap();
    assert!(!stored(&hub).is_empty(), "it is staged");
    assert!(stored(&hub).iter().all(|file| !file.contains("/images/")), "and not stored: {:?}", stored(&hub));
    assert_eq!(hub.count("image_blobs").await, 0);
    drop(staged);
    assert_eq!(stored(&hub), Vec::<String>::new());
}

#[tokio::test]
async fn an_archive_that_broke_off_anywhere_is_refused() {
    let (hub, executor) = hub_with_executor().await;
    let image = Image::small("base", "own");
    for archive in [image.saved(), image.layout(true)] {
        // Two empty blocks end a tar, and the last description is needed.
        let end = archive.iter().rposition(|byte| *byte != 0).unwrap();
        for length in (0..=end).step_by(101) {
            let cut = read(intake(&hub, &executor), archive[..length].to_vec()).await;
            assert!(matches!(cut, Err(IngestError::Archive(_))), "{length} of {end}: {cut:?}");
        }
    }
    assert_eq!(stored(&hub), Vec::<String>::new());
}

#[tokio::test]
async fn an_image_that_is_not_what_it_says_is_refused() {
    let (hub, executor) = hub_with_executor().await;
    let good = Image::small("base", "own");
    let changed = Image { layers: vec![layer("base"), layer("other")], config: good.config.clone() };
    let swapped = Image { layers: vec![layer("own"), layer("base")], config: good.config.clone() };
    let fewer = Image { layers: vec![layer("base")], config: good.config.clone() };
    let wordless = Image { layers: good.layers.clone(), config: b"not json".to_vec() };
    for wrong in [changed, swapped, fewer, wordless] {
        for archive in [wrong.saved(), wrong.layout(false)] {
            let refused = read(intake(&hub, &executor), archive).await;
            assert!(matches!(refused, Err(IngestError::Archive(ArchiveError::Unknown(_)))), "{refused:?}");
        }
    }
    let zstd = [&[0x28, 0xb5, 0x2f, 0xfd][..], &[0; 600]].concat();
    for unknown in [tar_of(&[("manifest.json", b"[]")]), tar_of(&[("a/layer.tar", &zstd)]), tar_of(&[])] {
        let refused = read(intake(&hub, &executor), unknown).await;
        assert!(matches!(refused, Err(IngestError::Archive(ArchiveError::Unknown(_)))), "{refused:?}");
    }
}

#[tokio::test]
async fn layers_beyond_the_limit_are_refused_while_they_come() {
    let (hub, executor) = hub_with_executor().await;
    let zeros = tar_of(&[("zeros", &vec![0; 700 << 10])]);
    let one = Image::new(vec![zeros.clone()], "fits");
    assert!(read(intake(&hub, &executor), one.saved()).await.is_ok());
    let two = Image::new(vec![zeros, tar_of(&[("ones", &vec![1; 700 << 10])])], "does not");
    // Packed, it is small.
    assert!(packed(&two.layout(true)).len() < 100 << 10);
    for archive in [two.saved(), two.layout(true)] {
        let refused = read(intake(&hub, &executor), archive).await;
        assert!(matches!(refused, Err(IngestError::TooLarge(limit)) if limit == 1 << 20), "{refused:?}");
    }
    assert_eq!(stored(&hub), Vec::<String>::new());
}

#[tokio::test]
async fn nobody_packs_an_image_that_nobody_wants() {
    let (hub, executor) = hub_with_executor().await;
    let intake = intake(&hub, &executor);
    intake.cancelled.cancel();
    let refused = read(intake, Image::small("base", "own").saved()).await;
    assert!(matches!(refused, Err(IngestError::Disk(_))), "{refused:?}");
    assert_eq!(stored(&hub), Vec::<String>::new());
}
