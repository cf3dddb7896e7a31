//! Streams of a recogniser: which utterance they belong to, and how they end. Rule: one stream per utterance.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use modehost_protocol::ListenMode::{Auto, Manual};
use modehost_protocol::{AudioFormat, Codec};
use modehost_speech::config::VadConfig;
use modehost_speech::resample::Resample;
use modehost_speech::vad::{Change, Earshot, Thresholds, Vad};
use modehost_speech::{AudioEvent, FaultKind, InputEvent};

use crate::test_host::{Script, TestHost, opus, recording, silence};

const DEBOUNCE: Duration = Duration::from_millis(320);

async fn utterance(host: &TestHost) {
    host.start(Manual);
    host.say(&recording("refresh-tasks"));
    tokio::time::sleep(DEBOUNCE).await;
    host.stop();
    tokio::time::sleep(DEBOUNCE).await;
}

#[tokio::test]
async fn a3_the_end_is_told_at_once() {
    // The VAD would need five seconds of silence.
    let vad = VadConfig { end_silence_ms: 5000, ..VadConfig::default() };
    let mut host = TestHost::with(Script::Length, vad);
    host.start(Manual);
    host.say(&recording("weather"));
    tokio::time::sleep(DEBOUNCE).await;
    let stopped = std::time::Instant::now();
    host.stop();
    host.transcript().await;
    assert!(stopped.elapsed() < Duration::from_millis(2500), "{:?}", stopped.elapsed());
}

#[tokio::test]
async fn a4_the_hundredth_utterance_is_heard_like_the_first() {
    let mut host = TestHost::new(Script::Length);
    host.start(Auto);
    let spoken = [silence(400), recording("refresh-tasks"), silence(900)].concat();
    let mut lengths = Vec::new();
    for _ in 0..100 {
        host.say(&spoken);
        lengths.push(host.length().await);
        // A mode ends, and the next one begins.
        host.input.push(AudioEvent::Reset(1));
    }
    let (least, most) = (lengths.iter().min().expect("100"), lengths.iter().max().expect("100"));
    assert!(most - least <= 120, "{lengths:?}");
    host.until(|host| host.recogniser.ended.load(SeqCst) == 100).await;
    assert_eq!(host.recogniser.started.load(SeqCst), 100, "one stream each");
}

#[tokio::test]
async fn a4_forgetting_closes_the_stream() {
    let mut host = TestHost::new(Script::Never);
    host.start(Manual);
    host.say(&recording("weather"));
    host.until(|host| host.recogniser.started.load(SeqCst) == 1).await;
    host.input.push(AudioEvent::Reset(1));
    host.until(|host| host.recogniser.ended.load(SeqCst) == 1).await;
    *host.recogniser.script.lock() = Script::Length;
    tokio::time::sleep(DEBOUNCE).await;
    utterance(&host).await;
    assert!(host.length().await.abs_diff(1080) < 100, "only speech after it");
}

#[tokio::test]
async fn c7_an_ear_that_is_dropped_leaves_no_stream() {
    let host = TestHost::new(Script::Never);
    host.start(Manual);
    host.say(&recording("weather"));
    host.until(|host| host.recogniser.started.load(SeqCst) == 1).await;
    let TestHost { input, recogniser, .. } = host;
    drop(input);
    let ended = async {
        while recogniser.ended.load(SeqCst) < 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::test_host::DEADLINE, ended).await.expect("the stream has ended");
}

#[tokio::test]
async fn c3_what_was_said_last_survives_the_connection() {
    let mut host = TestHost::new(Script::Length);
    host.start(Auto);
    host.say(&[silence(300), recording("weather")].concat());
    host.input.push(AudioEvent::Disconnected(1));
    assert!(host.length().await > 3000);
}

/// For a client that never sends `listen`, the VAD is the source on its next connection as well.
#[tokio::test]
async fn c3_who_breaks_off_in_mid_sentence_is_heard_after_the_return() {
    let mut host = TestHost::new(Script::Length);
    let spoken = recording("weather");
    host.say(&spoken[..2000 * 16]);
    host.input.push(AudioEvent::Disconnected(1));
    assert!(host.length().await.abs_diff(2000) < 100, "speech before the disconnect");
    for packet in opus(&[spoken, silence(1000)].concat(), 60) {
        host.input.push(AudioEvent::Packet(2, packet.into()));
    }
    assert!(host.length().await > 3400, "speech after the disconnect");
}

