//! How do requests and builds become traces? As spans of a target of their own, which nothing enables but the exporter: without
//! one they cost nothing, and the log never shows them.

use std::time::Duration;

use http::{HeaderMap, Method};
use opentelemetry::{
    KeyValue, global,
    propagation::{Extractor, TextMapPropagator as _},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, registry::LookupSpan};

use super::InstallError;
use crate::config::Traces;

/// The target of spans that are exported.
pub(super) const TARGET: &str = "executor_hub::trace";
/// How long a collector may take for one batch.
const EXPORT_TIME: Duration = Duration::from_secs(5);

/// Sends what is still to be sent when it is dropped.
#[derive(Debug)]
pub struct Exporter(SdkTracerProvider);

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(EXPORT_TIME) {
            eprintln!("executor-hub: the last traces were not sent: {error}");
        }
    }
}

type SpanLayer<S> = Box<dyn Layer<S> + Send + Sync>;

/// The layer that exports spans, if the settings name a collector. Needs the runtime.
pub(super) fn layer<S>(settings: &Traces) -> Result<Option<(SpanLayer<S>, Exporter)>, InstallError>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    if settings.otlp_endpoint.is_empty() {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&settings.otlp_endpoint)
        .with_timeout(EXPORT_TIME)
        .build()
        .map_err(|error| InstallError::Traces(error.to_string()))?;
    let share = f64::from(settings.percent) / 100.0;
    let resource = Resource::builder()
        .with_service_name("executor-hub")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("executor-hub");
    global::set_tracer_provider(provider.clone());
    let layer = tracing_opentelemetry::layer().with_tracer(tracer).boxed();
    Ok(Some((layer, Exporter(provider))))
}

/// The span of a request, which goes on with the trace of whoever asks.
pub fn request_span(method: &Method, route: Option<&str>, id: &str, headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = format!("{method} {}", route.unwrap_or("none")),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = %method,
        http.route = route,
        http.response.status_code = Empty,
        hub.request_id = id,
    );
    if !span.is_disabled() {
        let parent = TraceContextPropagator::new().extract(&Headers(headers));
        if let Err(error) = span.set_parent(parent) {
            tracing::debug!(%error, "a trace cannot be continued");
        }
    }
    span
}

/// Notes how a request ended.
pub fn end_request(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// The span of work on a task.
pub fn build_span(task: &str, executor: &str, attempt: i32) -> Span {
    tracing::info_span!(
        target: TARGET,
        "build",
        otel.status_code = Empty,
        hub.task = task,
        hub.executor = executor,
        hub.attempt = attempt,
        hub.outcome = Empty,
    )
}

/// Notes how work on a task ended: `built`, or why not.
pub fn end_build(span: &Span, outcome: &str) {
    span.record("hub.outcome", outcome);
    if outcome != "built" {
        span.record("otel.status_code", "ERROR");
    }
}

/// A request's headers, to look for the trace that it belongs to.
struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
