//! `executor-hub user`: people, from the command line of the machine that the Hub runs on.

use std::sync::Arc;

use clap::Subcommand;

use super::{database::Database, failure::Failure};
use crate::{
    auth::{Auth, AuthRules},
    config::{Environment, Settings},
    domain::{SystemClock, user::Role},
};

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Add a person
    Create {
        /// What they sign in with, and what stands before the slash in alice/MyExecutor
        login: String,
        /// Their name for show
        #[arg(long)]
        name: Option<String>,
        /// Let them do everything
        #[arg(long)]
        admin: bool,
    },
}

impl User {
    pub(super) async fn run(self, settings: &Settings, environment: &Environment) -> Result<(), Failure> {
        let database = Database::beside(settings, environment).await?;
        let auth = Auth::new(database.store.clone(), Arc::new(SystemClock), AuthRules::of(settings));
        let Self::Create { login, name, admin } = self;
        let role = if admin { Role::Admin } else { Role::Member };
        let created = auth.create_user(&login, name.as_deref(), role).await;
        database.close().await;
        println!("{}", created?.login);
        Ok(())
    }
}
