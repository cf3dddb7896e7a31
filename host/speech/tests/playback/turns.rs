//! Turns: their order, audio, pacing and end. Rule: what the connection receives is balanced, whatever happens.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use modehost_speech::{DownlinkCodec, Heard};

use crate::connection::{Connection, FRAME, Seen, assert_balanced, decode, score};

/// The plugin that says everything.
const WHO: &str = "mode";

#[tokio::test]
async fn a8_a_turn_is_balanced_and_sounds_as_it_was_spoken() {
    let mut connection = Connection::new();
    let speaking = connection.begin();
    speaking.sentence(&WHO.into(), "0123456789").expect("open");
    speaking.sentence(&WHO.into(), "abcdef").expect("open");
    speaking.finish();
    let turn = connection.turn().await;
    let seen: Vec<&Seen> = turn.iter().map(|(_, seen)| seen).collect();
    let expected = ["start", "+0123456789", "♪", "-0123456789", "+abcdef", "♪", "-abcdef", "stop"];
    assert_eq!(score(seen.iter().copied()), expected);
    let pcm = decode(seen.iter().copied());
    // Sixteen characters of 60 ms, and the padding of the last frame of each sentence.
    assert!(pcm.len().abs_diff(16 * 1440) <= 2 * 1440, "{} samples", pcm.len());
    let crossings = pcm.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    let hertz = crossings as f64 / (pcm.len() as f64 / 24_000.0);
    assert!((hertz - 440.0).abs() < 30.0, "{hertz} Hz");
    let stamps: Vec<u32> =
        seen.iter().filter_map(|seen| if let Seen::Audio(_, at) = seen { Some(*at) } else { None }).collect();
    assert!(stamps.iter().enumerate().all(|(frame, at)| *at == frame as u32 * 60), "{stamps:?}");
    assert!(speaking.is_over());
    assert_eq!(connection.ended.load(SeqCst), 1);
    assert_eq!(speaking.cut(), None, "nothing is left to be cut");
    drop(speaking);
    assert_eq!(connection.now(), []);
}

#[tokio::test]
async fn a8_five_frames_at_once_then_one_a_frame_time() {
    let mut connection = Connection::new();
    let speaking = connection.begin();
    speaking.sentence(&WHO.into(), "a sentence of some length").expect("open");
    speaking.finish();
    let turn = connection.turn().await;
    let times: Vec<Duration> =
        turn.iter().filter(|(_, seen)| matches!(seen, Seen::Audio(..))).map(|(at, _)| *at).collect();
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
    assert!(*stop + Duration::from_millis(3) >= times[0] + FRAME * (times.len() as u32 + 2), "it has had time to play");
}

