//! Voice activity in real speech: where utterances begin and end. Rule: the expected endpoints are known, since the
//! recordings are cut at their first and last sound, and the surroundings are generated here.

use modehost_speech::config::VadConfig;
use modehost_speech::limits::MIN_FAINT_VOICE;
use modehost_speech::vad::{Change, Earshot, RATE, Thresholds, Vad, Voice, duration};

/// Tolerance of an endpoint, in ms.
const TOLERANCE: i64 = 200;

fn recording(name: &str) -> Vec<i16> {
    let path = format!("{}/../../tests/recordings/{name}.wav", env!("CARGO_MANIFEST_DIR"));
    let mut reader = hound::WavReader::open(&path).expect("a recording");
    assert_eq!(reader.spec().sample_rate, RATE);
    reader.samples().map(|sample| sample.expect("a sample")).collect()
}

fn samples(ms: usize) -> usize {
    ms * RATE as usize / 1000
}

/// Background around speech.
#[derive(Clone, Copy, Debug)]
enum Background {
    Silence,
    /// Like a fan, 30 dB below speech.
    Noise,
    /// Changing chords, as loud as the noise.
    Music,
}

fn background(kind: Background, length: usize) -> Vec<i16> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..length)
        .map(|at| match kind {
            Background::Silence => 0,
            Background::Noise => random.i16(-300..300),
            Background::Music => {
                let seconds = at as f64 / f64::from(RATE);
                let chord = [[262.0, 330.0, 392.0], [294.0, 370.0, 440.0]][(seconds * 2.0) as usize % 2];
                let tone = |hertz: f64| (seconds * hertz * std::f64::consts::TAU).sin();
                (chord.into_iter().map(tone).sum::<f64>() * 90.0) as i16
            }
        })
        .collect()
}

/// Speech with 1.5 s of background around it, and the first and last ms of each recording.
fn with_background(kind: Background, names: &[&str]) -> (Vec<i16>, Vec<(i64, i64)>) {
    let (mut pcm, mut expected) = (vec![0; samples(1500)], Vec::new());
    for name in names {
        let speech = recording(name);
        let begin = pcm.len();
        pcm.extend(speech);
        let ms = |at: usize| (at * 1000 / RATE as usize) as i64;
        expected.push((ms(begin), ms(pcm.len())));
        pcm.extend(vec![0; samples(1500)]);
    }
    let noise = background(kind, pcm.len());
    let mixed = pcm.iter().zip(noise).map(|(speech, noise)| speech.saturating_add(noise));
    (mixed.collect(), expected)
}

fn detect(pcm: &[i16]) -> Vec<(i64, i64)> {
    let thresholds = Thresholds::from(&VadConfig::default());
    let mut activity = Vad::new(Box::<Earshot>::default());
    let (mut began, mut found) = (None, Vec::new());
    let ms = |at: u64| (at * 1000 / u64::from(RATE)) as i64;
    // In packets of stock firmware.
    for packet in pcm.chunks(960) {
        activity.push(packet, &thresholds, |change| match change {
            Change::Began(at) => began = Some(ms(at)),
            Change::Ended(at) => found.push((began.take().expect("it had begun"), ms(at))),
        });
    }
    found
}

#[test]
fn a1_boundaries_are_within_200_ms_of_the_truth() {
    let sets: [&[&str]; 4] =
        [&["refresh-tasks"], &["weather"], &["two-sentences"], &["mark-done", "weather", "refresh-tasks"]];
    for kind in [Background::Silence, Background::Noise, Background::Music] {
        for names in sets {
            let (pcm, expected) = with_background(kind, names);
            let found = detect(&pcm);
            assert_eq!(found.len(), expected.len(), "{names:?} in {kind:?}: {found:?}, expected {expected:?}");
            for ((begin, end), (expected_begin, expected_end)) in found.iter().zip(&expected) {
                println!("{names:?} in {kind:?}: {:+} ms, {:+} ms", begin - expected_begin, end - expected_end);
                assert!((begin - expected_begin).abs() <= TOLERANCE, "{names:?} in {kind:?}: {found:?}, {expected:?}");
                assert!((end - expected_end).abs() <= TOLERANCE, "{names:?} in {kind:?}: {found:?}, {expected:?}");
            }
        }
    }
}

#[test]
fn a1_what_is_no_speech_begins_no_utterance() {
    for kind in [Background::Silence, Background::Noise, Background::Music] {
        let pcm = background(kind, samples(20_000));
        assert_eq!(detect(&pcm), [], "{kind:?}");
    }
}

fn voice(pcm: &[i16]) -> Voice {
    let thresholds = Thresholds::from(&VadConfig::default());
    let mut activity = Vad::new(Box::<Earshot>::default());
    pcm.chunks(960).for_each(|packet| activity.push(packet, &thresholds, |_| {}));
    activity.voice()
}

fn is_sent_to_recogniser(pcm: &[i16]) -> bool {
    duration(voice(pcm).faint) >= MIN_FAINT_VOICE
}

#[test]
fn a9_there_is_voice_where_somebody_speaks_however_softly() {
    for name in ["refresh-tasks", "weather", "two-sentences", "mark-done"] {
        let speech = recording(name);
        let ms = speech.len() as u64 * 1000 / u64::from(RATE);
        let clear = voice(&speech).clear * 1000 / u64::from(RATE);
        assert!((ms / 2..=ms).contains(&clear), "{name}: {clear} of {ms} ms");
        // 40 dB softer: a whisper from across the room.
        let soft: Vec<i16> = speech.iter().map(|sample| sample / 100).collect();
        assert!(is_sent_to_recogniser(&soft), "{name}, softly");
        // Cut at both ends: a short word.
        let word = [vec![0; 4800], speech[..samples(250)].to_vec(), vec![0; 4800]].concat();
        assert!(is_sent_to_recogniser(&word), "{name}, a word of it");
    }
}

#[test]
fn a9_there_is_none_where_nobody_speaks() {
    for kind in [Background::Silence, Background::Noise] {
        for length in [300, 1800, 20_000] {
            let voice = voice(&background(kind, samples(length)));
            assert!(voice.clear == 0 && duration(voice.faint) < MIN_FAINT_VOICE, "{kind:?}, {length} ms: {voice:?}");
        }
    }
    let mut random = fastrand::Rng::with_seed(3);
    let clicks: Vec<i16> = (0..samples(10_000)).map(|at| if at % 8000 < 80 { random.i16(..) } else { 0 }).collect();
    assert_eq!(voice(&clicks), Voice::default(), "a button that is pressed");
}
