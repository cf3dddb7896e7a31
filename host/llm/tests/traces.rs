//! Log lines and metrics. Rule: lengths, digests and times; never a word of a question or an answer, and never a key,
//! at any level and in any sink.
//!
//! A separate process, with one test at a time: `tracing` registers call sites once for all threads, and could miss a
//! subscriber that is installed at the same moment.

#[path = "calls/setup.rs"]
#[allow(dead_code, reason = "the other test binary uses the rest")]
mod setup;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{FutureExt, StreamExt};
use metrics_exporter_prometheus::PrometheusBuilder;
use modehost_contract::effect::ModelRequest;
use modehost_contract::service::Models;
use modehost_llm::LanguageModels;
use modehost_provider::{Provider, Reply};
use serde_json::json;

use setup::{ask, json_question, models, question, section, streamed};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Collects the log lines of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// Runs on one thread, and returns the log of every level and library.
fn logged(test: impl Future<Output = ()>) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tracing::subscriber::with_default(subscriber, || runtime.block_on(test));
    log.text()
}

#[test]
fn no_word_and_no_key_gets_out() {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    const QUESTION: &str = "purple-elephant";
    const ANSWER: &str = "golden-giraffe";
    const KEY: &str = "sk-hush-hush";
    let log = logged(async {
        let provider = Provider::start();
        let models = models(&provider, json!({ "api_key": KEY, "retries": 0, "timeout_s": 1 }));
        for reply in [
            Reply::text(ANSWER),
            Reply::text(&format!("{{\"a\": \"{ANSWER}\", ")),
            Reply::status(400),
            Reply::status(401),
            Reply::status(500),
            Reply::raw(format!("{{\"error\": {{\"code\": \"{ANSWER} {QUESTION}\", \"type\": \"{KEY} !\"}}}}")),
            Reply::raw(format!("{ANSWER} {QUESTION}")),
            Reply::raw_events(format!("data: {ANSWER} {QUESTION}\n\n")),
            Reply::chunks(&[ANSWER, ANSWER]).cut_after(1),
            Reply::text(ANSWER).never(),
        ] {
            provider.default_reply(reply);
            for request in [question(QUESTION), streamed(QUESTION), json_question(QUESTION)] {
                if let Err((_, sentence)) = ask(&models, request).await.last {
                    assert!(![QUESTION, ANSWER, KEY].iter().any(|word| sentence.contains(word)), "{sentence}");
                }
            }
        }
        provider.wait_in_flight(0).await;
        let mut dropped = models.ask(question(QUESTION));
        assert!(dropped.next().now_or_never().is_none());
        provider.wait_in_flight(1).await;
        drop(dropped);
        provider.wait_in_flight(0).await;
    });
    for word in [QUESTION, ANSWER, KEY] {
        let line = log.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "{word} is in the log");
    }
    // 10 replies to 3 questions, and the cancelled one: a line each.
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("question_sha8")).collect();
    assert_eq!(lines.len(), 31, "{lines:#?}");
    let good = lines[0];
    // The digest is that of `printf golden-giraffe | sha256sum`.
    for part in ["alias=\"default\"", "outcome=\"ok\"", "answer_bytes=14", "answer_sha8=\"c03e4883\"", "tries=1", "ms="]
    {
        assert!(good.contains(part), "{part} is missing in: {good}");
    }
    assert!(lines.iter().any(|line| line.contains("cancelled")));
}

#[test]
fn questions_are_measured() {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let provider = Provider::start();
            let config = section(json!({
                "aliases": { "default": { "base_url": provider.base_url(), "retries": 1 } },
                "purposes": { "summary": "default" },
            }));
            let models = LanguageModels::new(&config);
            let summary = || ModelRequest { purpose: "summary".to_owned(), ..streamed("?") };
            provider.queue(Reply::status(500));
            provider.queue(Reply::text("Yes.").usage(7, 2));
            ask(&models, summary()).await;
            provider.queue(Reply::status(401));
            ask(&models, summary()).await;
            // An unconfigured purpose keeps its name; an invalid one is not used as a label.
            ask(&models, ModelRequest { purpose: "idea".to_owned(), ..question("?") }).await;
            ask(&models, ModelRequest { purpose: "a secret".to_owned(), ..question("?") }).await;

            provider.queue(Reply::text("x").never());
            let mut dropped = models.ask(summary());
            assert!(dropped.next().now_or_never().is_none());
            provider.wait_in_flight(1).await;
            assert!(handle.render().contains("modehost_model_open{alias=\"default\"} 1"), "{}", handle.render());
            drop(dropped);
            provider.wait_in_flight(0).await;
        });
    });
    drop(runtime);
    let exposition = handle.render();
    for line in [
        "modehost_model_requests_total{alias=\"default\",purpose=\"summary\",outcome=\"ok\"} 1",
        "modehost_model_requests_total{alias=\"default\",purpose=\"summary\",outcome=\"refused\"} 1",
        "modehost_model_requests_total{alias=\"default\",purpose=\"summary\",outcome=\"cancelled\"} 1",
        "modehost_model_requests_total{alias=\"default\",purpose=\"idea\",outcome=\"ok\"} 1",
        "modehost_model_requests_total{alias=\"default\",purpose=\"other\",outcome=\"ok\"} 1",
        "modehost_model_tokens_total{alias=\"default\",kind=\"prompt\"} 7",
        "modehost_model_tokens_total{alias=\"default\",kind=\"answer\"} 2",
        "modehost_model_retries_total{alias=\"default\"} 1",
        "modehost_model_open{alias=\"default\"} 0",
        "modehost_model_waiting{alias=\"default\"} 0",
        "modehost_model_seconds_count{alias=\"default\"} 5",
        "modehost_model_first_token_seconds_count{alias=\"default\"} 3",
    ] {
        assert!(exposition.contains(line), "{line} is missing in:\n{exposition}");
    }
    assert!(!exposition.contains("a secret"));
}
