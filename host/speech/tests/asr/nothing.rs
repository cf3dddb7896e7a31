//! Utterances without speech (A.9). Rule: a service that was called is a failure unless the test says otherwise.

use modehost_recogniser::{Kind, Step, doubao, funasr};
use modehost_speech::asr::{AsrEvent, Utterance};
use modehost_speech::vad::Voice;

use crate::test_host::{TestHost, outcome, ramp};

fn answering(kind: Kind, text: &str) -> TestHost {
    let answer = match kind {
        Kind::Doubao => vec![Step::ReceiveEnd, Step::SendBinary(doubao::last_result(text))],
        Kind::FunAsr => vec![Step::ReceiveEnd, Step::SendText(funasr::offline(text))],
    };
    TestHost::new(kind, &[answer])
}

/// The outcome of an utterance with this much clear and faint voice, in ms.
async fn recognise(host: &TestHost, clear: u64, faint: u64) -> AsrEvent {
    let mut utterance = Utterance::start(host.recogniser.clone(), host.policy);
    for chunk in ramp(1800).chunks(960) {
        utterance.push(chunk);
    }
    utterance.add_voice(Voice { clear: clear * 16, faint: faint * 16 });
    utterance.end();
    outcome(&mut utterance).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_without_a_voice_nobody_is_asked() {
    for kind in [Kind::Doubao, Kind::FunAsr] {
        let host = answering(kind, "谢谢观看");
        assert_eq!(recognise(&host, 0, 0).await, AsrEvent::Final("".into()), "{kind:?}");
        assert_eq!(host.service.received().len(), 0, "{kind:?}");
        assert_eq!(recognise(&host, 0, 200).await, AsrEvent::Final("".into()), "{kind:?}: credits of a film");
        assert_eq!(host.service.received().len(), 1, "{kind:?}: a faint voice is sent");
        assert_eq!(
            recognise(&host, 900, 1000).await,
            AsrEvent::Final("谢谢观看".into()),
            "{kind:?}: a clear voice confirms it"
        );
        assert_eq!(host.service.received()[1].pcm, ramp(1800), "{kind:?}: from the beginning");
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
            let host = answering(kind, text);
            assert_eq!(recognise(&host, 900, 1000).await, AsrEvent::Final(expected.into()), "{kind:?}, {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_a_draft_of_nothing_is_not_shown() {
    let script = vec![
        Step::ReceivePackets(1),
        Step::SendText(funasr::online("<|zh|>")),
        Step::SendText(funasr::online("。")),
        Step::ReceiveEnd,
        Step::SendText(funasr::offline("<|zh|><|BGM|>🎼")),
    ];
    let host = TestHost::new(Kind::FunAsr, &[script]);
    let (partials, received) = outcome(&mut host.say(400)).await;
    assert_eq!((partials, received), (vec![], AsrEvent::Final("".into())));
}
