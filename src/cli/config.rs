//! `executor-hub config`: the settings, to start from, to look at and to check.

use std::{
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::{Map, json};

use super::failure::Failure;
use crate::config::{self, Environment, Overrides, Settings, Source};

#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Show every setting as it counts, and where its value is from; secrets are hidden
    Show(Show),
    /// Check the configuration; exit code 3 when it cannot be used
    Check,
    /// Write a file with every setting, its default and what it means, all commented out
    Init(Init),
    /// Print the JSON Schema of the configuration file
    Schema,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Leave out what is as it is by default
    #[arg(long)]
    changed: bool,
}

#[derive(Debug, Args)]
pub(super) struct Init {
    /// Where to write it, readable by its owner only; without it, to standard output
    file: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long, requires = "file")]
    force: bool,
}

impl Config {
    pub(super) fn run(&self, environment: &Environment, overrides: &Overrides) -> Result<(), Failure> {
        match self {
            Self::Show(show) => show.print(&Settings::load(environment, overrides)?),
            Self::Check => {
                Settings::load(environment, overrides)?;
                println!("the configuration is good");
            }
            Self::Init(Init { file: None, .. }) => print!("{}", config::starting_file()),
            Self::Init(Init { file: Some(path), force }) => {
                write(path, *force)
                    .map_err(|error| anyhow::anyhow!("cannot write {}: {error}", path.display()))?;
            }
            Self::Schema => println!("{:#}", config::schema()?),
        }
        Ok(())
    }
}

impl Show {
    fn print(&self, settings: &Settings) {
        let is_wanted = |source: &Source| !self.changed || *source != Source::Default;
        let shown = settings.effective().iter().filter(|setting| is_wanted(&setting.source));
        if self.json {
            let entry = |setting: &config::Setting| {
                (setting.key.clone(), json!({ "value": setting.value, "source": setting.source }))
            };
            println!("{:#}", serde_json::Value::Object(shown.map(entry).collect::<Map<_, _>>()));
            return;
        }
        for setting in shown {
            println!("{:<60} # {}", format!("{} = {}", setting.key, setting.value), setting.source);
        }
    }
}

/// It will hold secrets, so nobody else may read it from the first moment on.
fn write(path: &Path, force: bool) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).mode(0o600);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut file = options.open(path)?;
    file.write_all(config::starting_file().as_bytes())?;
    file.sync_all()
}
