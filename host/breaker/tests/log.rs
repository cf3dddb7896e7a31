//! Logs and metrics of a breaker. Rule: one test in a process of its own: `tracing` caches for the whole process which
//! subscribers are interested in a call site, so tests on other threads without a subscriber would lose lines.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use modehost_breaker::{Breaker, Permit, Policy};
use parking_lot::Mutex;
use tokio::time::advance;

const POLICY: Policy = Policy { failures: 3, open: Duration::from_secs(5), open_max: Duration::from_secs(60) };

fn breaker() -> Arc<Breaker> {
    Breaker::new("llm", "default", POLICY)
}

fn admitted(breaker: &Arc<Breaker>) -> Permit {
    breaker.admit().expect("the breaker lets a call through")
}

fn open(breaker: &Arc<Breaker>) {
    for _ in 0..POLICY.failures {
        admitted(breaker).fail(&"refused the connection");
    }
    assert!(breaker.is_open());
}

/// The lines that are logged by `work`, with their levels.
fn logged(work: impl FnOnce()) -> Vec<String> {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, work);
    String::from_utf8(lines.0.lock().clone()).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn it_logs_and_counts_once_when_it_opens_and_once_when_it_closes() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    let labels = "{service=\"llm\",provider=\"default\"}";
    let value = |name: &str| {
        let text = shown.render();
        let found = text.lines().find_map(|line| line.strip_prefix(&format!("{name}{labels} "))?.parse::<f64>().ok());
        found.unwrap_or_default()
    };
    let lines = logged(|| {
        metrics::with_local_recorder(&recorder, || {
            let _within = runtime.enter();
            let wait = |time| runtime.block_on(advance(time));
            let breaker = breaker();
            open(&breaker);
            assert_eq!(value("modehost_breaker_open"), 1.0);
            for _ in 0..20 {
                assert!(breaker.admit().is_err());
                wait(POLICY.open_max);
                admitted(&breaker).fail(&"refused the connection");
            }
            wait(POLICY.open_max);
            admitted(&breaker).succeed();
            admitted(&breaker).succeed();
            breaker.reset();
            assert_eq!(value("modehost_breaker_open"), 0.0);
            open(&breaker);
            assert_eq!(value("modehost_breaker_open"), 1.0);
            drop(breaker);
            assert_eq!(value("modehost_breaker_open"), 0.0);
        });
    });
    assert_eq!((value("modehost_breaker_opened_total"), value("modehost_breaker_rejected_total")), (2.0, 20.0));
    let [opened, closed, again] = &lines[..] else { panic!("{lines:#?}") };
    assert!(opened.contains("WARN") && opened.contains("refused the connection"), "{opened}");
    assert!(opened.contains("llm") && opened.contains("default") && opened.contains("failures=3"), "{opened}");
    assert!(closed.contains("INFO") && closed.contains("closed"), "{closed}");
    assert!(again.contains("opened"), "{again}");
}
