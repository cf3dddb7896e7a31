//! Limits of audio input, recognition and playback: default timeouts, queue depths and sizes, each with its unit and
//! its reason. Rule: no other file of this crate holds such a number; defaults of configuration keys come from here.

use std::time::Duration;

pub use modehost_limits::{ENDPOINT_DEBOUNCE, SPEECH_BYTES, SPEECH_SENTENCES};

// --- Audio input and recognition -----------------------------------------------------------------

/// Detector score, 0 to 1, from which a window counts as speech: white noise peaks at 0.63, speech is mostly above 0.9.
pub const VAD_THRESHOLD: f32 = 0.6;
/// Speech of this length starts an utterance: six windows of the detector, longer than a click.
pub const VAD_START: Duration = Duration::from_millis(96);
/// Silence of this length ends an utterance: people pause 200 to 500 ms within a sentence.
pub const VAD_END: Duration = Duration::from_millis(700);
/// Earliest start of an answer after the last speech, where silence ended the utterance: people pause for up to a
/// second within a sentence.
pub const ANSWER_AFTER: Duration = Duration::from_millis(1200);
/// Silence that ends speech in manual mode, for devices that do not send `stop`.
pub const MANUAL_SILENCE: Duration = Duration::from_millis(1750);
/// Pre-roll: audio before the VAD onset that goes to the recogniser, since an utterance may start with a soft
/// consonant.
pub const PRE_ROLL: Duration = Duration::from_millis(300);
/// Maximum utterance. Providers cut at 60 s, and people seldom speak 30 s without a pause.
pub const MAX_UTTERANCE: Duration = Duration::from_secs(30);
/// Least faint voice for which a recogniser is called: a fan reaches half of it, a whispered word three times.
pub const MIN_FAINT_VOICE: Duration = Duration::from_millis(64);
/// With less clear voice than this, film credits in a transcript are a hallucination of the recogniser: saying the
/// shortest of them takes longer.
pub const MIN_CLEAR_VOICE: Duration = Duration::from_millis(500);
/// Least time between `tts` `start` and the first frame: on `start`, firmware clears its decoder queue in its main
/// loop, where the display takes up to 60 ms.
pub const FIRST_FRAME_DELAY: Duration = Duration::from_millis(120);
/// In manual mode without an endpoint of the device for this long, the VAD is the endpointing source (A.2).
pub const MANUAL_FALLBACK: Duration = Duration::from_millis(5000);
/// Speech during playback of this length is a barge-in: longer than a cough.
pub const BARGE_IN: Duration = Duration::from_millis(300);
/// Largest Opus packet: RFC 6716 allows three frames of 1,275 bytes for 60 ms, and a few bytes of framing.
pub const MAX_PACKET_BYTES: usize = 4000;
/// Consecutive undecodable packets after which this is reported (A.11): more than a second.
pub const UNREADABLE_PACKETS: u32 = 20;
/// Samples in the longest Opus packet, 120 ms.
pub const MAX_PACKET_SAMPLES: usize = 1920;
/// Capacity of the input queue in packets, 15 s of 60 ms; it holds twice as many endpoints.
pub const INPUT_QUEUE_PACKETS: usize = 256;
/// Capacity of the input queue in bytes of packets: 8 s of PCM.
pub const INPUT_QUEUE_BYTES: usize = 256 * 1024;
/// Events that a pipeline processes before it yields to other sessions: about 1 ms of work.
pub const INPUT_BURST: usize = 8;
/// A pipeline without events for this long ends and frees its decoder and detector.
pub const INPUT_IDLE: Duration = Duration::from_secs(20);
/// Closed utterances of a session whose transcript is pending; beyond that the oldest fails.
pub const PENDING_TRANSCRIPTS: usize = 8;
/// Unacknowledged audio of all utterances, in bytes per core: as many devices as a core serves at the same time, each
/// with half of the maximum utterance.
pub const BUFFERED_AUDIO_BYTES: usize = 256 * 1024 * 1024;
/// Samples that an utterance may always buffer: five seconds, which most utterances do not reach.
pub const BUFFERED_AUDIO_RESERVE: usize = 5 * 16_000;
/// From the end of an utterance to its text, including retries.
pub const RECOGNITION: Duration = Duration::from_secs(10);
/// Poll interval for the end of an utterance, from which that timeout counts.
pub const RECOGNITION_POLL: Duration = Duration::from_millis(500);
/// Backoff before the first retry of a recogniser; it doubles with each retry.
pub const RECOGNITION_BACKOFF: Duration = Duration::from_millis(100);
/// Text of one utterance: 30 s of fast speech are 2 KiB.
pub const TEXT_BYTES: usize = 16 * 1024;
/// Samples below which no request is sent: 100 ms.
pub const MIN_AUDIO: usize = 1600;
/// Response body of a recogniser, in bytes.
pub const RESPONSE_BYTES: usize = 1024 * 1024;
/// Retries of a recogniser.
pub const RECOGNITION_RETRIES: u32 = 2;

