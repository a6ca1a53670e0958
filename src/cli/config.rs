//! `executor-hub config`: the settings, to start from and to check.

use clap::Subcommand;

use super::failure::Failure;
use crate::config::{DEFAULT_TOML, Environment, Overrides, Settings};

#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Print a file with every setting, its default and what it means
    Init,
    /// Check the configuration; exit code 3 when it cannot be used
    Check,
}

impl Config {
    pub(super) fn run(&self, environment: &Environment, overrides: &Overrides) -> Result<(), Failure> {
        match self {
            Self::Init => print!("{DEFAULT_TOML}"),
            Self::Check => {
                Settings::load(environment, overrides)?;
                println!("the configuration is good");
            }
        }
        Ok(())
    }
}
