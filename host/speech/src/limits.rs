//! Limits of audio input, recognition and playback: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

use std::time::Duration;

pub use modehost_limits::{BOUNCE, SPEECH_BYTES, SPEECH_SENTENCES};

// --- Audio input and recognition -----------------------------------------------------------------

/// How sure the detector must be that something is speech: white noise peaks at 0.63, speech is
/// mostly above 0.9.
pub const VOICE_THRESHOLD: f32 = 0.6;
/// Speech of this length begins an utterance: six looks of the detector, longer than a click.
pub const VOICE_START: Duration = Duration::from_millis(96);
/// Silence of this length ends an utterance: people pause 200 to 500 ms within a sentence.
pub const VOICE_END: Duration = Duration::from_millis(700);
/// An answer does not begin earlier than this after the last speech, where silence has ended the utterance:
/// people pause for up to a second within a sentence.
pub const ANSWER_AFTER: Duration = Duration::from_millis(1200);
/// Silence that ends speech in manual listening, where the device does not say `stop`.
pub const MANUAL_SILENCE: Duration = Duration::from_millis(1750);
/// Sound from before the first speech that goes to the recogniser: soft consonants come first.
pub const PRE_ROLL: Duration = Duration::from_millis(300);
/// Longest utterance. Providers cut at 60 s, people seldom speak 30 s without a pause.
pub const UTTERANCE: Duration = Duration::from_secs(30);
/// Faint voice that a recogniser is asked about: a fan reaches half of it, a whispered word three times.
pub const FAINT_VOICE: Duration = Duration::from_millis(64);
/// With less clear voice than this, credits of films are what recognisers make of silence: the shortest
/// of them takes longer to say.
pub const SHORT_VOICE: Duration = Duration::from_millis(500);
/// No sound goes out earlier than this after `tts` `start`: firmware clears its decoder's queue then, in its
/// main loop, where its screen takes up to 60 ms.
pub const FIRST_SOUND: Duration = Duration::from_millis(120);
/// Manual listening without a boundary of the device for this long is ruled by voice activity (A.2).
pub const MANUAL_FALLBACK: Duration = Duration::from_millis(5000);
/// Speech over speech of this length interrupts: longer than a cough.
pub const BARGE_IN: Duration = Duration::from_millis(300);
/// Largest packet of Opus: RFC 6716 allows three frames of 1,275 bytes for 60 ms, and a little more.
pub const PACKET_BYTES: usize = 4000;
/// Packets in a row of which none can be decoded, before that is told (A.11): more than a second.
pub const UNREADABLE: u32 = 20;
/// Samples in the longest packet of Opus, 120 ms.
pub const PACKET_SAMPLES: usize = 1920;
/// Packets that wait for an ear, and boundaries twice as many: 15 s of 60 ms.
pub const EAR_PACKETS: usize = 256;
/// Bytes of the packets that wait for an ear: 8 s of PCM.
pub const EAR_BYTES: usize = 256 * 1024;
/// Packets that an ear takes in one go before others have their turn: about 1 ms of work.
pub const EAR_BURST: usize = 8;
/// An ear that nothing comes to for this long lets its decoder and detector go.
pub const EAR_IDLE: Duration = Duration::from_secs(20);
/// Utterances of a session whose text is awaited: more, and the oldest has come to nothing.
pub const EAR_SETTLING: usize = 8;
/// Sound of all utterances that no recogniser has acknowledged, in bytes for each core: as many devices as a core
/// hears at the same time, with half of the longest utterance each.
pub const HELD_SOUND_BYTES: usize = 256 * 1024 * 1024;
/// Samples that an utterance may hold in any case: five seconds, which most people do not reach.
pub const HELD_SOUND_SPARE: usize = 5 * 16_000;
/// From the end of an utterance to its text, with further tries.
pub const RECOGNITION: Duration = Duration::from_secs(10);
/// How often it is looked at whether an utterance has ended, for that time limit.
pub const RECOGNITION_LOOK: Duration = Duration::from_millis(500);
/// First pause before a further try of a recogniser; it doubles.
pub const RECOGNITION_PAUSE: Duration = Duration::from_millis(100);
/// Text of one utterance: 30 s of fast speech are 2 KiB.
pub const TEXT_BYTES: usize = 16 * 1024;
/// Samples that are worth a request: 100 ms.
pub const LEAST_SOUND: usize = 1600;
/// Answer of a recogniser, all of it.
pub const ANSWER_BYTES: usize = 1024 * 1024;
/// Further tries of a recogniser.
pub const RECOGNITION_RETRIES: u32 = 2;

