//! What listens to the log macros and to those of the metrics? One subscriber, installed from the settings: text for people,
//! JSON for machines, always on standard error; and the figures of the process.

pub mod metrics;
mod recorder;

use tracing_subscriber::EnvFilter;

pub use self::recorder::Figures;

use crate::config::{Environment, Log, LogFormat};

/// Installs the subscriber. A second call does nothing: tests share a process.
pub fn install(settings: &Log) -> Result<(), String> {
    Figures::of_process();
    // The driver repeats Postgres' notices ("already exists, skipping"), which are no news to an operator.
    let level = format!("sqlx::postgres::notice=warn,{}", settings.level);
    let filter = EnvFilter::try_new(level).map_err(|error| format!("log.level: {error}"))?;
    let is_json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !Environment::stderr_is_terminal(),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = if is_json {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        builder.with_target(false).with_ansi(Environment::stderr_is_terminal()).try_init()
    };
    Ok(())
}
