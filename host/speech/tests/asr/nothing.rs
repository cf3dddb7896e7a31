//! Utterances in which nobody said anything (A.9).

use modehost_recogniser::{Kind, Step, doubao, funasr};
use modehost_speech::asr::{AsrEvent, Utterance};
use modehost_speech::vad::Voice;

use crate::scene::{Scene, outcome, ramp};

fn answering(kind: Kind, text: &str) -> Scene {
    let answer = match kind {
        Kind::Doubao => vec![Step::HearEnd, Step::Send(doubao::last(text))],
        Kind::FunAsr => vec![Step::HearEnd, Step::Say(funasr::offline(text))],
    };
    Scene::new(kind, &[answer])
}

/// What is made of an utterance with so many ms of clear and faint voice.
async fn heard(scene: &Scene, clear: u64, faint: u64) -> AsrEvent {
    let mut utterance = Utterance::begin(scene.recogniser.clone(), scene.terms);
    for piece in ramp(1800).chunks(960) {
        utterance.push(piece);
    }
    utterance.voice(Voice { clear: clear * 16, faint: faint * 16 });
    utterance.end();
    outcome(&mut utterance).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_without_a_voice_nobody_is_asked() {
    for kind in [Kind::Doubao, Kind::FunAsr] {
        let scene = answering(kind, "谢谢观看");
        assert_eq!(heard(&scene, 0, 0).await, AsrEvent::Final("".into()), "{kind:?}");
        assert_eq!(scene.service.heard().len(), 0, "{kind:?}");
        assert_eq!(heard(&scene, 0, 200).await, AsrEvent::Final("".into()), "{kind:?}: credits of a film");
        assert_eq!(scene.service.heard().len(), 1, "{kind:?}: somebody may have whispered");
        assert_eq!(heard(&scene, 900, 1000).await, AsrEvent::Final("谢谢观看".into()), "{kind:?}: somebody said it");
        assert_eq!(scene.service.heard()[1].pcm, ramp(1800), "{kind:?}: from the beginning");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_marks_of_recognisers_are_no_words() {
    for kind in [Kind::Doubao, Kind::FunAsr] {
        for (text, expected) in [
            ("。", ""),
            ("[BLANK_AUDIO]", ""),
            ("（笑声）", ""),
            ("<|zh|><|NEUTRAL|>今天天气怎么样", "今天天气怎么样"),
            ("附录（一）", "附录（一）"),
        ] {
            let scene = answering(kind, text);
            assert_eq!(heard(&scene, 900, 1000).await, AsrEvent::Final(expected.into()), "{kind:?}, {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_a_draft_of_nothing_is_not_shown() {
    let script = vec![
        Step::Hear(1),
        Step::Say(funasr::online("<|zh|>")),
        Step::Say(funasr::online("。")),
        Step::HearEnd,
        Step::Say(funasr::offline("<|zh|><|BGM|>🎼")),
    ];
    let scene = Scene::new(Kind::FunAsr, &[script]);
    let (drafts, heard) = outcome(&mut scene.say(400)).await;
    assert_eq!((drafts, heard), (vec![], AsrEvent::Final("".into())));
}
