//! What exactly is to be built? A commit, its settings and limits become a plan that needs nothing else.

use std::{collections::BTreeMap, path::PathBuf};

use super::{engine::BuildPlan, worker::Parts};
use crate::{
    domain::{BuildEnv, package::Dockerfile},
    store::{commits::ToBuild, task_leases::Claimed},
};

/// The plan of one task for one platform, or for the engine's own.
pub(super) fn of(
    claimed: &Claimed,
    to_build: &ToBuild,
    package: PathBuf,
    build_env: BuildEnv,
    platform: Option<String>,
    parts: &Parts,
) -> BuildPlan {
    let image_prefix = &parts.settings.image_prefix;
    let commit = &to_build.commit;
    let owner = to_build.owner.map_or_else(|| commit.executor.to_string(), |owner| owner.to_string());
    let labels = BTreeMap::from([
        ("org.opencontainers.image.created".to_owned(), commit.created_at.to_rfc3339()),
        ("org.opencontainers.image.revision".to_owned(), commit.id.to_string()),
        ("ai.jina.hub.executor".to_owned(), commit.executor.to_string()),
        ("ai.jina.hub.commit".to_owned(), commit.id.to_string()),
        ("ai.jina.hub.build-id".to_owned(), claimed.id.to_string()),
        ("ai.jina.hub.source-digest".to_owned(), format!("sha256:{}", commit.package_sha256)),
    ]);
    BuildPlan {
        task: claimed.id,
        executor: commit.executor.clone(),
        commit: commit.id,
        package,
        dockerfile: to_build.package.dockerfile.path().to_owned(),
        dockerfile_is_generated: to_build.package.dockerfile == Dockerfile::Generated,
        // The tag is the commit, so that a cached answer stays true for ever.
        image: match &platform {
            None => format!("{image_prefix}/{}:{}", commit.executor, commit.id),
            Some(platform) => {
                format!("{image_prefix}/{}:{}-{}", commit.executor, commit.id, platform.replace('/', "-"))
            }
        },
        labels,
        build_args: BTreeMap::new(),
        secret_scope: parts.keys.build_scope(&owner, &build_env),
        build_env,
        no_cache: claimed.no_cache,
        platform,
        limits: parts.limits,
    }
}