// --- Playback ------------------------------------------------------------------------------------

/// Sample rate of audio for devices, in Hz: the default of the firmware.
pub const TTS_SAMPLE_RATE: u32 = 24_000;
/// Length of a frame for devices, in ms: the default of the firmware.
pub const TTS_FRAME_MS: u32 = 60;
/// Bit rate of audio for devices, in bit/s: wideband speech is clear, and a frame has 180 bytes.
pub const TTS_BITRATE: u32 = 24_000;
/// From a sentence to its first audio.
pub const TTS_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two chunks of the audio of a sentence.
pub const TTS_STALL_TIMEOUT: Duration = Duration::from_secs(20);
/// Frames sent in one burst: hides a Wi-Fi stall of 300 ms.
pub const PLAYBACK_BURST: u32 = 5;
/// Frame times between the end of the sent audio and `stop`: networks delay the last frames.
pub const PLAYBACK_MARGIN: u32 = 2;
/// Packets encoded ahead of playback: 1 s of 60 ms. More would delay the first audio of other sessions where many are
/// answered at the same time.
pub const PLAYBACK_AHEAD: usize = 16;
/// Complexity of the Opus encoder, 0 to 10: 1 costs 0.24 ms for a frame of 60 ms, 5 costs 0.54 ms, and speech sounds
/// nearly the same.
pub const OPUS_COMPLEXITY: i32 = 1;
/// Concurrent espeak-ng processes; further sentences wait. Each takes a fraction of a core for a moment.
pub const ESPEAK_PROCESSES: usize = 4;
/// Bytes per read from the output of espeak-ng.
pub const ESPEAK_READ_BYTES: usize = 16 * 1024;
/// Audio of one sentence, in bytes: five minutes at 24 kHz.
pub const SENTENCE_AUDIO_BYTES: usize = 14 * 1024 * 1024;
/// Length of the sounds that wait to be played on one connection.
pub const QUEUED_SOUND: Duration = Duration::from_secs(60);
/// Longest sound that a test of a speaker returns.
pub const TRIED_SOUND: Duration = Duration::from_secs(60);
/// Response body of a TTS service, in bytes: that much audio in 32 bit stereo.
pub const TTS_RESPONSE_BYTES: usize = 4 * SENTENCE_AUDIO_BYTES;
/// Consecutive failed sentences after which the circuit breaker of a TTS service opens. Each sentence has been retried
/// by then, so one is enough, and no further person waits in vain.
pub const TTS_FAILURES: u32 = 1;
/// Backoff before the one retry of a sentence, and the maximum of the jitter added to it.
pub const TTS_BACKOFF: Duration = Duration::from_millis(200);

// --- Providers -----------------------------------------------------------------------------------

/// Connect timeout of a provider, with TLS.
pub const PROVIDER_CONNECT: Duration = Duration::from_secs(5);
/// Idle timeout of a pooled connection to a provider.
pub const PROVIDER_IDLE: Duration = Duration::from_secs(60);
/// Write timeout of a message to a provider.
pub const PROVIDER_WRITE: Duration = Duration::from_secs(5);
/// Read buffer of a WebSocket to a provider; results are a few hundred bytes.
pub const PROVIDER_READ_BYTES: usize = 4096;
/// Samples per packet for Doubao: 200 ms, its fastest setting.
pub const DOUBAO_PACKET: usize = 3200;
/// Samples per packet for FunASR: 120 ms; it collects 600 ms itself.
pub const FUNASR_PACKET: usize = 1920;
/// Timeout of FunASR messages after the end of an utterance.
pub const FUNASR_END_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for another sentence after the first one behind the end marker: FunASR sends them together.
pub const FUNASR_NEXT_SENTENCE: Duration = Duration::from_millis(150);
