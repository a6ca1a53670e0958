//! How does a command fail? With one line on standard error and an exit code that scripts can tell apart:
//! 1 failure, 2 usage (clap's), 3 configuration, 4 not found, 5 denied, 6 conflict, 75 worth another try.

use std::process::ExitCode;

use crate::{
    app::StartError,
    backup::BackupError,
    config::ConfigError,
    error::{Error, ErrorKind},
    inspect::Refusal,
    postgres::LaunchError,
    store::StoreError,
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    UseCase(#[from] Error),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Postgres(#[from] LaunchError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The Hub would not take a package.
    #[error("refused ({}): {} {}", .0.code, .0.message, .0.remedy)]
    Refused(Refusal),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl Failure {
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(_) => 3,
            Self::UseCase(error) => match error.kind {
                ErrorKind::NotFound => 4,
                ErrorKind::Unauthenticated | ErrorKind::Forbidden => 5,
                ErrorKind::NameTaken | ErrorKind::PolicyDenied => 6,
                ErrorKind::Unavailable | ErrorKind::RateLimited => 75,
                _ => 1,
            },
            Self::Store(error) if error.is_passing() => 75,
            Self::Backup(BackupError::None(_)) => 4,
            Self::Backup(error) if error.is_conflict() => 6,
            Self::Backup(error) if error.is_temporary() => 75,
            _ => 1,
        })
    }
}
