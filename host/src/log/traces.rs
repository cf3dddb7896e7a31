//! Traces for a collector: OpenTelemetry, by OTLP over HTTP as JSON; with the feature `otel` only.
//!
//! Where they go, how many and under which name is said by the variables that every such program
//! has: `OTEL_EXPORTER_OTLP_ENDPOINT`, `…_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`,
//! `OTEL_BSP_…`. Without an endpoint nothing is exported.
//!
//! Rule: nobody waits for a collector. A thread of its own hands spans over, and what does not fit
//! its queue is dropped. Spans say what happened and how long it took; nothing that was said or
//! sent, and no line of the log goes with them.

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

/// What spans for a collector are marked with.
const TARGET: &str = "modehost::trace";

/// The way to the collector. Dropping it hands over what waits, within [`limits::STOP`].
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// None where no collector is named.
    ///
    /// # Errors
    /// If a variable makes no sense, in a sentence without its value: it may hold a password.
    pub fn start() -> Result<Option<Self>, String> {
        let is_set = |name: &str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
        let is_off = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let is_wanted = is_set("OTEL_EXPORTER_OTLP_ENDPOINT") || is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        if is_off || !is_wanted {
            return Ok(None);
        }
        // The exporter builds its client with whatever the process has.
        modehost_llm::install_crypto();
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
        let exporter = Telling { exporter, failing: AtomicBool::new(false) };
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build());
        Ok(Some(Self(provider.build())))
    }

    /// Takes the spans that are marked for it, and nothing else.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let tracer = self.0.tracer("modehost");
        // Source files and threads tell operators nothing.
        let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false);
        layer.with_filter(filter_fn(is_for_collector))
    }
}

/// Keeps spans for a collector out of the lines of the log.
pub fn others<S>() -> impl tracing_subscriber::layer::Filter<S> {
    filter_fn(is_for_collector).not()
}

fn is_for_collector(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET
}

impl Drop for Traces {
    fn drop(&mut self) {
        // A collector that does not answer has been told of already.
        let _ = self.0.shutdown_with_timeout(limits::STOP);
    }
}

/// Logs when a collector stops taking spans and when it takes them again, not each time between.
#[derive(Debug)]
struct Telling {
    exporter: opentelemetry_otlp::SpanExporter,
    failing: AtomicBool,
}

impl SpanExporter for Telling {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let outcome = self.exporter.export(batch).await;
        match (outcome.is_err(), self.failing.swap(outcome.is_err(), Ordering::Relaxed)) {
            (true, false) => {
                tracing::warn!(spans, "the collector does not take traces; they are dropped until it does")
            }
            (false, true) => tracing::info!("the collector takes traces again"),
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
