//! Where utterances begin and end, in every listen mode. Rule: the recogniser returns the length of its audio.

use std::time::Duration;

use modehost_protocol::ListenMode::{Auto, Manual, Realtime};
use modehost_speech::config::VadConfig;
use modehost_speech::{AudioEvent, InputEvent};

use crate::test_host::{Script, TestHost, opus, recording, silence};

/// Longer than the debounce time of endpoints.
const DEBOUNCE: Duration = Duration::from_millis(320);

fn ms(pcm: &[i16]) -> usize {
    pcm.len() / 16
}

#[tokio::test]
async fn a1_manual_listening_is_bounded_by_the_device() {
    let mut host = TestHost::new(Script::Length);
    let speech = [silence(600), recording("weather"), silence(1200), recording("mark-done")].concat();
    host.start(Manual);
    host.say(&speech);
    tokio::time::sleep(DEBOUNCE).await;
    host.stop();
    let length = host.length().await;
    assert!(length.abs_diff(ms(&speech)) <= 60, "{length} of {} ms", ms(&speech));
}

#[tokio::test]
async fn a1_auto_and_realtime_listening_are_bounded_by_voice() {
    for mode in [Auto, Realtime] {
        let mut host = TestHost::new(Script::Length);
        let (one, other) = (recording("weather"), recording("refresh-tasks"));
        host.start(mode);
        host.say(&[silence(1500), one.clone(), silence(1500), other.clone(), silence(1500)].concat());
        for spoken in [one, other] {
            let length = host.length().await;
            // The pre-roll, and the end silence.
            let (least, most) = (ms(&spoken) + 700, ms(&spoken) + 300 + 96 + 700 + 200);
            assert!((least..=most).contains(&length), "{mode:?}: {length}, not {least} to {most} ms");
        }
    }
}

#[tokio::test]
async fn a1_a_device_may_listen_otherwise_the_next_time() {
    let mut host = TestHost::new(Script::Length);
    for mode in [Manual, Auto, Manual, Realtime, Manual] {
        host.start(mode);
        // Ends in the middle of a word, as when a button is released.
        host.say(&recording("refresh-tasks")[..900 * 16]);
        tokio::time::sleep(DEBOUNCE).await;
        match mode {
            Manual => host.stop(),
            _ => host.say(&silence(1000)),
        }
        assert!(host.length().await >= 840, "{mode:?}");
        tokio::time::sleep(DEBOUNCE).await;
    }
}

#[tokio::test]
async fn a1_sound_before_any_listen_is_heard() {
    let mut host = TestHost::new(Script::Length);
    host.say(&[recording("refresh-tasks"), silence(1000)].concat());
    assert!(host.length().await > 1000);
}

#[tokio::test]
async fn a1_a_wake_word_is_forgotten() {
    let mut host = TestHost::new(Script::Length);
    host.say(&recording("mark-done"));
    host.input.push(AudioEvent::Reset(1));
    host.start(Auto);
    let spoken = recording("weather");
    host.say(&[silence(300), spoken.clone(), silence(1000)].concat());
    let length = host.length().await;
    assert!(length.abs_diff(ms(&spoken) + 1000) < 400, "only the sentence: {length} ms");
}

#[tokio::test]
async fn a2_manual_listening_falls_back_to_voice() {
    let vad = VadConfig { manual_fallback_ms: 500, ..VadConfig::default() };
    let mut host = TestHost::with(Script::Length, vad);
    host.start(Manual);
    let spoken = recording("weather");
    host.say(&[spoken.clone(), silence(300)].concat());
    // After the fallback timeout, still without an endpoint.
    tokio::time::sleep(Duration::from_millis(600)).await;
    for _ in 0..2 {
        host.say(&[silence(2000), spoken.clone(), silence(2000)].concat());
    }
    for utterance in 0..3 {
        let length = host.length().await;
        assert!(length.abs_diff(ms(&spoken)) < 2600, "utterance {utterance}: {length} ms");
    }
}

#[tokio::test]
async fn a2_who_is_speaking_when_the_devices_rule_lapses_is_heard() {
    let vad = VadConfig { manual_fallback_ms: 500, ..VadConfig::default() };
    let mut host = TestHost::with(Script::Length, vad);
    // The device is the endpointing source, and no utterance is open.
    host.stop();
    let spoken = recording("weather");
    let (before, after) = spoken.split_at(1000 * 16);
    host.say(before);
    host.until(|host| host.input.is_idle()).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    host.say(&[after, &silence(1000)].concat());
    let (length, least) = (host.length().await, ms(after) + 300 + 700 - 100);
    assert!((least..least + 400).contains(&length), "the rest, with the pre-roll: {length} ms");
}

