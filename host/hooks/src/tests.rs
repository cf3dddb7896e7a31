//! Posts against a true HTTP server with faults at the socket. Rule: the server counts what reached
//! it, so that a retry too many or too few shows.

mod receiver;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::limits;
use futures_util::future::join_all;
use metrics_exporter_prometheus::PrometheusBuilder;
use modehost_contract::event::Failure;
use modehost_contract::service::Hooks;
use sha2::{Digest, Sha256};

use self::receiver::{Answer, Receiver};
use super::{Config, HookConfig, Outcome, Pauses, WebHooks, sha8};

const BODY: &str = r#"{"event":"done","text":"完成 private words"}"#;
const SECRET: &str = "hush-hush";

fn config(url: &str) -> Config {
    let hook = HookConfig { url: url.into(), secret: Some(SECRET.into()), timeout_s: 1 };
    BTreeMap::from([("out".to_owned(), hook)])
}

fn hooks(config: &Config) -> Arc<WebHooks> {
    WebHooks::pausing(config, Pauses { least: Duration::from_millis(5), most: Duration::from_millis(10) })
}

async fn post(hooks: &WebHooks) -> Outcome {
    hooks.post("out", "Work", BODY.to_owned()).await
}

/// What was counted and logged while `work` ran.
struct Seen {
    metrics: String,
    log: String,
}

impl Seen {
    fn count(&self, outcome: &str) -> u64 {
        let line = format!("modehost_hook_posts_total{{hook=\"out\",outcome=\"{outcome}\"}} ");
        let count = self.metrics.lines().find_map(|found| found.strip_prefix(&line));
        count.map_or(0, |count| count.parse().expect("a count"))
    }

    fn lines(&self, level: &str) -> usize {
        self.log.lines().filter(|line| line.contains(level)).count()
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs on one thread, with its metrics and its log.
fn watched<T>(work: impl Future<Output = T>) -> (T, Seen) {
    let (log, recorder) = (Log::default(), PrometheusBuilder::new().build_recorder());
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let done = tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&recorder, || runtime.block_on(work))
    });
    let log = String::from_utf8(log.0.lock().expect("the log").clone()).expect("text");
    (done, Seen { metrics: recorder.handle().render(), log })
}

/// HMAC-SHA256 by the letter of RFC 2104, so that the library is not checked with itself.
fn hmac(key: &[u8], body: &[u8]) -> String {
    assert!(key.len() <= 64);
    let padded = |pad: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).unwrap_or(&0) ^ pad).collect() };
    let inner = Sha256::digest([padded(0x36).as_slice(), body].concat());
    hex::encode(Sha256::digest([padded(0x5c).as_slice(), &inner[..]].concat()))
}

#[test]
fn m8_a_post_is_signed_json_and_told_in_one_line() {
    let (receiver, seen) = watched(async {
        let receiver = Receiver::start(vec![Answer::Status(204)]).await;
        assert_eq!(post(&hooks(&config(&receiver.url()))).await, Ok(204));
        receiver
    });
    let [request] = &receiver.requests()[..] else { panic!("one request") };
    assert_eq!(request.body, BODY.as_bytes());
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        request.header("x-work-signature"),
        Some(&*format!("sha256={}", hmac(SECRET.as_bytes(), &request.body)))
    );
    assert_eq!((seen.count("ok"), seen.count("retry_ok"), seen.count("fail")), (1, 0, 0));
    assert_eq!((seen.lines("INFO"), seen.lines("ERROR")), (1, 0), "{}", seen.log);
    assert!(seen.log.contains(&sha8(BODY.as_bytes())) && seen.log.contains(&BODY.len().to_string()), "{}", seen.log);
    assert!(!seen.log.contains("private") && !seen.log.contains(SECRET), "{}", seen.log);
}

#[test]
fn m8_what_may_pass_is_tried_exactly_once_more() {
    let first = [Answer::Status(500), Answer::Status(503), Answer::Status(429), Answer::Status(408), Answer::Hang];
    for first in first.into_iter().chain([Answer::Reset, Answer::ResetMidHead]) {
        let words = format!("{first:?}");
        let (receiver, seen) = watched(async {
            let receiver = Receiver::start(vec![first, Answer::Status(200)]).await;
            assert_eq!(post(&hooks(&config(&receiver.url()))).await, Ok(200), "{words}");
            receiver
        });
        let requests = receiver.requests();
        assert_eq!(requests.len(), 2, "{words}");
        assert_eq!(requests[0].header("x-work-signature"), requests[1].header("x-work-signature"));
        assert_eq!((seen.count("retry_ok"), seen.count("fail")), (1, 0), "{words}");
        assert_eq!((seen.lines("INFO"), seen.lines("ERROR")), (1, 0), "{words}: {}", seen.log);
    }
}

#[test]
fn m8_a_second_failure_is_the_last_and_one_error_line() {
    for (answer, failure) in [
        (Answer::Status(500), Failure::Unavailable),
        (Answer::Hang, Failure::TimedOut),
        (Answer::Reset, Failure::Unavailable),
    ] {
        let words = format!("{answer:?}");
        let (receiver, seen) = watched(async {
            let receiver = Receiver::start(vec![answer.clone(), answer.clone(), Answer::Status(200)]).await;
            let outcome = post(&hooks(&config(&receiver.url()))).await.expect_err(&words);
            assert_eq!(outcome.0, failure, "{outcome:?}");
            receiver
        });
        assert_eq!(receiver.requests().len(), 2, "{words}");
        assert_eq!((seen.count("ok"), seen.count("retry_ok"), seen.count("fail")), (0, 0, 1), "{words}");
        assert_eq!((seen.lines("INFO"), seen.lines("ERROR")), (0, 1), "{words}: {}", seen.log);
        assert!(!seen.log.contains("private") && !seen.log.contains(SECRET), "{}", seen.log);
    }
}

