//! Synthesises and encodes sentences ahead of playback. Rule: encoding runs on the audio threads and yields after every
//! frame; the queue bounds how far ahead it runs.

use std::sync::Arc;

use crate::limits;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::Shared;
use super::sentence_queue::Sentence;
use crate::encode::{Encode, encoder};
use crate::fault::{Fault, FaultKind};
use crate::resample::Resample;
use crate::sound::Sound;
use crate::tts::Speaker;

/// An item for the player.
pub(super) enum PlayItem {
    Begin(Sentence),
    Packet(Vec<u8>),
    /// The sentence is complete; with its failure, if any.
    End(Option<Fault>),
    /// No sentence is queued, and none follows.
    Done,
}

/// Runs until the player has ended.
pub(super) async fn run(shared: Arc<Shared>, speaker: Arc<dyn Speaker>, items: mpsc::Sender<PlayItem>) {
    let mut encoder = encoder(shared.downlink);
    while let Some(next) = shared.next_sentence().await {
        let Some(sentence) = next else {
            if items.send(PlayItem::Done).await.is_err() {
                return;
            }
            continue;
        };
        let (text, sound) = (sentence.text.clone(), sentence.sound.clone());
        if items.send(PlayItem::Begin(sentence)).await.is_err() {
            return;
        }
        let audio = match sound {
            Some(sound) => Some(Audio::of_sound(sound)),
            None => has_words(&text).then(|| Audio { rate: speaker.sample_rate(), stream: speaker.speak(&text) }),
        };
        let fault = match (audio, &mut encoder) {
            (None, _) => None,
            (Some(audio), Some(encoder)) => send(&shared, audio, &mut **encoder, &items).await.err(),
            (Some(_), None) => {
                Some(Fault::permanent(FaultKind::Rejected, "there is no encoder for the audio format of the device"))
            }
        };
        if items.send(PlayItem::End(fault)).await.is_err() {
            return;
        }
    }
}

/// The audio of a sentence, as it is synthesised, or of a sound.
struct Audio {
    /// In Hz.
    rate: u32,
    stream: BoxStream<'static, Result<Vec<i16>, Fault>>,
}

impl Audio {
    fn of_sound(sound: Sound) -> Self {
        let Sound { pcm, sample_rate } = sound;
        // A second at a time: what is resampled ahead of playback stays small.
        let chunk = sample_rate.max(1) as usize;
        let parts = stream::iter((0..pcm.len()).step_by(chunk));
        let stream = parts.map(move |at| Ok(pcm[at..pcm.len().min(at + chunk)].to_vec())).boxed();
        Self { rate: sample_rate, stream }
    }
}

/// Encodes the audio of a sentence and sends its packets.
async fn send(
    shared: &Shared,
    audio: Audio,
    encoder: &mut dyn Encode,
    items: &mpsc::Sender<PlayItem>,
) -> Result<(), Fault> {
    let frame = shared.downlink.frame();
    let Audio { rate, stream: mut audio } = audio;
    let mut resample = Resample::new(rate, shared.downlink.sample_rate);
    let mut pcm = Vec::new();
    let mut outcome = Ok(());
    loop {
        match timeout(limits::TTS_STALL_TIMEOUT, audio.next()).await {
            Ok(Some(Ok(chunk))) => resample.push(&chunk, &mut pcm),
            Ok(Some(Err(fault))) => {
                outcome = Err(fault);
                break;
            }
            Ok(None) => break,
            Err(_) => {
                outcome = Err(Fault::transient(FaultKind::TimedOut, "the audio of the sentence stalled"));
                break;
            }
        }
        send_frames(&mut pcm, frame, encoder, items).await;
    }
    resample.finish(&mut pcm);
    if !pcm.is_empty() {
        pcm.resize(pcm.len().next_multiple_of(frame), 0);
    }
    send_frames(&mut pcm, frame, encoder, items).await;
    outcome
}

/// Encodes and sends whole frames.
async fn send_frames(pcm: &mut Vec<i16>, frame: usize, encoder: &mut dyn Encode, items: &mpsc::Sender<PlayItem>) {
    let mut done = 0;
    while let Some(next) = pcm.get(done..done + frame) {
        done += frame;
        if let Some(packet) = encoder.encode(next)
            && items.send(PlayItem::Packet(packet)).await.is_err()
        {
            break;
        }
        yield_now().await;
    }
    pcm.drain(..done);
}

/// Whether the text contains anything to speak.
fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

impl Shared {
    /// The next sentence; `Some(None)` once where the queue is empty and no sentence follows; `None` at the end of the
    /// turn.
    async fn next_sentence(&self) -> Option<Option<Sentence>> {
        loop {
            {
                let mut state = self.state.lock();
                if !state.open {
                    return None;
                }
                if let Some(sentence) = state.sentences.start_next() {
                    return Some(Some(sentence));
                }
                if state.finishing && !state.done_sent {
                    state.done_sent = true;
                    return Some(None);
                }
            }
            self.produce.notified().await;
        }
    }
}