#[tokio::test]
async fn a1_an_utterance_that_is_handed_to_voice_ends_where_voice_has_ended() {
    for mode in [Auto, Realtime] {
        let mut host = TestHost::new(Script::Length);
        let spoken = [recording("weather"), silence(1000)].concat();
        host.start(Manual);
        host.say(&spoken);
        host.until(|host| host.input.is_idle()).await;
        tokio::time::sleep(DEBOUNCE).await;
        // Without a stop, and after the end of speech.
        host.start(mode);
        host.say(&silence(5000));
        let length = host.length().await;
        assert!(length.abs_diff(ms(&spoken)) < 100, "{mode:?}: it ends with the speech: {length} ms");
    }
}

#[tokio::test]
async fn a1_what_voice_discards_may_be_the_beginning_of_the_next() {
    let mut host = TestHost::new(Script::Length);
    host.start(Manual);
    host.say(&silence(600));
    let started = |host: &TestHost| host.recogniser.started.load(std::sync::atomic::Ordering::SeqCst);
    host.until(|host| host.input.is_idle()).await;
    host.start(Auto);
    let spoken = recording("weather");
    host.say(&[spoken.clone(), silence(1000)].concat());
    let (length, least) = (host.length().await, ms(&spoken) + 700 + 200);
    assert!(length >= least, "with the pre-roll: {length} of {least} ms");
    assert_eq!(started(&host), 1, "the utterance without voice started no attempt");
}

#[tokio::test]
async fn a1_a_device_that_falls_silent_has_ended() {
    let mut host = TestHost::new(Script::Length);
    host.start(Auto);
    let spoken = recording("refresh-tasks");
    host.say(&spoken);
    // Firmware sends nothing during playback; networks stall, too.
    assert!(host.length().await.abs_diff(ms(&spoken)) < 500);
}

#[tokio::test]
async fn a1_a_tap_on_the_button_opens_nothing() {
    let mut host = TestHost::new(Script::Length);
    host.start(Manual);
    host.stop();
    // The VAD is the source now.
    host.say(&[silence(500), recording("refresh-tasks"), silence(1000)].concat());
    assert!(host.length().await < 3000);
    let started = host.recogniser.started.load(std::sync::atomic::Ordering::SeqCst);
    assert!(started <= 2, "{started} utterances");
}

#[tokio::test]
async fn a1_an_utterance_without_end_is_cut() {
    let vad = VadConfig { max_utterance_s: 2, ..VadConfig::default() };
    let mut host = TestHost::with(Script::Length, vad);
    let spoken = [recording("weather"), recording("two-sentences")].concat();
    host.start(Manual);
    host.say(&spoken);
    tokio::time::sleep(DEBOUNCE).await;
    host.stop();
    let mut total = 0;
    while total + 120 < ms(&spoken) {
        let length = host.length().await;
        assert!(length <= 2100, "{length} ms");
        total += length;
    }
    assert!(total.abs_diff(ms(&spoken)) <= 120, "nothing is lost at the cut: {total} of {} ms", ms(&spoken));
}

#[tokio::test]
async fn a8_speech_over_speech_is_told_once_and_only_in_realtime() {
    let mut host = TestHost::new(Script::Nothing);
    host.start(Realtime);
    host.input.set_playing(true);
    host.say(&[silence(500), recording("weather"), silence(1000)].concat());
    assert_eq!(host.report().await, InputEvent::BargeIn);
    assert_eq!(&*host.transcript().await.text, "", "an empty transcript is reported");
    // Too short for a barge-in.
    host.say(&[silence(500), recording("weather")[..160 * 16].to_vec(), silence(1000)].concat());
    assert_eq!(&*host.transcript().await.text, "");

    let mut host = TestHost::new(Script::Length);
    host.start(Auto);
    host.input.set_playing(true);
    host.say(&[silence(500), recording("weather"), silence(1000)].concat());
    host.until(|host| host.input.is_idle()).await;
    host.input.set_playing(false);
    host.say(&[silence(500), recording("refresh-tasks"), silence(1000)].concat());
    assert!(host.length().await < 3200, "playback is not recognised");
}

#[tokio::test]
async fn a6_frames_of_all_lengths() {
    for frame in [20, 40, 60] {
        let mut host = TestHost::new(Script::Length);
        let spoken = recording("weather");
        host.start(Manual);
        for packet in opus(&spoken, frame) {
            host.input.push(AudioEvent::Packet(1, packet.into()));
        }
        tokio::time::sleep(DEBOUNCE).await;
        host.stop();
        assert!(host.length().await.abs_diff(ms(&spoken)) <= 60, "{frame} ms");
    }
}
