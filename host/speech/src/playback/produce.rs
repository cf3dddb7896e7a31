//! Synthesises and encodes sentences ahead of playback. Rule: encoding runs on the audio threads and yields after every
//! frame; the queue bounds how far ahead it runs.

use std::sync::Arc;

use crate::limits;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::{Sentence, Shared};
use crate::encode::{Encode, encoder};
use crate::fault::{Fault, FaultKind};
use crate::resample::Resample;
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
        let text = sentence.text.clone();
        if items.send(PlayItem::Begin(sentence)).await.is_err() {
            return;
        }
        let fault = match &mut encoder {
            _ if !has_words(&text) => None,
            Some(encoder) => synthesise(&shared, &*speaker, &mut **encoder, &text, &items).await.err(),
            None => {
                Some(Fault::permanent(FaultKind::Rejected, "there is no encoder for the audio format of the device"))
            }
        };
        if items.send(PlayItem::End(fault)).await.is_err() {
            return;
        }
    }
}

/// Synthesises a sentence and sends its packets.
async fn synthesise(
    shared: &Shared,
    speaker: &dyn Speaker,
    encoder: &mut dyn Encode,
    text: &str,
    items: &mpsc::Sender<PlayItem>,
) -> Result<(), Fault> {
    let frame = shared.downlink.frame();
    let mut audio = speaker.speak(text);
    let mut resample = Resample::new(speaker.sample_rate(), shared.downlink.sample_rate);
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
                if let Some(sentence) = state.sentences.get(state.started).cloned() {
                    state.started += 1;
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
