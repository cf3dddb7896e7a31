//! Posts to a real HTTP server with socket failures. Rule: the server counts the requests that it received, so that a
//! missing or superfluous retry shows.

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
use super::{Config, HookConfig, Outcome, RetryDelay, WebHooks, sha8};

const BODY: &str = r#"{"event":"done","text":"完成 private words"}"#;
const SECRET: &str = "hush-hush";

fn config(url: &str) -> Config {
    let hook = HookConfig { url: url.into(), secret: Some(SECRET.into()), timeout_s: 1 };
    BTreeMap::from([("out".to_owned(), hook)])
}

fn hooks(config: &Config) -> Arc<WebHooks> {
    WebHooks::with_retry_delay(config, RetryDelay { min: Duration::from_millis(5), max: Duration::from_millis(10) })
}

async fn post(hooks: &WebHooks) -> Outcome {
    hooks.post("out", "Work", BODY.to_owned()).await
}

/// Metrics and log output of some work.
struct Recorded {
    metrics: String,
    log: String,
}

impl Recorded {
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

/// Runs the future on one thread with its own metrics recorder and log.
fn with_recorder<T>(work: impl Future<Output = T>) -> (T, Recorded) {
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
    (done, Recorded { metrics: recorder.handle().render(), log })
}

/// HMAC-SHA256 as defined in RFC 2104, so that the library is not tested against itself.
fn hmac(key: &[u8], body: &[u8]) -> String {
    assert!(key.len() <= 64);
    let padded = |pad: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).unwrap_or(&0) ^ pad).collect() };
    let inner = Sha256::digest([padded(0x36).as_slice(), body].concat());
    hex::encode(Sha256::digest([padded(0x5c).as_slice(), &inner[..]].concat()))
}

#[test]
fn m8_a_post_is_signed_json_and_told_in_one_line() {
    let (receiver, recorded) = with_recorder(async {
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
    assert_eq!((recorded.count("ok"), recorded.count("retry_ok"), recorded.count("fail")), (1, 0, 0));
    assert_eq!((recorded.lines("INFO"), recorded.lines("ERROR")), (1, 0), "{}", recorded.log);
    assert!(
        recorded.log.contains(&sha8(BODY.as_bytes())) && recorded.log.contains(&BODY.len().to_string()),
        "{}",
        recorded.log
    );
    assert!(!recorded.log.contains("private") && !recorded.log.contains(SECRET), "{}", recorded.log);
}

#[test]
fn m8_what_may_pass_is_tried_exactly_once_more() {
    let first = [Answer::Status(500), Answer::Status(503), Answer::Status(429), Answer::Status(408), Answer::Hang];
    for first in first.into_iter().chain([Answer::Reset, Answer::ResetMidHead]) {
        let name = format!("{first:?}");
        let (receiver, recorded) = with_recorder(async {
            let receiver = Receiver::start(vec![first, Answer::Status(200)]).await;
            assert_eq!(post(&hooks(&config(&receiver.url()))).await, Ok(200), "{name}");
            receiver
        });
        let requests = receiver.requests();
        assert_eq!(requests.len(), 2, "{name}");
        assert_eq!(requests[0].header("x-work-signature"), requests[1].header("x-work-signature"));
        assert_eq!((recorded.count("retry_ok"), recorded.count("fail")), (1, 0), "{name}");
        assert_eq!((recorded.lines("INFO"), recorded.lines("ERROR")), (1, 0), "{name}: {}", recorded.log);
    }
}

#[test]
fn m8_a_second_failure_is_the_last_and_one_error_line() {
    for (answer, failure) in [
        (Answer::Status(500), Failure::Unavailable),
        (Answer::Hang, Failure::TimedOut),
        (Answer::Reset, Failure::Unavailable),
    ] {
        let name = format!("{answer:?}");
        let (receiver, recorded) = with_recorder(async {
            let receiver = Receiver::start(vec![answer.clone(), answer.clone(), Answer::Status(200)]).await;
            let outcome = post(&hooks(&config(&receiver.url()))).await.expect_err(&name);
            assert_eq!(outcome.0, failure, "{outcome:?}");
            receiver
        });
        assert_eq!(receiver.requests().len(), 2, "{name}");
        assert_eq!((recorded.count("ok"), recorded.count("retry_ok"), recorded.count("fail")), (0, 0, 1), "{name}");
        assert_eq!((recorded.lines("INFO"), recorded.lines("ERROR")), (0, 1), "{name}: {}", recorded.log);
        assert!(!recorded.log.contains("private") && !recorded.log.contains(SECRET), "{}", recorded.log);
    }
}

#[test]
fn m8_what_will_not_pass_is_not_tried_again() {
    for status in [400, 401, 403, 404, 410, 422, 301, 307] {
        let (receiver, recorded) = with_recorder(async {
            let receiver = Receiver::start(vec![Answer::Status(status), Answer::Status(200)]).await;
            let outcome = post(&hooks(&config(&receiver.url()))).await.expect_err("refused");
            assert_eq!(outcome.0, Failure::Rejected, "{outcome:?}");
            assert!(outcome.1.contains(&status.to_string()), "{outcome:?}");
            receiver
        });
        assert_eq!(receiver.requests().len(), 1, "{status}");
        assert_eq!((recorded.count("fail"), recorded.lines("ERROR")), (1, 1), "{status}");
    }
}

#[test]
fn a_status_counts_even_if_the_answer_breaks_off_or_never_ends() {
    for answer in [Answer::CutMidBody, Answer::Endless] {
        let name = format!("{answer:?}");
        let (receiver, _) = with_recorder(async {
            let receiver = Receiver::start(vec![answer]).await;
            assert_eq!(post(&hooks(&config(&receiver.url()))).await, Ok(200), "{name}");
            receiver
        });
        assert_eq!(receiver.requests().len(), 1, "{name}");
    }
}

#[test]
fn nobody_there_and_no_such_hook_are_failures_without_secrets() {
    let (_, recorded) = with_recorder(async {
        let url = Receiver::unreachable_url().await;
        let hooks = hooks(&config(&url));
        let (failure, message) = post(&hooks).await.expect_err("no listener");
        assert_eq!(failure, Failure::Unavailable);
        assert!(!message.contains(&url), "{message}");
        let (failure, message) = hooks.post("absent", "Work", BODY.to_owned()).await.expect_err("no such hook");
        assert_eq!(failure, Failure::Unavailable);
        assert!(message.contains("hooks.absent.url"), "{message}");
        let (failure, _) = hooks.post("out", "not a name", BODY.to_owned()).await.expect_err("no such header");
        assert_eq!(failure, Failure::Rejected);
    });
    assert_eq!(recorded.lines("ERROR"), 3, "{}", recorded.log);
}

#[test]
fn changed_settings_hold_from_the_next_post() {
    with_recorder(async {
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
    with_recorder(async {
        let receiver = Receiver::start(vec![Answer::Slow; limits::HOOK_QUEUE * 2]).await;
        let hooks = hooks(&config(&receiver.url()));
        let outcomes = join_all((0..limits::HOOK_QUEUE * 2).map(|_| post(&hooks))).await;
        let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err((Failure::TooMany, _)))).count();
        assert_eq!(refused, limits::HOOK_QUEUE - limits::HOOK_CONCURRENT);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(200) | Err((Failure::TooMany, _)))));
        assert_eq!(receiver.max_concurrent(), limits::HOOK_CONCURRENT);
    });
}

