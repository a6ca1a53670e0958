//! `executor-hub token`: personal access tokens, from the command line of the machine that the Hub runs on.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Subcommand;

use super::{database::Database, failure::Failure};
use crate::{
    auth::{Auth, AuthRules},
    config::{Environment, Settings},
    domain::SystemClock,
    error::Error,
    store::tokens::TokenRow,
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
    /// List the tokens of a person that are good: name, made when, good until when, last used when
    List {
        /// Whose tokens
        login: String,
    },
    /// Revoke a token
    Revoke {
        /// Whose token
        login: String,
        /// What it is called
        name: String,
    },
}

impl Token {
    pub(super) async fn run(self, settings: &Settings, environment: &Environment) -> Result<(), Failure> {
        let database = Database::beside(settings, environment).await?;
        let auth = Auth::new(database.store.clone(), Arc::new(SystemClock), AuthRules::of(settings));
        let done = self.act(&auth).await;
        database.close().await;
        for line in done? {
            println!("{line}");
        }
        Ok(())
    }

    /// What to print.
    async fn act(self, auth: &Auth) -> Result<Vec<String>, Error> {
        match self {
            Self::Create { login, name, days } => {
                let user = auth.find_user(&login).await?;
                let token = auth.issue_personal_token(user.id, &name, days).await?;
                Ok(vec![token.expose().to_owned()])
            }
            Self::List { login } => {
                let user = auth.find_user(&login).await?;
                let tokens = auth.list_personal_tokens(user.id).await?;
                let time = |time: Option<DateTime<Utc>>| {
                    time.map_or("never".to_owned(), |time| time.format("%Y-%m-%d %H:%M UTC").to_string())
                };
                let line = |token: TokenRow| {
                    let (made, until) = (time(Some(token.created_at)), time(token.expires_at));
                    format!("{}\t{made}\t{until}\t{}", token.name, time(token.last_used_at))
                };
                Ok(tokens.into_iter().map(line).collect())
            }
            Self::Revoke { login, name } => {
                let user = auth.find_user(&login).await?;
                auth.revoke_personal_token(user.id, &name).await?;
                Ok(vec![])
            }
        }
    }
}