#[tokio::test]
async fn c4_an_older_connection_is_not_heard_over_a_newer_one() {
    let mut host = TestHost::new(Script::Length);
    host.input.push(AudioEvent::Endpoint(2, Some(Manual)));
    for packet in opus(&recording("weather"), 60) {
        host.input.push(AudioEvent::Packet(1, packet.clone().into()));
        host.input.push(AudioEvent::Packet(2, packet.into()));
    }
    tokio::time::sleep(DEBOUNCE).await;
    host.input.push(AudioEvent::Endpoint(1, None));
    host.input.push(AudioEvent::Endpoint(2, None));
    assert!(host.length().await.abs_diff(3452) <= 60);
}

#[tokio::test]
async fn a6_a_failure_is_told_and_the_next_utterance_is_heard() {
    let mut host = TestHost::new(Script::Failure);
    utterance(&host).await;
    match host.report().await {
        InputEvent::Failed(fault) => assert_eq!(fault.kind, FaultKind::Rejected),
        other => panic!("{other:?}"),
    }
    *host.recogniser.script.lock() = Script::Length;
    utterance(&host).await;
    assert!(host.length().await > 1000);
}

#[tokio::test]
async fn a6_what_was_settled_before_the_recogniser_gave_up_is_told_and_the_rest_of_the_press_heard() {
    let mut host = TestHost::new(Script::Sentence);
    host.start(Manual);
    host.say(&recording("mark-done")[..300 * 16]);
    let said = host.transcript().await;
    assert_eq!(&*said.text, "第一句。");
    assert!(said.start_ms <= said.end_ms, "{said:?}");
    match host.report().await {
        InputEvent::Failed(fault) => assert_eq!(fault.kind, FaultKind::Rejected, "the cause of the failure"),
        other => panic!("{other:?}"),
    }
    *host.recogniser.script.lock() = Script::Length;
    let spoken = recording("weather");
    host.say(&spoken);
    host.until(|host| host.input.is_idle()).await;
    tokio::time::sleep(DEBOUNCE).await;
    // Still pressed, and ended by the button: no silence follows.
    host.stop();
    let length = host.length().await;
    assert!(length.abs_diff(spoken.len() / 16) < 200, "all of the rest: {length} ms");
}

#[tokio::test]
async fn a7_drafts_come_before_the_text() {
    let mut host = TestHost::new(Script::Drafts);
    utterance(&host).await;
    let InputEvent::Transcript(first) = host.report().await else { panic!("no transcript") };
    assert!(!first.is_final && first.text.ends_with('…'), "{first:?}");
    let last = host.transcript().await;
    assert!(last.start_ms < last.end_ms && last.end_ms - last.start_ms < 2000, "{last:?}");
    assert_eq!(&*last.source, "scripted");
}

#[tokio::test]
async fn texts_come_in_the_order_of_what_was_said() {
    let mut host = TestHost::new(Script::Length);
    for name in ["weather", "refresh-tasks", "mark-done"] {
        host.start(Manual);
        host.say(&recording(name));
        tokio::time::sleep(DEBOUNCE).await;
        host.stop();
        tokio::time::sleep(DEBOUNCE).await;
    }
    let lengths = [host.length().await, host.length().await, host.length().await];
    assert!(lengths[0] > lengths[1] && lengths[1] > lengths[2], "{lengths:?}");
}

#[tokio::test]
async fn a6_a_word_and_its_end_in_one_packet_are_heard() {
    let vad = VadConfig { end_silence_ms: 300, ..VadConfig::default() };
    let mut host = TestHost::with(Script::Length, vad);
    host.input.push(AudioEvent::Format(1, AudioFormat { codec: Codec::Pcm, sample_rate: 16_000 }));
    // Packets of a second: a word and its end in one packet, then again, and a word across two packets.
    let word = recording("refresh-tasks")[..400 * 16].to_vec();
    let three = [&word, &silence(600), &word, &silence(1000), &word, &silence(600)].map(Vec::as_slice).concat();
    for packet in three.chunks(16_000) {
        let bytes: Vec<u8> = packet.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        host.input.push(AudioEvent::Packet(1, bytes.into()));
    }
    // The end silence, and the pre-roll where there was audio before.
    for right in [400 + 300, 300 + 400 + 300, 300 + 400 + 300] {
        let length = host.length().await;
        assert!(length.abs_diff(right) < 120, "a word and not the rest of its packet: {length}, not {right} ms");
    }
}

