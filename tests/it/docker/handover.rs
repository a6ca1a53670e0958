//! Does a real engine's image arrive in the registry as it is in the engine, and only what is new of it?

use std::{
    io::Read,
    sync::{Arc, Mutex},
};

use executor_hub::{
    builds::engine::{BuiltImage, Engine as _, ImageKeeper, LayerWatch},
    domain::task::FaultKind,
    images::{
        archive::Outline,
        ingest::{Intake, StagedImage, StoredImage},
    },
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::support::{
    archive::digest,
    hub::{TestHub, Wanted},
    package::package,
};

/// A registry without a worker of its own, and an Executor in it.
struct Registry {
    hub: TestHub,
    executor: ExecutorId,
}

/// Stages what it is given.
#[derive(Debug)]
struct Keeper {
    intake: Intake,
    staged: Mutex<Option<StagedImage>>,
}

impl ImageKeeper for Keeper {
    fn take(&self, archive: &mut dyn Read, watch: &mut dyn LayerWatch) -> Result<Outline, Fault> {
        let read = self.intake.read(archive, |path, tar| watch.layer(path, tar));
        let (outline, staged) = read.map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))?;
        *self.staged.lock().unwrap() = Some(staged);
        Ok(outline)
    }
}

impl Registry {
    async fn new() -> Self {
        let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
        let pushed = hub.anonymous().push("executor.create", &[], &package("Hello")).await.last_line();
        let executor = pushed["payload"]["id"].as_str().unwrap().parse().unwrap();
        Self { hub, executor }
    }

    async fn build(
        &self,
        engine: &DockerEngine,
        job: Job,
    ) -> (Result<(BuiltImage, StoredImage), Fault>, String) {
        let keeper = Arc::new(Keeper {
            intake: Intake {
                images: self.hub.app.images().clone(),
                executor: self.executor.clone(),
                limit: 8 << 30,
                cancelled: CancellationToken::new(),
            },
            staged: Mutex::default(),
        });
        let (output, mut shown) = mpsc::channel(64);
        let reading = tokio::spawn(async move {
            let mut log = String::new();
            while let Some(BuildOutput::Line(line) | BuildOutput::Warning(line)) = shown.recv().await {
                log.push_str(&line);
                log.push('\n');
            }
            log
        });
        let Job { plan, _folder: folder } = job;
        let built = engine.build(plan, output, Some(Arc::clone(&keeper) as Arc<dyn ImageKeeper>)).await;
        drop(folder);
        let log = reading.await.unwrap();
        let built = match built {
            Ok(built) => built,
            Err(fault) => return (Err(fault), log),
        };
        let staged = keeper.staged.lock().unwrap().take().expect("an image");
        let stored = keeper.intake.store(staged).await.unwrap();
        (Ok((built, stored)), log)
    }
}

#[tokio::test]
async fn docker_image_arrives_with_its_id_and_the_next_one_brings_only_its_own_layers() {
    let engine = engine().await;
    let registry = Registry::new().await;
    let steps =
        |text: &str| job(&format!("FROM BASE\nRUN echo cached-for-ever > /x\nRUN echo {text} > /y\n"));
    let with_cache = |job: Job| {
        job.change(|plan| {
            plan.no_cache = false;
            plan.secret_scope = "handed over".into();
        })
    };
    let (first, _) = registry.build(&engine, with_cache(steps("first"))).await;
    let (image, stored) = first.expect("an image");
    assert_eq!(stored.new_layers, stored.layers);
    let images = registry.hub.app.images();
    let manifest = images.manifest(&registry.executor, &stored.manifest).await.unwrap();
    assert_eq!(digest(&manifest.content), stored.manifest.to_string());
    let content: Value = serde_json::from_slice(&manifest.content).unwrap();
    assert_eq!(content["config"]["digest"].as_str(), Some(image.id.as_str()), "the image id of the engine");
    assert_eq!(content["layers"].as_array().unwrap().len(), stored.layers);

    // What the registry has need not stay in the engine: its steps are still known there.
    engine.remove(&image.name).await.expect("removed");
    let (second, log) = registry.build(&engine, with_cache(steps("second"))).await;
    let (other, second) = second.expect("an image");
    assert_ne!(other.id, image.id);
    assert!(log.contains(" CACHED"), "the common step ran again:\n{log}");
    assert_eq!((second.layers, second.new_layers), (stored.layers, 1), "one step is its own");
    assert!(second.new_size < 1 << 20, "{second:?}");
    engine.remove(&other.name).await.expect("removed");
}

#[tokio::test]
async fn docker_leaked_value_is_found_in_the_pass_that_stages_the_image_and_nothing_is_stored() {
    let engine = engine().await;
    let registry = Registry::new().await;
    let leaking = job("FROM BASE\nRUN printf %s \"$TOKEN\" > /leak\n").env(r#"{"TOKEN": "s3cr3t-s3cr3t"}"#);
    let name = leaking.plan.image.clone();
    let (refused, _) = registry.build(&engine, leaking).await;
    let fault = refused.expect_err("a leak");
    assert_eq!(fault.kind, FaultKind::SecretLeak, "{fault:?}");
    let files = registry.hub.stored_files();
    assert!(files.iter().all(|file| file.contains("/packages/")), "{files:?}");
    assert_eq!(registry.hub.count("image_bytes").await, 0);
    assert!(client().inspect_image(&name).await.is_err(), "the image is still in the engine");
}
