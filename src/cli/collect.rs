//! `executor-hub collect` and `executor-hub usage`: where is the space, and how does what nobody needs go?

use std::sync::Arc;

use clap::Args;

use super::{database::Database, failure::Failure};
use crate::{
    app::App,
    config::{Environment, Settings},
    domain::{ExecutorName, SystemClock},
    error::Error,
    hub::{Hub, collection::Amount},
};

#[derive(Debug, Args)]
pub(super) struct Collect {
    /// Only tell what would go
    #[arg(long)]
    preview: bool,
}

#[derive(Debug, Args)]
pub(super) struct Usage {
    /// How many people and how many Executors to tell, the largest first
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

impl Collect {
    pub(super) async fn run(self, settings: Settings, environment: &Environment) -> Result<(), Failure> {
        with_hub(settings, environment, async |hub| {
            let done = if self.preview { hub.preview_collection().await? } else { hub.collect().await? };
            let verb = if self.preview { "would go" } else { "gone" };
            let line = |what: &str, verb: &str, Amount { objects, bytes }: Amount| {
                format!("{what}\t{verb}\t{objects}\t{bytes} bytes")
            };
            Ok(vec![
                line("packages", verb, done.packages),
                line("artifacts", verb, done.artifacts),
                line("parts of images", verb, done.images),
                line("unfinished uploads", verb, done.uploads),
                line("objects without a record", "found", done.orphans),
                line("packages and parts of images in their time of grace", "kept", done.waiting),
            ])
        })
        .await
    }
}

impl Usage {
    pub(super) async fn run(self, settings: Settings, environment: &Environment) -> Result<(), Failure> {
        with_hub(settings, environment, async |hub| {
            let usage = hub.usage_for_operator().await?;
            let mut lines = vec!["owner\texecutors\tpackage bytes\tartifact bytes".to_owned()];
            lines.extend(usage.by_owner.iter().take(self.limit).map(|owner| {
                let login = owner.login.as_deref().unwrap_or("(nobody)");
                format!("{login}\t{}\t{}\t{}", owner.executors, owner.package_bytes, owner.artifact_bytes)
            }));
            lines.push("executor\tname\tcommits\tpackage bytes\timage bytes\tstate".to_owned());
            lines.extend(usage.by_executor.iter().take(self.limit).map(|executor| {
                let name = executor.name.as_ref().map_or("", ExecutorName::as_str);
                let name = executor.owner.as_ref().map_or(name.to_owned(), |o| format!("{}/{name}", o.login));
                let state = if executor.deleted_at.is_some() { "deleted" } else { "" };
                let (commits, bytes) = (executor.commits, executor.package_bytes);
                format!("{}\t{name}\t{commits}\t{bytes}\t{}\t{state}", executor.id, executor.image_bytes)
            }));
            Ok(lines)
        })
        .await
    }
}

/// Runs `work` with the use cases, beside a server that may be running, and prints its lines.
async fn with_hub(
    settings: Settings,
    environment: &Environment,
    work: impl AsyncFnOnce(&Hub) -> Result<Vec<String>, Error>,
) -> Result<(), Failure> {
    let database = Database::beside(&settings, environment).await?;
    let done = match App::beside(settings, database.store.clone(), Arc::new(SystemClock)) {
        Ok(app) => work(app.hub()).await.map_err(Failure::from),
        Err(error) => Err(error.into()),
    };
    database.close().await;
    for line in done? {
        println!("{line}");
    }
    Ok(())
}
