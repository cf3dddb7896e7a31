//! OpenTelemetry traces, exported by OTLP over HTTP as JSON.
//!
//! Configured by the standard variables: `OTEL_EXPORTER_OTLP_ENDPOINT`, `…_HEADERS`, `OTEL_TRACES_SAMPLER`,
//! `OTEL_SERVICE_NAME`, `OTEL_BSP_…`. Without an endpoint nothing is exported.
//!
//! Rule: nothing waits for a collector. A thread of its own exports the spans, and what does not fit its queue is
//! dropped. Spans contain what happened and how long it took; no content of dialogues or messages, and no log lines.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::limits;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::Metadata;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::registry::LookupSpan;

/// Target of spans for the collector.
const TARGET: &str = "modehost::trace";

/// The exporter. Dropping it flushes queued spans, within [`limits::SHUTDOWN_GRACE`].
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// None if no collector is configured.
    ///
    /// # Errors
    /// If a variable is invalid, as a sentence without its value: it may contain a password.
    pub fn start() -> Result<Option<Self>, String> {
        let is_set = |name: &str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
        let is_off = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let is_wanted = is_set("OTEL_EXPORTER_OTLP_ENDPOINT") || is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        if is_off || !is_wanted {
            return Ok(None);
        }
        // The exporter builds its HTTP client with the crypto provider of the process.
        modehost_llm::install_crypto_provider();
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().with_protocol(Protocol::HttpJson);
        let exporter = exporter.build().map_err(|_| {
            "traces are not exported: see OTEL_EXPORTER_OTLP_ENDPOINT, which must be an address such as \
             http://collector:4318, and the variables beside it"
                .to_owned()
        })?;
        let resource = Resource::builder();
        let resource = if is_set("OTEL_SERVICE_NAME") { resource } else { resource.with_service_name("modehost") };
        let resource =
            resource.with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let exporter = LoggingExporter { exporter, failing: AtomicBool::new(false) };
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build());
        Ok(Some(Self(provider.build())))
    }

    /// The layer that exports spans of [`TARGET`], and nothing else.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let tracer = self.0.tracer("modehost");
        // Source files and threads are of no use to operators.
        let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false);
        layer.with_filter(filter_fn(is_for_collector))
    }
}

/// Filter that keeps spans for the collector out of the log lines.
pub fn exclude_spans<S>() -> impl tracing_subscriber::layer::Filter<S> {
    filter_fn(is_for_collector).not()
}

fn is_for_collector(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET
}

impl Drop for Traces {
    fn drop(&mut self) {
        // A collector that does not answer has been reported already.
        let _ = self.0.shutdown_with_timeout(limits::SHUTDOWN_GRACE);
    }
}

/// Logs when a collector starts and stops failing, not each failure.
#[derive(Debug)]
struct LoggingExporter {
    exporter: opentelemetry_otlp::SpanExporter,
    failing: AtomicBool,
}

impl SpanExporter for LoggingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let outcome = self.exporter.export(batch).await;
        match (outcome.is_err(), self.failing.swap(outcome.is_err(), Ordering::Relaxed)) {
            (true, false) => {
                tracing::warn!(spans, "the collector rejects traces; they are dropped")
            }
            (false, true) => tracing::info!("the collector accepts traces again"),
            _ => {}
        }
        outcome
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
