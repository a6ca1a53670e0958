//! Which command was called? The only home of clap and of what is printed to standard output.

mod audit;
mod backup;
mod builds;
mod check;
mod collect;
mod config;
mod database;
mod doctor;
mod executor;
mod failure;
mod import;
mod inspect;
mod inspect_python;
mod migrate;
mod observe;
mod openapi;
mod ping;
mod reload;
mod restore;
mod seed;
mod serve;
mod supervisor;
mod token;
mod user;
mod web;
mod worker;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    config::{ConfigError, Environment, Overrides, Settings},
    telemetry::InstallError,
};
use failure::Failure;

/// The server behind `jina hub push`, for a team to run itself.
#[derive(Debug, Parser)]
#[command(name = "executor-hub", version, about, propagate_version = true)]
struct Cli {
    /// The configuration file [env: `HUB_CONFIG`]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A setting that beats file and environment, such as `--set builds.slots=2`
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the Hub: all surfaces, and a worker unless `builds.slots` is 0
    Serve(serve::Serve),
    /// Run a worker only, over the database of a Hub
    Worker,
    /// People
    #[command(subcommand)]
    User(user::User),
    /// Personal access tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Executors: delete and bring back
    #[command(subcommand)]
    Executor(executor::Executor),
    /// Delete the bytes that nothing refers to any more; safe while the Hub is in use
    Collect(collect::Collect),
    /// Tell where the space goes: the largest Executors, or those of one person
    Usage(collect::Usage),
    /// Copy the Hub, rows and bytes, while it runs; then restore the copy for a test
    Backup(backup::Backup),
    /// Make a Hub of a backup
    Restore(restore::Restore),
    /// Bring the database's schema up to date, or try that on a copy
    Migrate(migrate::Migrate),
    /// Take the Executors of a folder, or of another Hub
    Import(import::Import),
    /// Look whether records and bytes fit each other; safe while the Hub is in use
    Check(check::Check),
    /// The audit log
    #[command(subcommand)]
    Audit(audit::Audit),
    /// The queue of builds
    #[command(subcommand)]
    Builds(builds::Builds),
    /// The configuration
    #[command(subcommand)]
    Config(config::Config),
    /// See a folder or zip as the Hub will see it once it is pushed
    Inspect(inspect::Inspect),
    /// Look for what is set up in a way that will hurt, and say the fix; exit code 1 when something is wrong
    Doctor(doctor::Doctor),
    /// Ask a running Hub whether it is ready; for health checks
    Ping(ping::Ping),
    /// Read Python source on standard input; started by the Hub itself, with limits
    #[command(hide = true)]
    InspectPython,
    /// Print the document of the API
    #[command(hide = true)]
    Openapi,
    /// Fill an empty database for measuring
    #[command(hide = true)]
    Seed(seed::Seed),
}

/// Runs the command of the process's arguments.
pub fn run() -> ExitCode {
    // Parses errors and `--help` end here, with clap's own codes (2 and 0).
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("executor-hub: {failure}");
            failure.exit_code()
        }
    }
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    if let Command::InspectPython = cli.command {
        return inspect_python::run();
    }
    if let Command::Openapi = cli.command {
        return openapi::run();
    }
    let environment = Environment::of_process();
    let mut overrides = Overrides { file: cli.config, set: cli.set };
    if let Command::Serve(command) = &cli.command {
        overrides.set.extend(command.set());
    }
    if let Command::Config(command) = &cli.command {
        return command.run(&environment, &overrides);
    }
    let settings = Settings::load(&environment, &overrides)?;
    if let Command::Inspect(command) = &cli.command {
        return command.run(&settings);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Hashing, zip and disk; beyond this they wait in line.
        .max_blocking_threads(64)
        .thread_keep_alive(std::time::Duration::from_secs(5))
        .build()
        .map_err(anyhow::Error::from)?;
    // Its last traces are sent before the runtime ends.
    let _exporter = {
        let _inside = runtime.enter();
        crate::telemetry::install(&settings.log, &settings.traces).map_err(|error| {
            let key = match &error {
                InstallError::Level(_) => "log.level",
                InstallError::Traces(_) => "traces.otlp_endpoint",
            };
            ConfigError::Value { key: key.into(), why: error.to_string() }
        })?
    };
    runtime.block_on(async {
        match cli.command {
            Command::Serve(command) => command.run(settings, &environment, overrides).await,
            Command::Worker => worker::run(settings, &environment).await,
            Command::User(command) => command.run(&settings, &environment).await,
            Command::Token(command) => command.run(&settings, &environment).await,
            Command::Executor(command) => command.run(settings, &environment).await,
            Command::Collect(command) => command.run(settings, &environment).await,
            Command::Usage(command) => command.run(settings, &environment).await,
            Command::Backup(command) => command.run(&settings, &environment).await,
            Command::Restore(command) => command.run(&settings, &environment).await,
            Command::Migrate(command) => command.run(&settings, &environment).await,
            Command::Import(command) => command.run(settings, &environment).await,
            Command::Check(command) => command.run(settings, &environment).await,
            Command::Audit(command) => command.run(settings, &environment).await,
            Command::Builds(command) => command.run(&settings, &environment).await,
            Command::Doctor(command) => command.run(&settings).await,
            Command::Ping(command) => command.run(&settings).await,
            Command::Seed(command) => command.run(&settings, &environment).await,
            Command::Config(_) | Command::Inspect(_) | Command::InspectPython | Command::Openapi => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn clap_accepts_the_command_tree() {
        super::Cli::command().debug_assert();
    }
}