#[test]
fn a_dropped_post_closes_its_connection_and_gives_its_turn_back() {
    with_recorder(async {
        let receiver = Receiver::start(vec![Answer::Hang; limits::HOOK_CONCURRENT]).await;
        let mut slow = config(&receiver.url());
        slow.get_mut("out").expect("the hook").timeout_s = 60;
        let hooks = hooks(&slow);
        let posts = (0..limits::HOOK_CONCURRENT).map(|_| post(&hooks));
        tokio::select! {
            _ = join_all(posts) => panic!("these are never answered"),
            () = receiver.wait_requests(limits::HOOK_CONCURRENT) => {}
        }
        receiver.wait_closed().await;
        assert_eq!(post(&hooks).await, Ok(200));
    });
}

#[test]
fn m8_the_pause_before_the_retry_is_two_to_five_seconds_by_chance() {
    let retry_delay = RetryDelay { min: limits::HOOK_RETRY_DELAY_MIN, max: limits::HOOK_RETRY_DELAY_MAX };
    let picked: Vec<Duration> = (0..500).map(|_| retry_delay.pick()).collect();
    assert!(picked.iter().all(|pause| (2.0..=5.0).contains(&pause.as_secs_f64())));
    assert!(
        picked.iter().any(|pause| pause.as_secs_f64() < 2.5) && picked.iter().any(|pause| pause.as_secs_f64() > 4.5)
    );
    // The delay is used: an attempt, the delay, a retry.
    with_recorder(async {
        let receiver = Receiver::start(vec![Answer::Status(500)]).await;
        let pause = Duration::from_millis(300);
        let hooks = WebHooks::with_retry_delay(&config(&receiver.url()), RetryDelay { min: pause, max: pause });
        let began = Instant::now();
        assert_eq!(post(&hooks).await, Ok(200));
        assert!(began.elapsed() >= pause);
    });
}