/// Firmware drops frames that arrive while its display still handles `start`.
#[tokio::test]
async fn a12_the_first_sound_waits_for_the_screen_and_the_face_comes_with_it() {
    let mut connection = Connection::new();
    let speaking = connection.begin();
    speaking.sentence(&WHO.into(), "hello").expect("open");
    let face = |name: &str| -> std::sync::Arc<str> { format!(r#"{{"type":"{name}","state":"face"}}"#).into() };
    assert_eq!(speaking.accompany(face("llm")), None, "it waits");
    speaking.finish();
    let turn = connection.turn().await;
    let words = score(turn.iter().map(|(_, seen)| seen));
    assert_eq!(words, ["start", "+hello", "face", "♪", "-hello", "stop"]);
    let at = |find: fn(&Seen) -> bool| turn.iter().find(|(_, seen)| find(seen)).map(|(at, _)| *at).expect("seen");
    let start = at(|seen| matches!(seen, Seen::Tts(state, _) if state == "start"));
    let sound = at(|seen| matches!(seen, Seen::Audio(..)));
    assert!(sound.saturating_sub(start) >= Duration::from_millis(115), "{start:?} to {sound:?}");
    assert!(speaking.accompany(face("llm")).is_some(), "whatever comes later goes at once");
}

#[tokio::test]
async fn a8_abort_silences_within_one_frame() {
    let mut connection = Connection::new();
    let speaking = connection.begin();
    speaking.sentence(&WHO.into(), "a sentence that is cut in the middle").expect("open");
    speaking.sentence(&WHO.into(), "another").expect("open");
    let mut before = Vec::new();
    while before.iter().filter(|seen| matches!(seen, Seen::Audio(..))).count() < 7 {
        before.push(connection.next().await);
    }
    let heard = speaking.cut().expect("open");
    let after = connection.now();
    assert_eq!(score(&after), ["-a sentence that is cut in the middle", "stop"], "not one frame of it");
    before.extend(after);
    assert_balanced(&score(&before));
    // Seven frames were sent, five of them ahead of playback; one letter takes one frame.
    let [Heard { who, text }] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(&**who, WHO);
    assert!(text.len() <= 7 && "a sentence".starts_with(text.as_str()), "{text}");
    assert!(speaking.sentence(&WHO.into(), "too late").is_err());
    tokio::time::sleep(FRAME * 4).await;
    assert_eq!(connection.now(), [], "no frame follows a cut");
    assert_eq!(connection.ended.load(SeqCst), 0, "who cuts knows");
}

#[tokio::test]
async fn a8_a_cut_before_the_first_sound_says_no_sentence() {
    let mut connection = Connection::new();
    let speaking = connection.begin();
    speaking.sentence(&WHO.into(), "never heard").expect("open");
    drop(speaking);
    let seen = connection.now();
    assert_balanced(&score(&seen));
    tokio::time::sleep(FRAME * 4).await;
    assert_eq!(connection.now(), []);
}

#[tokio::test]
async fn a8_a_failure_leaves_the_caption_and_ends_the_turn() {
    let mut connection = Connection::new();
    let speaking = connection.begin();
    for sentence in ["this one fails", "a good one", "it fails again"] {
        speaking.sentence(&WHO.into(), sentence).expect("open");
    }
    speaking.finish();
    let turn = connection.turn().await;
    let score = score(turn.iter().map(|(_, seen)| seen));
    assert_balanced(&score);
    for sentence in ["this one fails", "a good one", "it fails again"] {
        assert!(score.contains(&format!("+{sentence}")), "{score:?}");
    }
    assert_eq!(score.iter().filter(|word| *word == "TTS_UNAVAILABLE").count(), 1, "reported once: {score:?}");
}

#[tokio::test]
async fn a8_what_cannot_be_spoken_is_a_caption() {
    let mut connection = Connection::new();
    let speaking = connection.begin();
    speaking.sentence(&WHO.into(), "😀 …!").expect("open");
    speaking.finish();
    let turn = connection.turn().await;
    assert_eq!(score(turn.iter().map(|(_, seen)| seen)), ["start", "+😀 …!", "-😀 …!", "stop"]);
}

#[tokio::test]
async fn a8_a_pause_holds_frames_back_and_loses_none() {
    let mut connection = Connection::new();
    let speaking = connection.begin();
    speaking.sentence(&WHO.into(), "0123456789").expect("open");
    speaking.finish();
    let mut seen = vec![connection.next().await];
    while seen.iter().filter(|seen| matches!(seen, Seen::Audio(..))).count() < 5 {
        seen.push(connection.next().await);
    }
    speaking.pause();
    tokio::time::sleep(FRAME * 2).await;
    let late = connection.now().len();
    assert!(late <= 1, "{late} frames were on their way");
    tokio::time::sleep(FRAME * 5).await;
    assert_eq!(connection.now(), []);
    speaking.resume();
    let rest = connection.turn().await;
    let frames = seen.iter().chain(rest.iter().map(|(_, seen)| seen)).filter(|seen| matches!(seen, Seen::Audio(..)));
    assert!(frames.count() + late >= 10);
}

#[tokio::test]
async fn a8_a_turn_that_was_to_finish_goes_on() {
    let mut connection = Connection::new();
    let speaking = connection.begin();
    speaking.sentence(&WHO.into(), "one").expect("open");
    speaking.finish();
    while !matches!(connection.next().await, Seen::Tts(state, _) if state == "sentence_end") {}
    // Its last frames are still being played.
    speaking.sentence(&WHO.into(), "two").expect("still open");
    speaking.finish();
    let turn = connection.turn().await;
    assert_eq!(score(turn.iter().map(|(_, seen)| seen)), ["+two", "♪", "-two", "stop"]);
    assert_eq!(connection.ended.load(SeqCst), 1);
}

#[tokio::test]
async fn c3_what_was_not_sent_is_given_back() {
    let mut connection = Connection::new();
    let speaking = connection.begin();
    for sentence in ["one", "two that hangs", "three"] {
        speaking.sentence(&WHO.into(), sentence).expect("open");
    }
    while !matches!(connection.next().await, Seen::Tts(state, _) if state == "sentence_end") {}
    let (unsaid, heard) = speaking.abandon();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(unsaid, ["two that hangs", "three"]);
    connection.now();
    drop(speaking);
    assert_eq!(connection.now(), [], "nothing is sent after the connection closed");
}

#[tokio::test]
async fn c8_what_waits_is_bounded() {
    let mut connection = Connection::new();
    let speaking = connection.begin();
    let began = std::time::Instant::now();
    let taken =
        (0..100_000).filter(|_| speaking.sentence(&WHO.into(), "a sentence that nobody waits for").is_ok()).count();
    assert!(taken <= 256, "{taken}");
    tokio::time::sleep(FRAME * 3).await;
    let frames = connection.now().into_iter().filter(|seen| matches!(seen, Seen::Audio(..))).count();
    let due = began.elapsed().as_millis() as usize / 60;
    assert!(frames <= 5 + due + 1, "{frames} frames after {due} frames' time");
}

#[tokio::test]
async fn a8_pcm_for_devices_that_want_it() {
    let mut connection = Connection::new();
    connection.downlink.codec = DownlinkCodec::Pcm;
    let speaking = connection.begin();
    speaking.sentence(&WHO.into(), "abc").expect("open");
    speaking.finish();
    let turn = connection.turn().await;
    let frames: Vec<usize> = turn
        .iter()
        .filter_map(|(_, seen)| if let Seen::Audio(packet, _) = seen { Some(packet.len()) } else { None })
        .collect();
    assert!(frames.iter().all(|length| *length == 2880) && (3..=4).contains(&frames.len()), "{frames:?}");
}

/// Any calls in any order: what the connection receives is balanced.
#[tokio::test]
async fn a8_balanced_whatever_is_called_when() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut connection = Connection::new();
        let speaking = connection.begin();
        for step in 0..12 {
            match random.u8(..7) {
                0 | 1 => drop(speaking.sentence(&WHO.into(), ["a", "bc fails", "…", "d hangs"][random.usize(..4)])),
                2 => speaking.finish(),
                3 => speaking.pause(),
                4 => speaking.resume(),
                5 if step > 8 => drop(speaking.cut()),
                _ => tokio::time::sleep(Duration::from_millis(random.u64(..30))).await,
            }
        }
        drop(speaking);
        assert_balanced(&score(&connection.now()));
        tokio::task::yield_now().await;
        assert_eq!(connection.now(), [], "seed {seed}: something came after the end");
    }
}
