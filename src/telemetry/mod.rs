//! What listens to the log macros, to those of the metrics and to spans? One subscriber, installed from the settings: text for
//! people, JSON for machines, always on standard error; the figures of the process; and a collector of traces, if one is named.

pub mod metrics;
mod recorder;
mod traces;

use std::sync::OnceLock;

use tracing_subscriber::{
    EnvFilter, Layer as _, Registry, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

pub use self::{
    recorder::Figures,
    traces::{Exporter, build_span, end_build, end_request, request_span},
};

use crate::config::{Environment, Log, LogFormat, Traces};

static LEVEL: OnceLock<Level> = OnceLock::new();

/// What is listened to, and can be changed.
struct Level {
    handle: reload::Handle<EnvFilter, Registry>,
    is_traced: bool,
}

/// Installs the subscriber. A second call does nothing: tests share a process. Needs the runtime when traces are exported;
/// these are sent until the exporter is dropped.
pub fn install(log: &Log, traces: &Traces) -> Result<Option<Exporter>, InstallError> {
    Figures::of_process();
    let is_traced = !traces.otlp_endpoint.is_empty();
    let (filter, handle) = reload::Layer::new(filter(&log.level, is_traced)?);
    let is_json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !Environment::stderr_is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if is_json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    } else {
        lines.with_target(false).with_ansi(Environment::stderr_is_terminal()).boxed()
    };
    let (spans, exporter) = traces::layer(traces)?.unzip();
    let installed = tracing_subscriber::registry().with(filter).with(lines).with(spans).try_init();
    if installed.is_ok() {
        let _ = LEVEL.set(Level { handle, is_traced });
    }
    Ok(exporter)
}

/// From now on this is logged.
pub fn set_level(level: &str) -> Result<(), InstallError> {
    let Some(Level { handle, is_traced }) = LEVEL.get() else { return Ok(()) };
    handle.reload(filter(level, *is_traced)?).map_err(|error| InstallError::Level(error.to_string()))
}

/// What the settings ask for and cannot be.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// `log.level`
    #[error("{0}")]
    Level(String),
    /// `traces.otlp_endpoint`
    #[error("{0}")]
    Traces(String),
}

fn filter(level: &str, is_traced: bool) -> Result<EnvFilter, InstallError> {
    // The driver repeats Postgres' notices ("already exists, skipping"), which are no news to an operator.
    let level = format!("sqlx::postgres::notice=warn,{level}");
    // Without a collector no span is made. With one, spans of what carries traces away would be traces themselves.
    let level = if is_traced {
        format!("{level},h2=info,hyper_util=info,tonic=info,tower=info,{}=info", traces::TARGET)
    } else {
        format!("{level},{}=off", traces::TARGET)
    };
    EnvFilter::try_new(level).map_err(|error| InstallError::Level(error.to_string()))
}
