//! What do old builds leave in the engine, and how is it removed? Images without a name that carry the Hub's label,
//! and build cache; images of others are never touched.

use std::{collections::HashMap, time::Duration};

use bollard::query_parameters::{PruneBuildOptionsBuilder, PruneImagesOptionsBuilder};

use crate::{builds::fault::Fault, domain::task::FaultKind};

use super::{DockerEngine, connection::ANSWER_TIME, preparation::EXECUTOR_LABEL};

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Bytes of images.
    pub image_bytes: u64,
    /// Bytes of build cache.
    pub cache_bytes: u64,
}

/// How long the engine may work on one removal.
const PRUNE_TIME: Duration = Duration::from_mins(10);

impl DockerEngine {
    /// Removes what no build has used for `unused_for`. Safe beside running builds: the engine keeps what they use.
    pub async fn prune(&self, unused_for: Duration) -> Result<Pruned, Fault> {
        let docker = self.host()?.connect(ANSWER_TIME).await?;
        let until = format!("{}s", unused_for.as_secs());
        let images = PruneImagesOptionsBuilder::default()
            .filters(&HashMap::from([
                ("dangling", vec!["true"]),
                ("label", vec![EXECUTOR_LABEL]),
                ("until", vec![until.as_str()]),
            ]))
            .build();
        let cache = PruneBuildOptionsBuilder::default()
            .all(true)
            .filters(&HashMap::from([("until", vec![until.as_str()])]))
            .build();
        let pruning = async {
            let images = docker.prune_images(Some(images)).await?;
            let cache = docker.prune_build(Some(cache)).await?;
            Ok::<_, bollard::errors::Error>(Pruned {
                image_bytes: bytes(images.space_reclaimed),
                cache_bytes: bytes(cache.space_reclaimed),
            })
        };
        let failed = |reason: String| {
            Fault::new(
                FaultKind::Engine,
                format!("The Docker Engine did not clean up: {reason}. It is tried again."),
            )
        };
        match tokio::time::timeout(PRUNE_TIME, pruning).await {
            Ok(pruned) => pruned.map_err(|error| failed(error.to_string())),
            Err(_) => Err(failed("it took too long".into())),
        }
    }
}

fn bytes(reclaimed: Option<i64>) -> u64 {
    reclaimed.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}
