//! A FunASR runtime.

use std::time::{Duration, Instant};

use modehost_recogniser::funasr::{offline, online, stamped};
use modehost_recogniser::{Kind, Step};
use modehost_speech::FaultKind;
use modehost_speech::asr::AsrEvent;

use crate::scene::{Scene, outcome, ramp, text};

fn scene(scripts: &[Vec<Step>]) -> Scene {
    Scene::new(Kind::FunAsr, scripts)
}

fn say(text: String) -> Step {
    Step::Say(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_hears_an_utterance_in_two_passes() {
    let scene = scene(&[vec![
        Step::Hear(2),
        say(online("今天")),
        say(online("开会")),
        Step::HearEnd,
        say(offline("<|zh|><|NEUTRAL|><|Speech|>今天开会。")),
    ]]);
    let mut utterance = scene.say(1000);
    let (drafts, heard) = outcome(&mut utterance).await;
    assert_eq!(heard, AsrEvent::Final("今天开会。".into()));
    assert!(drafts.iter().all(|draft| ["今天", "今天开会", "今天开会。", ""].contains(&draft.as_str())), "{drafts:?}");
    scene.assert_right();
    let heard = &scene.service.heard()[0];
    assert_eq!(heard.pcm, ramp(1000));
    assert_eq!(heard.request["hotwords"], r#"{"modehost":20}"#, "JSON in a text");
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_funasr_is_told_the_end_at_once() {
    let scene = scene(&[vec![Step::HearEnd, say(offline("半句话"))]]);
    let mut utterance = scene.begin();
    utterance.push(&ramp(100));
    scene.service.wait_connections(1);
    let ended = Instant::now();
    utterance.end();
    assert_eq!(text(&mut utterance).await, "半句话");
    println!("funasr: {:?} from the end to the text", ended.elapsed());
    let marker = scene.service.heard()[0].ended.expect("a marker");
    // No time limit and no further sound was waited for.
    assert!(marker - ended < Duration::from_secs(2), "{:?}", marker - ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_sentences_follow_each_other_and_doubles_are_taken_once() {
    let scene = scene(&[vec![
        Step::Hear(2),
        say(stamped("第一句。", 0, 500)),
        say(stamped("第一句。", 0, 500)),
        Step::HearEnd,
        say(stamped("第一句。", 500, 900)),
        say(stamped("第三句。", 900, 1000)),
    ]]);
    assert_eq!(text(&mut scene.say(1000)).await, "第一句。第一句。第三句。", "said twice, at two times");
}

/// Later than a moment after the first one that came after the end.
#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_a_last_sentence_with_a_slow_second_pass_is_heard() {
    let slow = || Step::Wait(Duration::from_millis(600));
    let (one, other) = (stamped("第一句。", 0, 1000), stamped("第二句。", 2200, 2900));
    for (name, answers) in [
        ("by its stamp", vec![say(one.clone()), slow(), say(other.clone())]),
        ("by its draft", vec![say(offline("第一句。")), say(online("第二")), slow(), say(offline("第二句。"))]),
        ("after a double", vec![say(one.clone()), say(online("第二")), say(one), slow(), say(other)]),
    ] {
        let scene = scene(&[[vec![Step::HearEnd], answers].concat()]);
        assert_eq!(text(&mut scene.say(3000)).await, "第一句。第二句。", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_funasr_one_sentence_is_not_waited_for_longer_than_a_moment() {
    let at_once = offline("一句话。").replace("2pass-offline", "offline");
    for (name, answers) in [
        ("without a stamp", vec![say(offline("一句话。"))]),
        ("with the silence that ended it", vec![say(stamped("一句话。", 0, 2000))]),
        ("behind its draft", vec![say(online("一句")), say(offline("一句话。"))]),
        ("before a piece without words", vec![say(offline("一句话。")), say(online(""))]),
        ("all at once", vec![say(at_once.replace('}', r#","timestamp":"[[0,900]]"}"#))]),
    ] {
        let scene = scene(&[[vec![Step::HearEnd], answers].concat()]);
        let mut utterance = scene.say(3000);
        scene.service.wait_ended(1);
        let ended = Instant::now();
        assert_eq!(text(&mut utterance).await, "一句话。", "{name}");
        assert!(ended.elapsed() < Duration::from_secs(2), "{name}: {:?}", ended.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_drafts_count_where_the_second_pass_fails() {
    let scene = scene(&[vec![Step::Hear(1), say(online("只有草稿")), Step::HearEnd, Step::Close]]);
    assert_eq!(text(&mut scene.say(500)).await, "只有草稿");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_cut_before_the_end_is_opened_anew() {
    let scene = scene(&[vec![Step::Hear(2), Step::Cut], vec![Step::HearEnd, say(offline("都在"))]]);
    assert_eq!(text(&mut scene.say(800)).await, "都在");
    assert_eq!(scene.service.heard()[1].pcm, ramp(800), "all of it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_cut_after_a_sentence_repeats_none() {
    for (first, from) in [(stamped("第一句。", 0, 300), 300), (offline("第一句。"), 0)] {
        let again = if from == 0 { offline("第一句。第二句。") } else { offline("第二句。") };
        let scene = scene(&[vec![Step::Hear(4), say(first), Step::Cut], vec![Step::HearEnd, say(again)]]);
        let mut utterance = scene.begin();
        // What it hears before it breaks off, and not more, so that its words are not lost with the rest.
        utterance.push(&ramp(480));
        scene.service.wait_connections(2);
        utterance.push(&ramp(900)[480 * 16..]);
        utterance.end();
        assert_eq!(text(&mut utterance).await, "第一句。第二句。");
        assert_eq!(scene.service.heard()[1].pcm, ramp(900)[from * 16..], "what was acknowledged is not sent again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_failures_are_told_for_what_they_are() {
    for (script, kind) in [
        (vec![Step::HearEnd, say("no json".to_owned())], FaultKind::Garbled),
        (vec![Step::HearEnd, say("[]".to_owned())], FaultKind::Garbled),
        (vec![Step::Cut], FaultKind::Connection),
        (vec![Step::HearEnd, Step::Close], FaultKind::Connection),
        (vec![Step::Refuse(503)], FaultKind::Busy),
        (vec![Step::Refuse(403)], FaultKind::Unauthorized),
    ] {
        let shown = format!("{script:?}");
        let scene = scene(&[script]);
        match outcome(&mut scene.say(400)).await.1 {
            AsrEvent::Failed(fault) => assert_eq!(fault.kind, kind, "{shown}"),
            other => panic!("{shown}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_nobody_there_is_told() {
    let scene = scene(&[vec![]]);
    let recogniser = scene.recogniser.clone();
    drop(scene);
    let mut utterance = modehost_speech::asr::Utterance::begin(recogniser, crate::scene::TERMS);
    utterance.voice(crate::scene::CLEAR);
    utterance.push(&ramp(300));
    utterance.end();
    match outcome(&mut utterance).await.1 {
        AsrEvent::Failed(fault) => {
            assert_eq!(fault.kind, FaultKind::Connection);
            assert!(!fault.message.contains("127.0.0.1"), "addresses may hold secrets: {fault}");
        }
        other => panic!("{other:?}"),
    }
}

/// Anything in place of an answer: a text or a fault, and in time.
#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_arbitrary_answers_do_no_harm() {
    let mut random = fastrand::Rng::with_seed(5);
    for round in 0..60 {
        let mut answer: Vec<char> = stamped("<|zh|>一句话。", 1, 2).chars().collect();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..answer.len());
            answer[at] = random.char('\u{20}'..'\u{2fff}');
        }
        let mut scene = scene(&[vec![Step::HearEnd, say(answer.into_iter().collect()), Step::Close]]);
        scene.terms.retries = 0;
        let outcome = outcome(&mut scene.say(200)).await.1;
        assert!(matches!(outcome, AsrEvent::Final(_) | AsrEvent::Failed(_)), "{round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_funasr_that_takes_all_and_never_answers_has_failed() {
    let mut scene = scene(&[vec![Step::HearEnd]]);
    scene.terms.retries = 0;
    match outcome(&mut scene.say(400)).await.1 {
        AsrEvent::Failed(fault) => assert_eq!(fault.kind, FaultKind::TimedOut, "{fault}"),
        other => panic!("{other:?}"),
    }
    scene.service.wait_closed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_funasr_that_answers_with_nothing_heard_silence() {
    for answer in [offline(""), online(""), offline("<|nospeech|><|EMO_UNKNOWN|><|Speech|>"), offline("。")] {
        let scene = scene(&[vec![Step::HearEnd, say(answer.clone())]]);
        assert_eq!(outcome(&mut scene.say(400)).await.1, AsrEvent::Final("".into()), "{answer}");
    }
}
