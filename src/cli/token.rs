//! `executor-hub token`: personal access tokens, from the command line of the machine that the Hub runs on.

use std::sync::Arc;

use clap::Subcommand;

use super::{database::Database, failure::Failure};
use crate::{
    auth::{Auth, AuthRules},
    config::{Environment, Settings},
    domain::SystemClock,
};

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token for a person and print it, this once
    Create {
        /// Whose token
        login: String,
        /// What to call it
        #[arg(long, default_value = "command line")]
        name: String,
        /// After how many days it stops working; without it, never
        #[arg(long)]
        days: Option<i64>,
    },
}

impl Token {
    pub(super) async fn run(self, settings: &Settings, environment: &Environment) -> Result<(), Failure> {
        let database = Database::beside(settings, environment).await?;
        let auth = Auth::new(database.store.clone(), Arc::new(SystemClock), AuthRules::of(settings));
        let Self::Create { login, name, days } = self;
        let issued = async {
            let user = auth.find_user(&login).await?;
            auth.issue_personal_token(user.id, &name, days).await
        };
        let issued = issued.await;
        database.close().await;
        println!("{}", issued?.expose());
        Ok(())
    }
}
