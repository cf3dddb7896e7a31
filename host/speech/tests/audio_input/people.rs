//! How people hold a button, pause and continue (A.9, A.10, C.16): the transcripts, and what the session is notified of
//! meanwhile. Rule: a press is audio between `listen start` and `listen stop`.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use modehost_protocol::ListenMode::{Auto, Manual, Realtime};
use modehost_speech::config::VadConfig;
use modehost_speech::{AudioEvent, InputEvent, InputState};

use crate::test_host::{Script, TestHost, recording, silence};

/// Longer than the debounce time of endpoints.
const DEBOUNCE: Duration = Duration::from_millis(320);

fn ms(pcm: &[i16]) -> usize {
    pcm.len() / 16
}

async fn press(host: &TestHost, pcm: &[i16]) {
    tokio::time::sleep(DEBOUNCE).await;
    host.start(Manual);
    host.say(pcm);
    tokio::time::sleep(DEBOUNCE).await;
    host.stop();
}

#[tokio::test]
async fn a10_a_held_button_is_one_utterance_once_the_device_is_known_to_let_go() {
    let mut host = TestHost::new(Script::Length);
    let spoken = [recording("weather"), silence(4000), recording("mark-done")].concat();
    press(&host, &recording("weather")).await;
    host.length().await;
    assert!(host.notes.lock().contains(&InputState::DeviceSendsStop), "the session is notified");
    press(&host, &spoken).await;
    let length = host.length().await;
    assert!(length.abs_diff(ms(&spoken)) <= 60, "{length} of {} ms: a pause is not the end", ms(&spoken));
}

#[tokio::test]
async fn a10_a_device_known_from_before_is_trusted_at_its_first_press() {
    let mut host = TestHost::new(Script::Length);
    host.input.set_sends_stop();
    let spoken = [recording("weather"), silence(4000), recording("mark-done")].concat();
    press(&host, &spoken).await;
    assert!(host.length().await.abs_diff(ms(&spoken)) <= 60);
}

#[tokio::test]
async fn a10_of_a_device_that_has_never_let_go_silence_ends_a_press() {
    let mut host = TestHost::new(Script::Length);
    host.start(Manual);
    let spoken = recording("weather");
    host.say(&[spoken.clone(), silence(1300), spoken.clone(), silence(2500)].concat());
    let (length, expected) = (host.length().await, 2 * ms(&spoken) + 1300 + 1750);
    assert!(length.abs_diff(expected) < 300, "1.3 s of silence do not end the press, 1.75 s do: {length} ms");
}

#[tokio::test]
async fn a9_a_press_in_which_nobody_speaks_is_told_and_asks_nobody() {
    let mut host = TestHost::new(Script::Length);
    press(&host, &silence(1000)).await;
    assert_eq!(host.report().await, InputEvent::SilentPress);
    assert_eq!(host.recogniser.started.load(SeqCst), 0);
    press(&host, &recording("weather")).await;
    assert!(host.length().await > 1000, "the next press is recognised");
}

#[tokio::test]
async fn c16_what_is_divided_is_heard_to_its_end_and_belongs_to_the_time_before() {
    let mut host = TestHost::new(Script::Length);
    host.start(Auto);
    let spoken = recording("weather");
    host.say(&spoken);
    host.input.push(AudioEvent::StartEpoch(7));
    let (epoch, report) = host.report_of().await;
    let InputEvent::Transcript(transcript) = report else { panic!("{report:?}") };
    assert!(transcript.text.parse::<usize>().expect("a length") >= ms(&spoken));
    assert_eq!(epoch, 0);
    host.say(&[silence(500), spoken, silence(1000)].concat());
    let (epoch, report) = host.report_of().await;
    assert_eq!(epoch, 7, "{report:?}");
}

#[tokio::test]
async fn c16_what_is_discarded_is_heard_by_nobody() {
    let mut host = TestHost::new(Script::Length);
    host.start(Auto);
    host.say(&recording("weather"));
    host.input.push(AudioEvent::Discard);
    let other = recording("refresh-tasks");
    host.say(&[silence(500), other.clone(), silence(1000)].concat());
    let length = host.length().await;
    assert!(length.abs_diff(ms(&other) + 1000) < 400, "only speech after it: {length} ms");
}

#[tokio::test]
async fn m19_nothing_that_is_said_by_the_server_is_recorded() {
    for records in [false, true] {
        let mut host = TestHost::new(Script::Length);
        host.start(Realtime);
        host.input.set_recording(records);
        host.input.set_playing(true);
        host.say(&[silence(500), recording("weather"), silence(1000)].concat());
        host.until(|host| host.input.is_idle()).await;
        host.input.set_playing(false);
        let own = recording("refresh-tasks");
        host.say(&[silence(500), own.clone(), silence(1000)].concat());
        if !records {
            assert_eq!(host.report().await, InputEvent::BargeIn);
            host.transcript().await;
        }
        assert!(host.length().await.abs_diff(ms(&own) + 1000) < 400, "records: {records}");
    }
}

#[tokio::test]
async fn a10_the_session_knows_who_speaks_and_from_when_on_to_answer() {
    let vad = VadConfig { answer_after_ms: 3000, ..VadConfig::default() };
    let mut host = TestHost::with(Script::Length, vad);
    host.start(Auto);
    let began = Instant::now();
    host.say(&[silence(500), recording("weather"), silence(1000)].concat());
    host.transcript().await;
    host.until(|host| host.notes.lock().contains(&InputState::UtteranceActive(false))).await;
    let notes = host.notes.lock().clone();
    let index = |wanted: &dyn Fn(&InputState) -> bool| notes.iter().position(wanted).expect("noted");
    let started = index(&|note| *note == InputState::UtteranceActive(true));
    let answer = index(&|note| matches!(note, InputState::EarliestAnswer(_)));
    let ended = index(&|note| *note == InputState::UtteranceActive(false));
    assert!(started < answer && answer < ended, "{notes:?}");
    assert!(notes[..ended].contains(&InputState::VoiceActive));
    let InputState::EarliestAnswer(at) = notes[answer] else { unreachable!("found as such") };
    let wait = at.into_std().saturating_duration_since(began);
    assert!((2000..3400).contains(&wait.as_millis()), "3 s less the silence that ended it: {wait:?}");
}

#[tokio::test]
async fn a10_whoever_lets_go_of_a_button_waits_for_nothing() {
    let host = TestHost::new(Script::Length);
    press(&host, &recording("weather")).await;
    host.until(|host| host.notes.lock().iter().any(|note| matches!(note, InputState::EarliestAnswer(_)))).await;
    let notes = host.notes.lock().clone();
    let answer = notes.iter().find_map(|note| if let InputState::EarliestAnswer(at) = note { Some(*at) } else { None });
    assert!(answer.expect("noted").into_std() <= Instant::now());
}

#[tokio::test]
async fn c17_silence_that_comes_as_sound_is_no_sign_of_a_person() {
    let host = TestHost::new(Script::Length);
    host.start(Auto);
    host.say(&silence(5000));
    host.until(|host| host.input.is_idle()).await;
    assert!(!host.notes.lock().contains(&InputState::VoiceActive));
}
