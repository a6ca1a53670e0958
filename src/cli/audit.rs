//! `executor-hub audit`: who did what, as lines of JSON for other programs.

use std::{io::Write as _, sync::Arc};

use chrono::{DateTime, Utc};
use clap::Subcommand;

use super::{database::Database, failure::Failure};
use crate::{
    app::App,
    config::{Environment, Settings},
    domain::SystemClock,
    hub::audit::{Asker, Wanted},
};

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Print the audit log, the oldest entry first, one JSON object a line
    Export {
        /// Entries of this time or later, such as 2026-01-31T00:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<DateTime<Utc>>,
        /// Entries from before this time
        #[arg(long, value_name = "TIME")]
        until: Option<DateTime<Utc>>,
        /// Only what this person did
        #[arg(long, value_name = "LOGIN")]
        actor: Option<String>,
        /// Only what was done to this Executor, by its 8-character id
        #[arg(long, value_name = "ID")]
        executor: Option<String>,
    },
    /// Delete old entries and print how many; those of the last 30 days always stay
    Forget {
        /// Entries that are older than this go
        #[arg(long, value_name = "DAYS")]
        older_than_days: u16,
    },
}

impl Audit {
    pub(super) async fn run(self, settings: Settings, environment: &Environment) -> Result<(), Failure> {
        let database = Database::beside(&settings, environment).await?;
        let done = self.act(settings, &database).await;
        database.close().await;
        done
    }

    async fn act(self, settings: Settings, database: &Database) -> Result<(), Failure> {
        let store = database.store.clone();
        let app = App::beside(settings, store, Arc::new(SystemClock))?;
        match self {
            Self::Export { since, until, actor, executor } => {
                let subject = executor.map(|id| ("executor".to_owned(), id));
                export(&app, &Wanted { since, until, actor, subject }).await
            }
            Self::Forget { older_than_days } => {
                let forgotten = app.hub().forget_audit(Asker::Operator, older_than_days).await?;
                println!("{forgotten}");
                Ok(())
            }
        }
    }
}

async fn export(app: &App, wanted: &Wanted) -> Result<(), Failure> {
    app.hub().begin_audit_export(Asker::Operator).await?;
    let mut after = 0;
    loop {
        let entries = app.hub().audit_round(Asker::Operator, wanted, after).await?;
        let Some(last) = entries.last() else { return Ok(()) };
        after = last.number;
        let mut lines = Vec::new();
        for entry in &entries {
            serde_json::to_writer(&mut lines, entry).map_err(anyhow::Error::from)?;
            lines.push(b'\n');
        }
        match std::io::stdout().lock().write_all(&lines) {
            // Whoever read has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            done => done.map_err(anyhow::Error::from)?,
        }
    }
}