#[test]
fn m8_what_will_not_pass_is_not_tried_again() {
    for status in [400, 401, 403, 404, 410, 422, 301, 307] {
        let (receiver, seen) = watched(async {
            let receiver = Receiver::start(vec![Answer::Status(status), Answer::Status(200)]).await;
            let outcome = post(&hooks(&config(&receiver.url()))).await.expect_err("refused");
            assert_eq!(outcome.0, Failure::Rejected, "{outcome:?}");
            assert!(outcome.1.contains(&status.to_string()), "{outcome:?}");
            receiver
        });
        assert_eq!(receiver.requests().len(), 1, "{status}");
        assert_eq!((seen.count("fail"), seen.lines("ERROR")), (1, 1), "{status}");
    }
}

#[test]
fn a_status_counts_even_if_the_answer_breaks_off_or_never_ends() {
    for answer in [Answer::CutMidBody, Answer::Endless] {
        let words = format!("{answer:?}");
        let (receiver, _) = watched(async {
            let receiver = Receiver::start(vec![answer]).await;
            assert_eq!(post(&hooks(&config(&receiver.url()))).await, Ok(200), "{words}");
            receiver
        });
        assert_eq!(receiver.requests().len(), 1, "{words}");
    }
}

#[test]
fn nobody_there_and_no_such_hook_are_failures_without_secrets() {
    let (_, seen) = watched(async {
        let url = Receiver::nobody().await;
        let hooks = hooks(&config(&url));
        let (failure, why) = post(&hooks).await.expect_err("nobody is there");
        assert_eq!(failure, Failure::Unavailable);
        assert!(!why.contains(&url), "{why}");
        let (failure, why) = hooks.post("absent", "Work", BODY.to_owned()).await.expect_err("no such hook");
        assert_eq!(failure, Failure::Unavailable);
        assert!(why.contains("hooks.absent.url"), "{why}");
        let (failure, _) = hooks.post("out", "not a name", BODY.to_owned()).await.expect_err("no such header");
        assert_eq!(failure, Failure::Rejected);
    });
    assert_eq!(seen.lines("ERROR"), 3, "{}", seen.log);
}

#[test]
fn changed_settings_hold_from_the_next_post() {
    watched(async {
        let (one, two) = (Receiver::start(vec![]).await, Receiver::start(vec![]).await);
        let hooks = hooks(&config(&one.url()));
        assert_eq!(post(&hooks).await, Ok(200));
        let mut changed = config(&two.url());
        changed.get_mut("out").expect("the hook").secret = None;
        hooks.apply(&changed);
        assert_eq!(post(&hooks).await, Ok(200));
        assert_eq!((one.requests().len(), two.requests().len()), (1, 1));
        assert_eq!(two.requests()[0].header("x-work-signature"), None, "no secret, no signature");
        hooks.apply(&Config::new());
        assert!(post(&hooks).await.is_err());
    });
}

#[test]
fn posts_to_one_hook_take_turns_and_do_not_pile_up() {
    watched(async {
        let receiver = Receiver::start(vec![Answer::Slow; limits::HOOK_WAITING * 2]).await;
        let hooks = hooks(&config(&receiver.url()));
        let outcomes = join_all((0..limits::HOOK_WAITING * 2).map(|_| post(&hooks))).await;
        let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err((Failure::TooMany, _)))).count();
        assert_eq!(refused, limits::HOOK_WAITING - limits::HOOK_CONCURRENT);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(200) | Err((Failure::TooMany, _)))));
        assert_eq!(receiver.most_at_once(), limits::HOOK_CONCURRENT);
    });
}

#[test]
fn a_dropped_post_closes_its_connection_and_gives_its_turn_back() {
    watched(async {
        let receiver = Receiver::start(vec![Answer::Hang; limits::HOOK_CONCURRENT]).await;
        let mut patient = config(&receiver.url());
        patient.get_mut("out").expect("the hook").timeout_s = 60;
        let hooks = hooks(&patient);
        let posts = (0..limits::HOOK_CONCURRENT).map(|_| post(&hooks));
        tokio::select! {
            _ = join_all(posts) => panic!("nobody answers these"),
            () = receiver.wait_requests(limits::HOOK_CONCURRENT) => {}
        }
        receiver.wait_closed().await;
        assert_eq!(post(&hooks).await, Ok(200));
    });
}

#[test]
fn m8_the_pause_before_the_retry_is_two_to_five_seconds_by_chance() {
    let pauses = Pauses { least: limits::HOOK_RETRY_LEAST, most: limits::HOOK_RETRY_MOST };
    let picked: Vec<Duration> = (0..500).map(|_| pauses.pick()).collect();
    assert!(picked.iter().all(|pause| (2.0..=5.0).contains(&pause.as_secs_f64())));
    assert!(
        picked.iter().any(|pause| pause.as_secs_f64() < 2.5) && picked.iter().any(|pause| pause.as_secs_f64() > 4.5)
    );
    // And it is kept: an attempt, the pause, an attempt.
    watched(async {
        let receiver = Receiver::start(vec![Answer::Status(500)]).await;
        let pause = Duration::from_millis(300);
        let hooks = WebHooks::pausing(&config(&receiver.url()), Pauses { least: pause, most: pause });
        let began = Instant::now();
        assert_eq!(post(&hooks).await, Ok(200));
        assert!(began.elapsed() >= pause);
    });
}
