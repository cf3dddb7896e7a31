//! Volcengine (Doubao) streaming recognition.

use std::time::{Duration, Instant};

use modehost_recogniser::doubao::{error, last, packed, plain, result};
use modehost_recogniser::{Kind, Step};
use modehost_speech::FaultKind;
use modehost_speech::asr::AsrEvent;

use crate::scene::{Scene, outcome, ramp, text};

fn scene(scripts: &[Vec<Step>]) -> Scene {
    Scene::new(Kind::Doubao, scripts)
}

fn fault(heard: AsrEvent) -> FaultKind {
    match heard {
        AsrEvent::Failed(fault) => fault.kind,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_hears_an_utterance() {
    let scene = scene(&[vec![
        Step::Hear(2),
        Step::Send(result(1, &[("今天", 0, 400, false)])),
        Step::Send(plain(&[("今天开会", 0, 600, false)])),
        Step::HearEnd,
        Step::Send(result(-3, &[("今天开会。", 0, 1000, true)])),
    ]]);
    let mut utterance = scene.say(1000);
    let (drafts, heard) = outcome(&mut utterance).await;
    assert_eq!(heard, AsrEvent::Final("今天开会。".into()));
    assert!(drafts.iter().all(|draft| "今天开会。".starts_with(draft.as_str())), "{drafts:?}");
    scene.assert_right();
    let heard = &scene.service.heard()[0];
    assert_eq!(heard.pcm, ramp(1000));
    assert!(heard.packets[..heard.packets.len() - 1].iter().all(|samples| *samples == 3200), "{:?}", heard.packets);
    assert_eq!(heard.headers["x-api-resource-id"], "volc.bigasr.sauc.duration");
    assert_eq!(heard.request["request"]["end_window_size"], 800);
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_doubao_is_told_the_end_at_once() {
    // It says nothing before it knows that the utterance is over, as with a push-to-talk half sentence.
    let scene = scene(&[vec![Step::HearEnd, Step::Send(last("半句话"))]]);
    let mut utterance = scene.begin();
    utterance.push(&ramp(100));
    scene.service.wait_connections(1);
    let ended = Instant::now();
    utterance.end();
    assert_eq!(text(&mut utterance).await, "半句话");
    println!("doubao: {:?} from the end to the text", ended.elapsed());
    let marker = scene.service.heard()[0].ended.expect("a marker");
    // No time limit and no further sound was waited for.
    assert!(marker - ended < Duration::from_secs(2), "{:?}", marker - ended);
    scene.assert_right();
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_settled_sentences_are_joined_and_taken_once() {
    let scene = scene(&[vec![
        Step::Hear(3),
        Step::Send(result(1, &[("第一句。", 0, 500, true)])),
        Step::Send(result(2, &[("第一句。", 0, 500, true)])),
        Step::Send(result(3, &[("第二", 500, 900, false)])),
        Step::HearEnd,
        Step::Send(result(-4, &[("第一句。", 0, 500, true), ("第二句。", 500, 1000, true)])),
    ]]);
    assert_eq!(text(&mut scene.say(1000)).await, "第一句。第二句。");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_cut_in_a_frame_loses_nothing_and_repeats_nothing() {
    let scene = scene(&[
        vec![Step::Hear(4), Step::Send(result(1, &[("第一句。", 0, 400, true)])), Step::Cut],
        vec![Step::HearEnd, Step::Send(last("第二句。"))],
    ]);
    let mut utterance = scene.begin();
    for piece in ramp(800).chunks(960) {
        utterance.push(piece);
    }
    scene.service.wait_connections(2);
    for piece in ramp(1600)[800 * 16..].chunks(960) {
        utterance.push(piece);
    }
    utterance.end();
    assert_eq!(text(&mut utterance).await, "第一句。第二句。");
    let heard = scene.service.heard();
    // What was acknowledged to 400 ms is not sent again, and all that followed is.
    assert_eq!(heard[1].pcm, ramp(1600)[400 * 16..]);
    scene.assert_right();
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_that_waited_too_long_is_opened_anew() {
    let scene = scene(&[
        vec![Step::Hear(1), Step::Send(error(45_000_081, "wait next packet timeout")), Step::Close],
        vec![Step::HearEnd, Step::Send(last("都在"))],
    ]);
    assert_eq!(text(&mut scene.say(600)).await, "都在");
    assert_eq!(scene.service.heard()[1].pcm, ramp(600));
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_failures_are_told_for_what_they_are() {
    let answer = |frame| vec![Step::HearEnd, Step::Send(frame)];
    for (script, kind, connections) in [
        (answer(error(45_000_001, "bad")), FaultKind::Refused, 1),
        (answer(error(55_000_031, "busy")), FaultKind::Busy, 3),
        (answer(error(55_000_001, "inside")), FaultKind::Connection, 3),
        (answer(vec![0xff; 50]), FaultKind::Garbled, 3),
        (answer(packed(b"no json")), FaultKind::Garbled, 3),
        (answer(packed(&vec![b' '; 8 << 20])), FaultKind::Garbled, 3),
        (vec![Step::Cut], FaultKind::Connection, 3),
        (vec![Step::Close], FaultKind::Connection, 3),
        (vec![Step::Refuse(401)], FaultKind::Unauthorized, 1),
        (vec![Step::Refuse(429)], FaultKind::Busy, 3),
        (vec![Step::Refuse(404)], FaultKind::Refused, 1),
    ] {
        let shown = format!("{:?}", script.first());
        let scene = scene(&[script]);
        let (_, heard) = outcome(&mut scene.say(400)).await;
        assert_eq!(fault(heard), kind, "{shown}");
        assert_eq!(scene.service.heard().len(), connections, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_that_heard_nothing_is_no_failure() {
    let scene = scene(&[vec![Step::HearEnd, Step::Send(error(45_000_002, "empty audio"))]]);
    assert_eq!(outcome(&mut scene.say(400)).await.1, AsrEvent::Final("".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_that_never_answers_is_given_up() {
    let mut scene = scene(&[vec![Step::HearEnd]]);
    scene.terms.timeout = Duration::from_millis(700);
    let began = Instant::now();
    assert_eq!(fault(outcome(&mut scene.say(400)).await.1), FaultKind::TimedOut);
    assert!(began.elapsed() < Duration::from_secs(5));
    scene.service.wait_closed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_doubao_endless_replies_are_bounded() {
    let mut scene = scene(&[vec![Step::Hear(1), Step::Flood(result(1, &[("一直说", 0, 1, false)]))]]);
    scene.terms.timeout = Duration::from_millis(700);
    let mut utterance = scene.say(400);
    // What is nobody's draft any more is not kept.
    assert!(matches!(outcome(&mut utterance).await.1, AsrEvent::Failed(_)));
    scene.service.wait_closed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_dropping_an_utterance_closes_its_stream() {
    let scene = scene(&[vec![Step::HearEnd]]);
    let utterance = scene.begin();
    utterance.push(&ramp(300));
    scene.service.wait_connections(1);
    drop(utterance);
    scene.service.wait_closed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_doubao_hears_the_hundredth_like_the_first() {
    let scene = scene(&[vec![Step::HearEnd, Step::Send(last("一样"))]]);
    for _ in 0..100 {
        assert_eq!(text(&mut scene.say(300)).await, "一样");
    }
    let heard = scene.service.heard();
    assert_eq!(heard.len(), 100, "one private stream each");
    assert!(heard.iter().all(|one| one.pcm == ramp(300) && one.wrong.is_none()));
}
