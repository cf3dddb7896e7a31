//! Volcengine (Doubao) streaming recognition. Rule: the service is scripted, frame by frame.

use std::time::{Duration, Instant};

use modehost_recogniser::doubao::{compressed, error, last_result, result, uncompressed_result};
use modehost_recogniser::{Kind, Step};
use modehost_speech::FaultKind;
use modehost_speech::asr::AsrEvent;

use crate::test_host::{TestHost, outcome, ramp, text};

fn host(scripts: &[Vec<Step>]) -> TestHost {
    TestHost::new(Kind::Doubao, scripts)
}

fn fault(received: AsrEvent) -> FaultKind {
    match received {
        AsrEvent::Failed(fault) => fault.kind,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_hears_an_utterance() {
    let host = host(&[vec![
        Step::ReceivePackets(2),
        Step::SendBinary(result(1, &[("今天", 0, 400, false)])),
        Step::SendBinary(uncompressed_result(&[("今天开会", 0, 600, false)])),
        Step::ReceiveEnd,
        Step::SendBinary(result(-3, &[("今天开会。", 0, 1000, true)])),
    ]]);
    let mut utterance = host.say(1000);
    let (partials, received) = outcome(&mut utterance).await;
    assert_eq!(received, AsrEvent::Final("今天开会。".into()));
    assert!(partials.iter().all(|partial| "今天开会。".starts_with(partial.as_str())), "{partials:?}");
    host.assert_protocol();
    let received = &host.service.received()[0];
    assert_eq!(received.pcm, ramp(1000));
    assert!(
        received.packets[..received.packets.len() - 1].iter().all(|samples| *samples == 3200),
        "{:?}",
        received.packets
    );
    assert_eq!(received.headers["x-api-resource-id"], "volc.bigasr.sauc.duration");
    assert_eq!(received.request["request"]["end_window_size"], 800);
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_doubao_is_told_the_end_at_once() {
    // The service answers only after the end of the utterance, as for push-to-talk.
    let host = host(&[vec![Step::ReceiveEnd, Step::SendBinary(last_result("半句话"))]]);
    let mut utterance = host.begin();
    utterance.push(&ramp(100));
    host.service.wait_connections(1);
    let ended = Instant::now();
    utterance.end();
    assert_eq!(text(&mut utterance).await, "半句话");
    println!("doubao: {:?} from the end to the text", ended.elapsed());
    let marker = host.service.received()[0].ended_at.expect("a marker");
    // Neither a timeout nor further audio was needed.
    assert!(marker - ended < Duration::from_secs(2), "{:?}", marker - ended);
    host.assert_protocol();
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_settled_sentences_are_joined_and_taken_once() {
    let host = host(&[vec![
        Step::ReceivePackets(3),
        Step::SendBinary(result(1, &[("第一句。", 0, 500, true)])),
        Step::SendBinary(result(2, &[("第一句。", 0, 500, true)])),
        Step::SendBinary(result(3, &[("第二", 500, 900, false)])),
        Step::ReceiveEnd,
        Step::SendBinary(result(-4, &[("第一句。", 0, 500, true), ("第二句。", 500, 1000, true)])),
    ]]);
    assert_eq!(text(&mut host.say(1000)).await, "第一句。第二句。");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_cut_in_a_frame_loses_nothing_and_repeats_nothing() {
    let host = host(&[
        vec![Step::ReceivePackets(4), Step::SendBinary(result(1, &[("第一句。", 0, 400, true)])), Step::Truncate],
        vec![Step::ReceiveEnd, Step::SendBinary(last_result("第二句。"))],
    ]);
    let mut utterance = host.begin();
    for chunk in ramp(800).chunks(960) {
        utterance.push(chunk);
    }
    host.service.wait_connections(2);
    for chunk in ramp(1600)[800 * 16..].chunks(960) {
        utterance.push(chunk);
    }
    utterance.end();
    assert_eq!(text(&mut utterance).await, "第一句。第二句。");
    let received = host.service.received();
    // Audio acknowledged up to 400 ms is not sent again, and everything behind it is.
    assert_eq!(received[1].pcm, ramp(1600)[400 * 16..]);
    host.assert_protocol();
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_that_waited_too_long_is_opened_anew() {
    let host = host(&[
        vec![Step::ReceivePackets(1), Step::SendBinary(error(45_000_081, "wait next packet timeout")), Step::Close],
        vec![Step::ReceiveEnd, Step::SendBinary(last_result("都在"))],
    ]);
    assert_eq!(text(&mut host.say(600)).await, "都在");
    assert_eq!(host.service.received()[1].pcm, ramp(600));
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_failures_are_told_for_what_they_are() {
    let answer = |frame| vec![Step::ReceiveEnd, Step::SendBinary(frame)];
    for (script, kind, connections) in [
        (answer(error(45_000_001, "bad")), FaultKind::Rejected, 1),
        (answer(error(55_000_031, "busy")), FaultKind::Busy, 3),
        (answer(error(55_000_001, "inside")), FaultKind::Connection, 3),
        (answer(vec![0xff; 50]), FaultKind::Malformed, 3),
        (answer(compressed(b"no json")), FaultKind::Malformed, 3),
        (answer(compressed(&vec![b' '; 8 << 20])), FaultKind::Malformed, 3),
        (vec![Step::Truncate], FaultKind::Connection, 3),
        (vec![Step::Close], FaultKind::Connection, 3),
        (vec![Step::Refuse(401)], FaultKind::Unauthorized, 1),
        (vec![Step::Refuse(429)], FaultKind::Busy, 3),
        (vec![Step::Refuse(404)], FaultKind::Rejected, 1),
    ] {
        let shown = format!("{:?}", script.first());
        let host = host(&[script]);
        let (_, received) = outcome(&mut host.say(400)).await;
        assert_eq!(fault(received), kind, "{shown}");
        assert_eq!(host.service.received().len(), connections, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_that_heard_nothing_is_no_failure() {
    let host = host(&[vec![Step::ReceiveEnd, Step::SendBinary(error(45_000_002, "empty audio"))]]);
    assert_eq!(outcome(&mut host.say(400)).await.1, AsrEvent::Final("".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_that_never_answers_is_given_up() {
    let mut host = host(&[vec![Step::ReceiveEnd]]);
    host.policy.timeout = Duration::from_millis(700);
    let began = Instant::now();
    assert_eq!(fault(outcome(&mut host.say(400)).await.1), FaultKind::TimedOut);
    assert!(began.elapsed() < Duration::from_secs(5));
    host.service.wait_closed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_endless_replies_are_bounded() {
    let mut host = host(&[vec![Step::ReceivePackets(1), Step::Flood(result(1, &[("一直说", 0, 1, false)]))]]);
    host.policy.timeout = Duration::from_millis(700);
    let mut utterance = host.say(400);
    // Stale partial results are dropped.
    assert!(matches!(outcome(&mut utterance).await.1, AsrEvent::Failed(_)));
    host.service.wait_closed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_dropping_an_utterance_closes_its_stream() {
    let host = host(&[vec![Step::ReceiveEnd]]);
    let utterance = host.begin();
    utterance.push(&ramp(300));
    host.service.wait_connections(1);
    drop(utterance);
    host.service.wait_closed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_doubao_hears_the_hundredth_like_the_first() {
    let host = host(&[vec![Step::ReceiveEnd, Step::SendBinary(last_result("一样"))]]);
    for _ in 0..100 {
        assert_eq!(text(&mut host.say(300)).await, "一样");
    }
    let received = host.service.received();
    assert_eq!(received.len(), 100, "one private stream each");
    assert!(received.iter().all(|one| one.pcm == ramp(300) && one.violation.is_none()));
}
