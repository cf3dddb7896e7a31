//! Turns: their order, audio, pacing and end. Rule: what the connection receives is balanced, whatever happens.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use modehost_speech::{DownlinkCodec, PlayedText};

use crate::connection::{Connection, FRAME, Received, assert_balanced, decode, sequence};

/// The plugin that says everything.
const PLUGIN: &str = "mode";

#[tokio::test]
async fn a8_a_turn_is_balanced_and_sounds_as_it_was_spoken() {
    let mut connection = Connection::new();
    let playback = connection.begin();
    playback.sentence(&PLUGIN.into(), "0123456789").expect("open");
    playback.sentence(&PLUGIN.into(), "abcdef").expect("open");
    playback.finish();
    let turn = connection.turn().await;
    let received: Vec<&Received> = turn.iter().map(|(_, received)| received).collect();
    let expected = ["start", "+0123456789", "♪", "-0123456789", "+abcdef", "♪", "-abcdef", "stop"];
    assert_eq!(sequence(received.iter().copied()), expected);
    let pcm = decode(received.iter().copied());
    // Sixteen characters of 60 ms, and the padding of the last frame of each sentence.
    assert!(pcm.len().abs_diff(16 * 1440) <= 2 * 1440, "{} samples", pcm.len());
    let crossings = pcm.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    let hertz = crossings as f64 / (pcm.len() as f64 / 24_000.0);
    assert!((hertz - 440.0).abs() < 30.0, "{hertz} Hz");
    let stamps: Vec<u32> = received
        .iter()
        .filter_map(|received| if let Received::Audio(_, at) = received { Some(*at) } else { None })
        .collect();
    assert!(stamps.iter().enumerate().all(|(frame, at)| *at == frame as u32 * 60), "{stamps:?}");
    assert!(playback.has_ended());
    assert_eq!(connection.ended.load(SeqCst), 1);
    assert_eq!(playback.cut(), None, "nothing is left to be cut");
    drop(playback);
    assert_eq!(connection.now(), []);
}

#[tokio::test]
async fn a8_five_frames_at_once_then_one_a_frame_time() {
    let mut connection = Connection::new();
    let playback = connection.begin();
    playback.sentence(&PLUGIN.into(), "a sentence of some length").expect("open");
    playback.finish();
    let turn = connection.turn().await;
    let times: Vec<Duration> =
        turn.iter().filter(|(_, received)| matches!(received, Received::Audio(..))).map(|(at, _)| *at).collect();
    for (frame, at) in times.iter().enumerate().skip(5) {
        // Never more than five frames ahead: the queue of a device is bounded.
        let earliest = times[0] + FRAME * (frame as u32 - 4);
        assert!(*at + Duration::from_millis(3) >= earliest, "frame {frame} at {at:?}, not before {earliest:?}");
    }
    let burst = times[4] - times[0];
    assert!(burst < FRAME * 3, "the first five took {burst:?}, and four frames' time if they were paced");
    // Late wake-ups do not add up.
    let (last, due) = (times[times.len() - 1], times[0] + FRAME * (times.len() as u32 - 5));
    assert!(last < due + FRAME * 8, "the last one came {:?} late", last.saturating_sub(due));
    let (stop, _) = turn.last().expect("a stop");
    assert!(
        *stop + Duration::from_millis(3) >= times[0] + FRAME * (times.len() as u32 + 2),
        "everything has been played"
    );
}