/// Where endpoints follow each other closely, one packet contains several, in either order.
#[tokio::test]
async fn a6_every_boundary_of_a_packet_counts() {
    let vad = VadConfig { start_ms: 16, end_silence_ms: 100, ..VadConfig::default() };
    let word = recording("refresh-tasks")[..400 * 16].to_vec();
    for pause in (100..260).step_by(4) {
        let pcm = [&word, &silence(pause), &word, &silence(600)].map(Vec::as_slice).concat();
        let (mut ends, mut activity) = (0, Vad::new(Box::<Earshot>::default()));
        activity.push(&pcm, &Thresholds::from(&vad), |change| ends += usize::from(matches!(change, Change::Ended(_))));
        let mut host = TestHost::with(Script::Length, vad.clone());
        host.input.push(AudioEvent::Format(1, AudioFormat { codec: Codec::Pcm, sample_rate: 16_000 }));
        for packet in pcm.chunks(16_000) {
            let bytes: Vec<u8> = packet.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            host.input.push(AudioEvent::Packet(1, bytes.into()));
        }
        for _ in 0..ends {
            host.length().await;
        }
    }
}

#[tokio::test]
async fn a6_pcm_where_hello_says_so() {
    for rate in [16_000_u32, 48_000, 8_000, 44_100] {
        let mut host = TestHost::new(Script::Length);
        host.input.push(AudioEvent::Format(1, AudioFormat { codec: Codec::Pcm, sample_rate: rate }));
        host.start(Manual);
        let (mut resample, mut pcm) = (Resample::new(16_000, rate), Vec::new());
        resample.push(&recording("weather")[..1980 * 16], &mut pcm);
        resample.finish(&mut pcm);
        // In frames of 60 ms.
        for frame in pcm.chunks(rate as usize * 60 / 1000) {
            let frame: Vec<u8> = frame.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            host.input.push(AudioEvent::Packet(1, frame.into()));
        }
        tokio::time::sleep(DEBOUNCE).await;
        host.stop();
        let length = host.length().await;
        assert!(length.abs_diff(1980) <= 40, "{rate} Hz: {length} ms");
    }
}

#[tokio::test]
async fn a9_a_silent_press_is_nothing_that_anybody_is_asked_about() {
    let mut random = fastrand::Rng::with_seed(2);
    let fan: Vec<i16> = (0..1800 * 16).map(|_| random.i16(-200..200)).collect();
    for (name, quiet) in [("silence", silence(1800)), ("a fan", fan)] {
        let mut host = TestHost::new(Script::Length);
        host.start(Manual);
        host.say(&quiet);
        tokio::time::sleep(DEBOUNCE).await;
        host.stop();
        assert_eq!(host.report().await, InputEvent::SilentPress, "{name}");
        assert_eq!(host.recogniser.started.load(SeqCst), 0, "{name}");
        // The next press with speech is recognised completely.
        tokio::time::sleep(DEBOUNCE).await;
        utterance(&host).await;
        assert!(host.length().await.abs_diff(1080) < 100, "{name}");
    }
}

#[tokio::test]
async fn a9_who_whispers_into_a_press_is_heard_from_its_beginning() {
    let mut host = TestHost::new(Script::Length);
    let soft: Vec<i16> = recording("weather").iter().map(|sample| sample / 60).collect();
    let pressed = [silence(900), soft, silence(600)].concat();
    host.start(Manual);
    host.say(&pressed);
    tokio::time::sleep(DEBOUNCE).await;
    host.stop();
    let length = host.length().await;
    assert!(length.abs_diff(pressed.len() / 16) <= 60, "{length} ms");
}

#[tokio::test]
async fn a6_a_sentence_that_a_recogniser_refuses_fails_once() {
    for mode in [Manual, Auto] {
        let mut host = TestHost::new(Script::Refusal);
        host.start(mode);
        host.say(&[recording("weather"), silence(1000)].concat());
        if mode == Manual {
            tokio::time::sleep(DEBOUNCE).await;
            host.stop();
        }
        assert!(matches!(host.report().await, InputEvent::Failed(_)), "{mode:?}");
        host.until(|host| host.input.is_idle()).await;
        let mut more = std::iter::from_fn(|| host.reports.try_recv().ok());
        assert!(more.all(|(_, report)| report == InputEvent::Idle), "{mode:?}: once");
        assert_eq!(host.recogniser.started.load(SeqCst), 1, "{mode:?}");
    }
}
