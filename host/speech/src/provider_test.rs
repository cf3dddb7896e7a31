//! One utterance or one sentence for a provider, for operators who want to know whether it answers. Rule: it takes the way
//! of any other speech, with the same timeouts, retries and circuit breaker; what it says ends with it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout};

use crate::asr::{AsrEvent, Recogniser, RecognitionPolicy, Utterance};
use crate::limits;
use crate::tts::Speaker;
use crate::vad::{RATE, Voice};

/// What a provider made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried<T> {
    /// Its result; of a failed try, what came before the failure.
    pub result: T,
    /// When the first part of the result came, since the start.
    pub first: Option<Duration>,
    /// How long it took in all.
    pub took: Duration,
    /// Why it failed.
    pub error: Option<String>,
}

/// Has a recogniser hear a recording: mono, 16 kHz, 16 bit. The time counts from the end of the recording, which is sent as
/// fast as the provider takes it.
pub async fn hear(recogniser: Arc<dyn Recogniser>, policy: RecognitionPolicy, pcm: &[i16]) -> Tried<String> {
    let mut utterance = Utterance::start(recogniser, policy);
    for chunk in pcm.chunks(RATE as usize / 10) {
        utterance.push(chunk);
    }
    // Somebody wants this one heard, however little the detector would find in it.
    let all = pcm.len() as u64;
    utterance.add_voice(Voice { clear: all, faint: all });
    utterance.end();
    let began = Instant::now();
    let (mut first, mut result) = (None, String::new());
    let error = loop {
        match utterance.next().await {
            AsrEvent::Partial(text) => {
                first.get_or_insert_with(|| began.elapsed());
                result = text.to_string();
            }
            AsrEvent::Final(text) => {
                result = text.to_string();
                break utterance.fault();
            }
            AsrEvent::Failed(fault) => break Some(fault),
        }
    };
    Tried { result, first, took: began.elapsed(), error: error.map(|fault| fault.to_string()) }
}

/// Has a speaker say a text: mono, 16 bit, at its sample rate, at most [`limits::TRIED_SOUND`].
pub async fn say(speaker: &dyn Speaker, text: &str) -> Tried<Vec<i16>> {
    let most = limits::TRIED_SOUND.as_secs() as usize * speaker.sample_rate() as usize;
    let began = Instant::now();
    let (mut first, mut result, mut error) = (None, Vec::new(), None);
    let mut audio = speaker.speak(text);
    while result.len() < most {
        match timeout(limits::TTS_STALL_TIMEOUT, audio.next()).await {
            Ok(Some(Ok(chunk))) => {
                first.get_or_insert_with(|| began.elapsed());
                result.extend_from_slice(&chunk);
            }
            Ok(Some(Err(fault))) => {
                error = Some(fault.to_string());
                break;
            }
            Ok(None) => break,
            Err(_) => {
                error = Some("the audio stalled".to_owned());
                break;
            }
        }
    }
    result.truncate(most);
    Tried { result, first, took: began.elapsed(), error }
}
