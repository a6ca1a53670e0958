//! `executor-hub user`: people, from the command line of the machine that the Hub runs on.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};

use super::{database::Database, failure::Failure};
use crate::{
    auth::{Auth, AuthRules},
    config::{Environment, Settings},
    domain::{Secret, SystemClock, user::Role},
    error::Error,
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
        #[command(flatten)]
        password: Password,
    },
    /// Give a person another password; they are signed out everywhere
    SetPassword {
        /// Who
        login: String,
        #[command(flatten)]
        password: RequiredPassword,
    },
    /// Shut a person out: no sign-in, and none of their tokens works any more
    Disable {
        /// Who
        login: String,
    },
    /// Let a person in again
    Enable {
        /// Who
        login: String,
    },
    /// List everybody: login, role, state, since when, name
    List,
}

/// Where a first password comes from, if there is to be one.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Password {
    /// Read their password from the first line of a file; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Print a link with which they choose a password themselves, once and within a week
    #[arg(long)]
    invite: bool,
}

/// Where another password comes from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct RequiredPassword {
    /// Read the password from the first line of a file; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Print a link with which they choose it themselves, once and within a week
    #[arg(long)]
    invite: bool,
}

impl User {
    pub(super) async fn run(self, settings: &Settings, environment: &Environment) -> Result<(), Failure> {
        let database = Database::beside(settings, environment).await?;
        let auth = Auth::new(database.store.clone(), Arc::new(SystemClock), AuthRules::of(settings));
        let done = self.act(&auth, &settings.server.external_url).await;
        database.close().await;
        for line in done? {
            println!("{line}");
        }
        Ok(())
    }

    /// What to print.
    async fn act(self, auth: &Auth, external_url: &str) -> Result<Vec<String>, Failure> {
        match self {
            Self::Create { login, name, admin, password } => {
                let role = if admin { Role::Admin } else { Role::Member };
                let Some(file) = &password.password_file else {
                    let user = auth.create_user(&login, name.as_deref(), role).await?;
                    let mut lines = vec![user.login.to_string()];
                    if password.invite {
                        lines.push(link(external_url, &auth.invite(&user).await?));
                    }
                    return Ok(lines);
                };
                let password = read_password(file)?;
                let user = auth.create_user_with_password(&login, name.as_deref(), role, &password).await?;
                Ok(vec![user.login.to_string()])
            }
            Self::SetPassword { login, password } => {
                let user = auth.find_user(&login).await?;
                match &password.password_file {
                    Some(file) => {
                        auth.set_password(&user, &read_password(file)?).await?;
                        Ok(vec![])
                    }
                    None => Ok(vec![link(external_url, &auth.invite(&user).await?)]),
                }
            }
            Self::Disable { login } => {
                auth.disable_user(&login).await?;
                Ok(vec![])
            }
            Self::Enable { login } => {
                auth.enable_user(&login).await?;
                Ok(vec![])
            }
            Self::List => Ok(list(auth).await?),
        }
    }
}

async fn list(auth: &Auth) -> Result<Vec<String>, Error> {
    const PAGE: u16 = 500;
    let mut lines = Vec::new();
    let mut after = String::new();
    loop {
        let accounts = auth.list_users(&after, PAGE).await?;
        for account in &accounts {
            let state = match (account.disabled_at, account.has_password) {
                (Some(_), _) => "disabled",
                (None, true) => "active",
                (None, false) => "no password",
            };
            let role = match account.user.role {
                Role::Member => "member",
                Role::Admin => "admin",
            };
            let since = account.created_at.format("%Y-%m-%d");
            lines.push(format!(
                "{}\t{role}\t{state}\t{since}\t{}",
                account.user.login, account.user.display_name
            ));
        }
        match accounts.last() {
            Some(last) if accounts.len() == usize::from(PAGE) => after = last.user.login.to_string(),
            _ => return Ok(lines),
        }
    }
}

fn link(external_url: &str, word: &Secret) -> String {
    format!("{external_url}/invitations/{}", word.expose())
}

/// The first line of a file, or of standard input. Never an argument: those are seen by everybody on the machine.
fn read_password(file: &Path) -> Result<Secret, Failure> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(1 << 16).read_to_string(&mut text).map_err(anyhow::Error::from)?;
    } else {
        text = std::fs::read_to_string(file)
            .map_err(|error| anyhow::anyhow!("cannot read {}: {error}", file.display()))?;
    }
    let text = zeroize::Zeroizing::new(text);
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}
