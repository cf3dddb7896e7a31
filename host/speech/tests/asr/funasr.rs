//! A FunASR runtime. Rule: the service is scripted, message by message.

use std::time::{Duration, Instant};

use modehost_recogniser::funasr::{offline, offline_with_timestamp, online};
use modehost_recogniser::{Kind, Step};
use modehost_speech::FaultKind;
use modehost_speech::asr::AsrEvent;

use crate::test_host::{TestHost, outcome, ramp, text};

fn host(scripts: &[Vec<Step>]) -> TestHost {
    TestHost::new(Kind::FunAsr, scripts)
}

fn say(text: String) -> Step {
    Step::SendText(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_hears_an_utterance_in_two_passes() {
    let host = host(&[vec![
        Step::ReceivePackets(2),
        say(online("今天")),
        say(online("开会")),
        Step::ReceiveEnd,
        say(offline("<|zh|><|NEUTRAL|><|Speech|>今天开会。")),
    ]]);
    let mut utterance = host.say(1000);
    let (partials, received) = outcome(&mut utterance).await;
    assert_eq!(received, AsrEvent::Final("今天开会。".into()));
    assert!(
        partials.iter().all(|partial| ["今天", "今天开会", "今天开会。", ""].contains(&partial.as_str())),
        "{partials:?}"
    );
    host.assert_protocol();
    let received = &host.service.received()[0];
    assert_eq!(received.pcm, ramp(1000));
    assert_eq!(received.request["hotwords"], r#"{"modehost":20}"#, "JSON encoded as a string");
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_funasr_is_told_the_end_at_once() {
    let host = host(&[vec![Step::ReceiveEnd, say(offline("半句话"))]]);
    let mut utterance = host.begin();
    utterance.push(&ramp(100));
    host.service.wait_connections(1);
    let ended = Instant::now();
    utterance.end();
    assert_eq!(text(&mut utterance).await, "半句话");
    println!("funasr: {:?} from the end to the text", ended.elapsed());
    let marker = host.service.received()[0].ended_at.expect("a marker");
    // Neither a timeout nor further audio was needed.
    assert!(marker - ended < Duration::from_secs(2), "{:?}", marker - ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_sentences_follow_each_other_and_doubles_are_taken_once() {
    let host = host(&[vec![
        Step::ReceivePackets(2),
        say(offline_with_timestamp("第一句。", 0, 500)),
        say(offline_with_timestamp("第一句。", 0, 500)),
        Step::ReceiveEnd,
        say(offline_with_timestamp("第一句。", 500, 900)),
        say(offline_with_timestamp("第三句。", 900, 1000)),
    ]]);
    assert_eq!(
        text(&mut host.say(1000)).await,
        "第一句。第一句。第三句。",
        "the same words at two timestamps count twice"
    );
}

/// It arrives later than the short wait after the first sentence behind the end marker.
#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_a_last_sentence_with_a_slow_second_pass_is_heard() {
    let slow = || Step::Delay(Duration::from_millis(600));
    let (one, other) = (offline_with_timestamp("第一句。", 0, 1000), offline_with_timestamp("第二句。", 2200, 2900));
    for (name, answers) in [
        ("by its stamp", vec![say(one.clone()), slow(), say(other.clone())]),
        ("by its partial text", vec![say(offline("第一句。")), say(online("第二")), slow(), say(offline("第二句。"))]),
        ("after a double", vec![say(one.clone()), say(online("第二")), say(one), slow(), say(other)]),
    ] {
        let host = host(&[[vec![Step::ReceiveEnd], answers].concat()]);
        assert_eq!(text(&mut host.say(3000)).await, "第一句。第二句。", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_funasr_one_sentence_is_not_waited_for_longer_than_a_moment() {
    let at_once = offline("一句话。").replace("2pass-offline", "offline");
    for (name, answers) in [
        ("without a stamp", vec![say(offline("一句话。"))]),
        ("with the silence that ended it", vec![say(offline_with_timestamp("一句话。", 0, 2000))]),
        ("behind its partial text", vec![say(online("一句")), say(offline("一句话。"))]),
        ("before an empty partial text", vec![say(offline("一句话。")), say(online(""))]),
        ("all at once", vec![say(at_once.replace('}', r#","timestamp":"[[0,900]]"}"#))]),
    ] {
        let host = host(&[[vec![Step::ReceiveEnd], answers].concat()]);
        let mut utterance = host.say(3000);
        host.service.wait_ended(1);
        let ended = Instant::now();
        assert_eq!(text(&mut utterance).await, "一句话。", "{name}");
        assert!(ended.elapsed() < Duration::from_secs(2), "{name}: {:?}", ended.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_drafts_count_where_the_second_pass_fails() {
    let host = host(&[vec![Step::ReceivePackets(1), say(online("只有草稿")), Step::ReceiveEnd, Step::Close]]);
    assert_eq!(text(&mut host.say(500)).await, "只有草稿");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_cut_before_the_end_is_opened_anew() {
    let host = host(&[vec![Step::ReceivePackets(2), Step::Truncate], vec![Step::ReceiveEnd, say(offline("都在"))]]);
    assert_eq!(text(&mut host.say(800)).await, "都在");
    assert_eq!(host.service.received()[1].pcm, ramp(800), "all of it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_cut_after_a_sentence_repeats_none() {
    for (first, from) in [(offline_with_timestamp("第一句。", 0, 300), 300), (offline("第一句。"), 0)] {
        let again = if from == 0 { offline("第一句。第二句。") } else { offline("第二句。") };
        let host =
            host(&[vec![Step::ReceivePackets(4), say(first), Step::Truncate], vec![Step::ReceiveEnd, say(again)]]);
        let mut utterance = host.begin();
        // As much as the service reads before it disconnects, so that its text is not lost with the rest.
        utterance.push(&ramp(480));
        host.service.wait_connections(2);
        utterance.push(&ramp(900)[480 * 16..]);
        utterance.end();
        assert_eq!(text(&mut utterance).await, "第一句。第二句。");
        assert_eq!(host.service.received()[1].pcm, ramp(900)[from * 16..], "what was acknowledged is not sent again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_failures_are_told_for_what_they_are() {
    for (script, kind) in [
        (vec![Step::ReceiveEnd, say("no json".to_owned())], FaultKind::Malformed),
        (vec![Step::ReceiveEnd, say("[]".to_owned())], FaultKind::Malformed),
        (vec![Step::Truncate], FaultKind::Connection),
        (vec![Step::ReceiveEnd, Step::Close], FaultKind::Connection),
        (vec![Step::Refuse(503)], FaultKind::Busy),
        (vec![Step::Refuse(403)], FaultKind::Unauthorized),
    ] {
        let shown = format!("{script:?}");
        let host = host(&[script]);
        match outcome(&mut host.say(400)).await.1 {
            AsrEvent::Failed(fault) => assert_eq!(fault.kind, kind, "{shown}"),
            other => panic!("{shown}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_nobody_there_is_told() {
    let host = host(&[vec![]]);
    let recogniser = host.recogniser.clone();
    drop(host);
    let mut utterance = modehost_speech::asr::Utterance::start(recogniser, crate::test_host::POLICY);
    utterance.add_voice(crate::test_host::CLEAR);
    utterance.push(&ramp(300));
    utterance.end();
    match outcome(&mut utterance).await.1 {
        AsrEvent::Failed(fault) => {
            assert_eq!(fault.kind, FaultKind::Connection);
            assert!(!fault.message.contains("127.0.0.1"), "addresses may contain secrets: {fault}");
        }
        other => panic!("{other:?}"),
    }
}

/// Any bytes in place of a response: the outcome is a text or a fault, in time.
#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_arbitrary_answers_do_no_harm() {
    let mut random = fastrand::Rng::with_seed(5);
    for round in 0..60 {
        let mut answer: Vec<char> = offline_with_timestamp("<|zh|>一句话。", 1, 2).chars().collect();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..answer.len());
            answer[at] = random.char('\u{20}'..'\u{2fff}');
        }
        let mut host = host(&[vec![Step::ReceiveEnd, say(answer.into_iter().collect()), Step::Close]]);
        host.policy.retries = 0;
        let outcome = outcome(&mut host.say(200)).await.1;
        assert!(matches!(outcome, AsrEvent::Final(_) | AsrEvent::Failed(_)), "{round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_that_takes_all_and_never_answers_has_failed() {
    let mut host = host(&[vec![Step::ReceiveEnd]]);
    host.policy.retries = 0;
    match outcome(&mut host.say(400)).await.1 {
        AsrEvent::Failed(fault) => assert_eq!(fault.kind, FaultKind::TimedOut, "{fault}"),
        other => panic!("{other:?}"),
    }
    host.service.wait_closed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_funasr_that_answers_with_nothing_heard_silence() {
    for answer in [offline(""), online(""), offline("<|nospeech|><|EMO_UNKNOWN|><|Speech|>"), offline("。")] {
        let host = host(&[vec![Step::ReceiveEnd, say(answer.clone())]]);
        assert_eq!(outcome(&mut host.say(400)).await.1, AsrEvent::Final("".into()), "{answer}");
    }
}
