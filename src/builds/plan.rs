//! What exactly is to be built? A commit, its settings and limits become a plan that needs nothing else.

use std::{collections::BTreeMap, path::PathBuf};

use super::engine::BuildPlan;
use crate::{
    auth::Keys,
    domain::{BuildEnv, limits::BuildLimits, package::Dockerfile},
    store::{commits::ToBuild, task_leases::Claimed},
};

/// The plan of one task.
pub(super) fn of(
    claimed: &Claimed,
    to_build: &ToBuild,
    package: PathBuf,
    build_env: BuildEnv,
    image_prefix: &str,
    limits: BuildLimits,
    keys: &Keys,
) -> BuildPlan {
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
        image: format!("{image_prefix}/{}:{}", commit.executor, commit.id),
        labels,
        build_args: BTreeMap::new(),
        secret_scope: keys.build_scope(&owner, &build_env),
        build_env,
        no_cache: claimed.no_cache,
        platforms: to_build.platforms.clone(),
        limits,
    }
}