// --- Playback ------------------------------------------------------------------------------------

/// Sample rate of what devices get, in Hz: firmware's own default.
pub const SPEECH_RATE: u32 = 24_000;
/// Length of a frame that devices get, in ms: firmware's own default.
pub const SPEECH_FRAME_MS: u32 = 60;
/// Bit rate of what devices get, in bit/s: wideband speech is clear, and a frame is 180 bytes.
pub const SPEECH_BITRATE: u32 = 24_000;
/// From a sentence to its first sound.
pub const SPEECH_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two pieces of a sentence's sound.
pub const SPEECH_STALL: Duration = Duration::from_secs(20);
/// Frames that are sent at once: a Wi-Fi that stutters for 300 ms is not heard.
pub const SPEECH_BURST: u32 = 5;
/// Frames' time between the end of what was sent and the `stop`: networks delay the last ones.
pub const SPEECH_MARGIN: u32 = 2;
/// Packets that are made ahead of the time at which they are heard: 1 s of 60 ms. More would make the
/// first sound of others wait, where many are answered at once.
pub const SPEECH_AHEAD: usize = 16;
/// Effort of the Opus encoder, 0 to 10: 1 costs 0.24 ms for a frame of 60 ms, 5 costs 0.54 ms, and
/// speech sounds nearly the same.
pub const OPUS_COMPLEXITY: i32 = 1;
/// Programs that speak at the same time; others wait. Each takes a fraction of a core for a moment.
pub const ESPEAK_PROCESSES: usize = 4;
/// Sound of a program that is read at once.
pub const SPEECH_PIECE_BYTES: usize = 16 * 1024;
/// Sound of one sentence: five minutes at 24 kHz.
pub const SPEECH_SOUND_BYTES: usize = 14 * 1024 * 1024;
/// An answer of a service of speech: as much sound in 32 bit and two channels.
pub const SPEECH_ANSWER_BYTES: usize = 4 * SPEECH_SOUND_BYTES;
/// Sentences in a row that a service has failed to speak before it is not asked for a while: with the second
/// try of each, one is enough, and nobody waits for the next in vain.
pub const SPEECH_FAILURES: u32 = 1;
/// Pause before the one further try of a sentence, and the most that is added to it by chance.
pub const SPEECH_PAUSE: Duration = Duration::from_millis(200);

// --- Providers -----------------------------------------------------------------------------------

/// Connecting to a provider, with TLS.
pub const PROVIDER_CONNECT: Duration = Duration::from_secs(5);
/// A connection to a provider that is not used.
pub const PROVIDER_IDLE: Duration = Duration::from_secs(60);
/// Writing a message to a provider.
pub const PROVIDER_WRITE: Duration = Duration::from_secs(5);
/// Read buffer of a WebSocket to a provider; results are a few hundred bytes.
pub const PROVIDER_READ_BYTES: usize = 4096;
/// Samples of a packet for Doubao: 200 ms, which it is fastest with.
pub const DOUBAO_PACKET: usize = 3200;
/// Samples of a packet for FunASR: 120 ms; it collects 600 ms itself.
pub const FUNASR_PACKET: usize = 1920;
/// How long FunASR may be silent after the end of an utterance.
pub const FUNASR_QUIET: Duration = Duration::from_secs(5);
/// How long a further sentence is waited for behind the first that came after the end: they are sent
/// in one go.
pub const FUNASR_NEXT: Duration = Duration::from_millis(150);
