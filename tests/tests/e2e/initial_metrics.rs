//! Initial metrics: counters of events that have not happened yet are exported as zero, so that their first event is
//! an increase that an alert can see. Rule: every row of `host/METRICS.md` is checked.

use std::collections::BTreeMap;
use std::time::Duration;

use modehost_provider::Provider;
use modehost_tests::{Device, Server, Settings, server, wait};
use serde_json::json;

use crate::asr::with_transcription;

/// Name, kind and description of each row.
pub(crate) fn rows() -> Vec<(String, String, String)> {
    let page = std::fs::read_to_string(server::workspace_root().join("host/METRICS.md")).expect("the list");
    // Older names have a table of their own after it.
    let list = page.split("\n## ").next().unwrap_or_default();
    let rows = list.lines().filter(|line| line.starts_with("| `modehost_"));
    let cells = rows.map(|line| line.trim_matches('|').splitn(5, '|').map(str::trim).collect::<Vec<_>>());
    cells.map(|cells| (cells[0].trim_matches('`').to_owned(), cells[1].to_owned(), cells[4].to_owned())).collect()
}

/// The samples of a metrics page, by series with labels.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.rsplit_once(' '));
    pairs.map(|(series, value)| (series.to_owned(), value.parse().expect("a number"))).collect()
}

async fn page(server: &Server) -> BTreeMap<String, f64> {
    samples(&server.admin("GET", "/metrics", "").await.body)
}

fn is_of(series: &str, name: &str) -> bool {
    series.split('{').next() == Some(name)
}

/// A configuration with everything that has its own metrics.
fn with_all_metrics(provider: &Provider) -> Settings {
    let model = json!({ "base_url": provider.base_url(), "model": "test" });
    with_transcription(provider, Settings::new().bundled())
        .set("llm", json!({ "aliases": { "default": model, "small": model }, "purposes": { "summary": "small" } }))
        .set("tts", json!({ "provider": "openai", "openai": { "base_url": provider.base_url(), "model": "mouth" } }))
        .set("hooks", json!({ "done": { "url": "http://127.0.0.1:1/" } }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_server_shows_every_figure_and_every_counter_at_zero() {
    let provider = Provider::start();
    let server = Server::start(with_all_metrics(&provider)).await;
    let samples_now = page(&server).await;
    // Exported only with a certificate.
    let absent = ["modehost_tls_certificate_expiry_seconds"];
    // Incremented by the start itself.
    let counted = [
        "modehost_plugin_loads_total",
        "modehost_plugin_calls_total",
        "modehost_process_cpu_seconds_total",
        "process_cpu_seconds_total",
        "modehost_admin_calls_total",
    ];
    for (name, kind, _) in rows() {
        let base = if kind == "histogram" { format!("{name}_count") } else { name.clone() };
        let series: Vec<_> = samples_now.iter().filter(|(series, _)| is_of(series, &base)).collect();
        assert_eq!(series.is_empty(), absent.contains(&&*name), "{name}: {series:?}");
        if kind == "counter" && !counted.contains(&&*name) {
            assert!(series.iter().all(|(_, value)| **value == 0.0), "{name}: {series:?}");
        }
    }
    // With every value of their labels.
    for series in [
        r#"modehost_sign_in_total{method="rate_limit",outcome="too_many"}"#,
        r#"modehost_closes_total{code="1006"}"#,
        r#"modehost_handshakes_refused_total{reason="sign_in"}"#,
        r#"modehost_storage_errors_total{reason="corrupt"}"#,
        r#"modehost_model_requests_total{alias="small",purpose="summary",outcome="provider_error"}"#,
        r#"modehost_model_requests_total{alias="default",purpose="other",outcome="ok"}"#,
        r#"modehost_asr_recognitions_total{provider="openai",outcome="unauthorized"}"#,
        r#"modehost_tts_sentences_total{provider="openai",outcome="timeout"}"#,
        r#"modehost_hook_posts_total{hook="done",outcome="fail"}"#,
        r#"modehost_plugin_rollbacks_total{plugin="conversation"}"#,
        r#"modehost_plugin_faults_total{plugin="conversation",kind="trap"}"#,
        r#"modehost_breaker_opened_total{service="asr",provider="openai"}"#,
        r#"modehost_config_reloads_total{outcome="refused"}"#,
    ] {
        assert_eq!(samples_now.get(series), Some(&0.0), "{series}");
    }
    assert_eq!(samples_now["modehost_config_last_reload_success"], 1.0);

    // A reload registers the label values that it adds.
    let named = with_all_metrics(&provider).set("hooks.later", json!({ "url": "http://127.0.0.1:1/" }));
    let before = samples_now["modehost_config_last_reload_timestamp_seconds"];
    server.configure(&named);
    assert_eq!(server.admin("POST", "/api/v1/config/reload", "").await.status, 200);
    let samples_now = page(&server).await;
    assert_eq!(samples_now.get(r#"modehost_hook_posts_total{hook="later",outcome="fail"}"#), Some(&0.0));
    assert!(samples_now["modehost_config_last_reload_timestamp_seconds"] > before);
    server.configure(&named.set("session.nonsense", json!(1)));
    assert_ne!(server.admin("POST", "/api/v1/config/reload", "").await.status, 200);
    let samples_now = page(&server).await;
    assert_eq!(samples_now["modehost_config_last_reload_success"], 0.0);
    assert!(samples_now[r#"modehost_config_reloads_total{outcome="refused"}"#] >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_by_what_serves_them_and_refused_files_are_counted() {
    let mut server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.start_mode("working").await;
    let in_mode = |samples_now: &BTreeMap<String, f64>, mode: &str| -> f64 {
        let of = |series: &str| is_of(series, "modehost_mode_sessions") && series.contains(&format!("mode=\"{mode}\""));
        samples_now.iter().filter(|(series, _)| of(series)).map(|(_, count)| *count).sum()
    };
    let patience = Duration::from_secs(60);
    let probe = async || page(&server).await;
    wait::until("the session is counted", patience, probe, |samples_now| in_mode(samples_now, "working") == 1.0).await;
    server.install("broken", b"no component");
    let probe = async || page(&server).await["modehost_plugins_refused"];
    wait::until("the file is refused", patience, probe, |refused| *refused == 1.0).await;
    std::fs::remove_file(server.plugin_file("broken")).expect("removed");
    wait::until("it is gone", patience, probe, |refused| *refused == 0.0).await;
    device.close().await;
    assert_eq!(server.terminate().await.code(), Some(0));
}