/// Firmware drops frames that arrive while its display still handles `start`.
#[tokio::test]
async fn a12_the_first_sound_waits_for_the_screen_and_the_face_comes_with_it() {
    let mut connection = Connection::new();
    let playback = connection.begin();
    playback.sentence(&PLUGIN.into(), "hello").expect("open");
    let face = |name: &str| -> std::sync::Arc<str> { format!(r#"{{"type":"{name}","state":"face"}}"#).into() };
    assert_eq!(playback.send_with_first_frame(face("llm")), None, "it waits");
    playback.finish();
    let turn = connection.turn().await;
    let words = sequence(turn.iter().map(|(_, received)| received));
    assert_eq!(words, ["start", "+hello", "face", "♪", "-hello", "stop"]);
    let at = |find: fn(&Received) -> bool| {
        turn.iter().find(|(_, received)| find(received)).map(|(at, _)| *at).expect("seen")
    };
    let start = at(|received| matches!(received, Received::Tts(state, _) if state == "start"));
    let sound = at(|received| matches!(received, Received::Audio(..)));
    assert!(sound.saturating_sub(start) >= Duration::from_millis(115), "{start:?} to {sound:?}");
    assert!(playback.send_with_first_frame(face("llm")).is_some(), "later messages are sent at once");
}

#[tokio::test]
async fn a8_abort_silences_within_one_frame() {
    let mut connection = Connection::new();
    let playback = connection.begin();
    playback.sentence(&PLUGIN.into(), "a sentence that is cut in the middle").expect("open");
    playback.sentence(&PLUGIN.into(), "another").expect("open");
    let mut before = Vec::new();
    while before.iter().filter(|received| matches!(received, Received::Audio(..))).count() < 7 {
        before.push(connection.next().await);
    }
    let played = playback.cut().expect("open");
    let after = connection.now();
    assert_eq!(sequence(&after), ["-a sentence that is cut in the middle", "stop"], "not one frame of it");
    before.extend(after);
    assert_balanced(&sequence(&before));
    // Seven frames were sent, five of them ahead of playback; one letter takes one frame.
    let [PlayedText { plugin, text }] = &played[..] else { panic!("{played:?}") };
    assert_eq!(&**plugin, PLUGIN);
    assert!(text.len() <= 7 && "a sentence".starts_with(text.as_str()), "{text}");
    assert!(playback.sentence(&PLUGIN.into(), "too late").is_err());
    tokio::time::sleep(FRAME * 4).await;
    assert_eq!(connection.now(), [], "no frame follows a cut");
    assert_eq!(connection.ended.load(SeqCst), 0, "not called after a cut");
}

#[tokio::test]
async fn a8_a_cut_before_the_first_sound_says_no_sentence() {
    let mut connection = Connection::new();
    let playback = connection.begin();
    playback.sentence(&PLUGIN.into(), "never heard").expect("open");
    drop(playback);
    let received = connection.now();
    assert_balanced(&sequence(&received));
    tokio::time::sleep(FRAME * 4).await;
    assert_eq!(connection.now(), []);
}

#[tokio::test]
async fn a8_a_failure_leaves_the_caption_and_ends_the_turn() {
    let mut connection = Connection::new();
    let playback = connection.begin();
    for sentence in ["this one fails", "a good one", "it fails again"] {
        playback.sentence(&PLUGIN.into(), sentence).expect("open");
    }
    playback.finish();
    let turn = connection.turn().await;
    let sequence = sequence(turn.iter().map(|(_, received)| received));
    assert_balanced(&sequence);
    for sentence in ["this one fails", "a good one", "it fails again"] {
        assert!(sequence.contains(&format!("+{sentence}")), "{sequence:?}");
    }
    assert_eq!(sequence.iter().filter(|word| *word == "TTS_UNAVAILABLE").count(), 1, "reported once: {sequence:?}");
}

#[tokio::test]
async fn a8_what_cannot_be_spoken_is_a_caption() {
    let mut connection = Connection::new();
    let playback = connection.begin();
    playback.sentence(&PLUGIN.into(), "😀 …!").expect("open");
    playback.finish();
    let turn = connection.turn().await;
    assert_eq!(sequence(turn.iter().map(|(_, received)| received)), ["start", "+😀 …!", "-😀 …!", "stop"]);
}

#[tokio::test]
async fn a8_a_pause_holds_frames_back_and_loses_none() {
    let mut connection = Connection::new();
    let playback = connection.begin();
    playback.sentence(&PLUGIN.into(), "0123456789").expect("open");
    playback.finish();
    let mut received = vec![connection.next().await];
    while received.iter().filter(|received| matches!(received, Received::Audio(..))).count() < 5 {
        received.push(connection.next().await);
    }
    playback.pause();
    tokio::time::sleep(FRAME * 2).await;
    let late = connection.now().len();
    assert!(late <= 1, "{late} frames were in flight");
    tokio::time::sleep(FRAME * 5).await;
    assert_eq!(connection.now(), []);
    playback.resume();
    let rest = connection.turn().await;
    let frames = received
        .iter()
        .chain(rest.iter().map(|(_, received)| received))
        .filter(|received| matches!(received, Received::Audio(..)));
    assert!(frames.count() + late >= 10);
}

#[tokio::test]
async fn a8_a_turn_that_was_to_finish_goes_on() {
    let mut connection = Connection::new();
    let playback = connection.begin();
    playback.sentence(&PLUGIN.into(), "one").expect("open");
    playback.finish();
    while !matches!(connection.next().await, Received::Tts(state, _) if state == "sentence_end") {}
    // Its last frames are still being played.
    playback.sentence(&PLUGIN.into(), "two").expect("still open");
    playback.finish();
    let turn = connection.turn().await;
    assert_eq!(sequence(turn.iter().map(|(_, received)| received)), ["+two", "♪", "-two", "stop"]);
    assert_eq!(connection.ended.load(SeqCst), 1);
}

#[tokio::test]
async fn c3_what_was_not_sent_is_given_back() {
    let mut connection = Connection::new();
    let playback = connection.begin();
    for sentence in ["one", "two that hangs", "three"] {
        playback.sentence(&PLUGIN.into(), sentence).expect("open");
    }
    while !matches!(connection.next().await, Received::Tts(state, _) if state == "sentence_end") {}
    let (unsaid, played) = playback.abandon();
    assert_eq!(played.len(), 1, "{played:?}");
    assert_eq!(unsaid, ["two that hangs", "three"]);
    connection.now();
    drop(playback);
    assert_eq!(connection.now(), [], "nothing is sent after the connection closed");
}

#[tokio::test]
async fn c8_what_waits_is_bounded() {
    let mut connection = Connection::new();
    let playback = connection.begin();
    let started = std::time::Instant::now();
    let taken =
        (0..100_000).filter(|_| playback.sentence(&PLUGIN.into(), "a sentence that nobody waits for").is_ok()).count();
    assert!(taken <= 256, "{taken}");
    tokio::time::sleep(FRAME * 3).await;
    let frames = connection.now().into_iter().filter(|received| matches!(received, Received::Audio(..))).count();
    let due = started.elapsed().as_millis() as usize / 60;
    assert!(frames <= 5 + due + 1, "{frames} frames after {due} frames' time");
}

#[tokio::test]
async fn a8_pcm_for_devices_that_want_it() {
    let mut connection = Connection::new();
    connection.downlink.codec = DownlinkCodec::Pcm;
    let playback = connection.begin();
    playback.sentence(&PLUGIN.into(), "abc").expect("open");
    playback.finish();
    let turn = connection.turn().await;
    let frames: Vec<usize> = turn
        .iter()
        .filter_map(|(_, received)| if let Received::Audio(packet, _) = received { Some(packet.len()) } else { None })
        .collect();
    assert!(frames.iter().all(|length| *length == 2880) && (3..=4).contains(&frames.len()), "{frames:?}");
}

/// Any calls in any order: what the connection receives is balanced.
#[tokio::test]
async fn a8_balanced_whatever_is_called_when() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut connection = Connection::new();
        let playback = connection.begin();
        for step in 0..12 {
            match random.u8(..7) {
                0 | 1 => drop(playback.sentence(&PLUGIN.into(), ["a", "bc fails", "…", "d hangs"][random.usize(..4)])),
                2 => playback.finish(),
                3 => playback.pause(),
                4 => playback.resume(),
                5 if step > 8 => drop(playback.cut()),
                _ => tokio::time::sleep(Duration::from_millis(random.u64(..30))).await,
            }
        }
        drop(playback);
        assert_balanced(&sequence(&connection.now()));
        tokio::task::yield_now().await;
        assert_eq!(connection.now(), [], "seed {seed}: something came after the end");
    }
}
