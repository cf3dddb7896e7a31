//! Sentences to packets, ahead of the time at which they are heard. Rule: encoding is work for the
//! threads of sound and gives way after every frame; how far ahead it gets is bounded by the queue.

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

/// What is to be sent next.
pub(super) enum Piece {
    Begin(Sentence),
    Packet(Vec<u8>),
    /// The sentence is over; with what went wrong with it.
    End(Option<Fault>),
    /// Nothing waits, and nothing more is to follow.
    Done,
}

/// Runs until nobody takes the pieces any more.
pub(super) async fn run(shared: Arc<Shared>, speaker: Arc<dyn Speaker>, pieces: mpsc::Sender<Piece>) {
    let mut encoder = encoder(shared.downlink);
    while let Some(next) = shared.next_sentence().await {
        let Some(sentence) = next else {
            if pieces.send(Piece::Done).await.is_err() {
                return;
            }
            continue;
        };
        let text = sentence.text.clone();
        if pieces.send(Piece::Begin(sentence)).await.is_err() {
            return;
        }
        let fault = match &mut encoder {
            _ if !has_words(&text) => None,
            Some(encoder) => speak(&shared, &*speaker, &mut **encoder, &text, &pieces).await.err(),
            None => Some(Fault::lasting(FaultKind::Refused, "there is no encoder for what devices are sent")),
        };
        if pieces.send(Piece::End(fault)).await.is_err() {
            return;
        }
    }
}

/// Has a sentence spoken.
async fn speak(
    shared: &Shared,
    speaker: &dyn Speaker,
    encoder: &mut dyn Encode,
    text: &str,
    pieces: &mpsc::Sender<Piece>,
) -> Result<(), Fault> {
    let frame = shared.downlink.frame();
    let mut sound = speaker.speak(text);
    let mut resample = Resample::new(speaker.sample_rate(), shared.downlink.sample_rate);
    let mut pcm = Vec::new();
    let mut outcome = Ok(());
    loop {
        match timeout(limits::SPEECH_STALL, sound.next()).await {
            Ok(Some(Ok(piece))) => resample.push(&piece, &mut pcm),
            Ok(Some(Err(fault))) => {
                outcome = Err(fault);
                break;
            }
            Ok(None) => break,
            Err(_) => {
                outcome = Err(Fault::passing(FaultKind::TimedOut, "the speech stopped in the middle"));
                break;
            }
        }
        send(&mut pcm, frame, encoder, pieces).await;
    }
    resample.finish(&mut pcm);
    if !pcm.is_empty() {
        pcm.resize(pcm.len().next_multiple_of(frame), 0);
    }
    send(&mut pcm, frame, encoder, pieces).await;
    outcome
}

/// Sends whole frames.
async fn send(pcm: &mut Vec<i16>, frame: usize, encoder: &mut dyn Encode, pieces: &mpsc::Sender<Piece>) {
    let mut done = 0;
    while let Some(next) = pcm.get(done..done + frame) {
        done += frame;
        if let Some(packet) = encoder.encode(next)
            && pieces.send(Piece::Packet(packet)).await.is_err()
        {
            break;
        }
        yield_now().await;
    }
    pcm.drain(..done);
}

/// Whether there is anything in it to be spoken.
fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

impl Shared {
    /// The next sentence; `Some(None)`, once each time, where none waits and none is to follow; `None` at
    /// the end.
    async fn next_sentence(&self) -> Option<Option<Sentence>> {
        loop {
            {
                let mut state = self.state.lock();
                if !state.open {
                    return None;
                }
                if let Some(sentence) = state.sentences.get(state.taken).cloned() {
                    state.taken += 1;
                    return Some(Some(sentence));
                }
                if state.finishing && !state.done_told {
                    state.done_told = true;
                    return Some(None);
                }
            }
            self.produce.notified().await;
        }
    }
}
