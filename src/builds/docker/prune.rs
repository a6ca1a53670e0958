//! What do old builds leave in the engine, and how is it removed? Images without a name that carry the Hub's label,
//! and build cache; images of others are never touched.

use std::{collections::HashMap, time::Duration};

use bollard::{
    errors::Error,
    query_parameters::{PruneBuildOptionsBuilder, PruneImagesOptionsBuilder},
};

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
        let image_bytes = self.prune_images(unused_for).await?;
        let cache_bytes = self.prune_cache(unused_for).await?;
        Ok(Pruned { image_bytes, cache_bytes })
    }

    /// Removes the Hub's images that have lost their name to a newer one and are older than `age`; answers how many bytes.
    pub async fn prune_images(&self, age: Duration) -> Result<u64, Fault> {
        let docker = self.host()?.connect(ANSWER_TIME).await?;
        let until = format!("{}s", age.as_secs());
        let options = PruneImagesOptionsBuilder::default()
            .filters(&HashMap::from([
                ("dangling", vec!["true"]),
                ("label", vec![EXECUTOR_LABEL]),
                ("until", vec![until.as_str()]),
            ]))
            .build();
        let pruned = answered(docker.prune_images(Some(options))).await?;
        Ok(bytes(pruned.space_reclaimed))
    }

    /// Removes build cache that no build has used for `unused_for`, whoever made it; answers how many bytes.
    pub async fn prune_cache(&self, unused_for: Duration) -> Result<u64, Fault> {
        let docker = self.host()?.connect(ANSWER_TIME).await?;
        let until = format!("{}s", unused_for.as_secs());
        let options = PruneBuildOptionsBuilder::default()
            .all(true)
            .filters(&HashMap::from([("until", vec![until.as_str()])]))
            .build();
        let pruned = answered(docker.prune_build(Some(options))).await?;
        Ok(bytes(pruned.space_reclaimed))
    }
}

async fn answered<T>(pruning: impl Future<Output = Result<T, Error>>) -> Result<T, Fault> {
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

fn bytes(reclaimed: Option<i64>) -> u64 {
    reclaimed.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}
