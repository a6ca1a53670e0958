//! `executor-hub doctor`: what is set up in a way that will hurt, and how is it put right? It looks from outside, through the
//! proxy, and from inside, at disk, database, store and engine. It changes nothing and starts nothing.

mod address;
mod database;
mod engine;
mod machine;
mod policy;
mod proxy;
mod report;
mod storage;

use clap::Args;

use self::report::Report;
use super::{
    failure::Failure,
    web::{Ask, Site, ask},
};
use crate::config::Settings;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Fail for warnings too
    #[arg(long)]
    strict: bool,
}

/// How long one question may take.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

impl Doctor {
    /// Fails with exit code 1 when something is wrong; warnings alone do not fail, unless `--strict`.
    pub(super) async fn run(self, settings: &Settings) -> Result<(), Failure> {
        let mut report = Report::default();
        address::check_settings(settings, &mut report);
        policy::check(settings, &mut report);
        machine::check(settings, &mut report);
        storage::check(settings, &mut report).await;
        database::check(settings, &mut report).await;
        engine::check(settings, &mut report).await;
        if is_running(settings).await {
            report.good("running", format!("the Hub answers on {}", settings.server.listen));
            if let Some(site) = address::check_from_outside(settings, &mut report).await {
                proxy::check(&site, settings, &mut report).await;
            }
        } else {
            report.warn(
                "running",
                format!("no Hub answers on {}", settings.server.listen),
                "Start it with `executor-hub serve`, or run the doctor with the configuration of the Hub; what clients \
                 meet on their way to it was not looked at.",
            );
        }
        report.print(self.json);
        if report.is_bad(self.strict) {
            return Err(anyhow::anyhow!("{}", report.summary()).into());
        }
        Ok(())
    }
}

/// Whether a Hub answers on its own listener.
async fn is_running(settings: &Settings) -> bool {
    let site = Site::of_listener(settings.server.listen, settings.server.has_tls());
    ask(&site, Ask::get("/livez"), LIMIT).await.is_ok_and(|reply| reply.status == 200)
}
