//! Sends packets to a device at the pace of playback. Rule: a burst of five frames, then one per frame time, scheduled
//! from the first frame and not from the last, so that late wake-ups do not add up; after an underrun another burst of
//! five.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Shared;
use super::produce::PlayItem;
use super::sentence_queue::Sentence;
use crate::fault::Fault;

/// Runs until the turn has ended.
pub(super) async fn run(
    shared: Arc<Shared>,
    provider: &'static str,
    mut items: mpsc::Receiver<PlayItem>,
    on_end: impl FnOnce() + Send + 'static,
) {
    let mut player = Player::new(shared, provider);
    while let Some(item) = items.recv().await {
        let mut next = Some(item);
        while let Some(item) = next.take() {
            match item {
                PlayItem::Begin(sentence) => player.sentence = Some(sentence),
                PlayItem::Packet(packet) => player.send_packet(packet).await,
                PlayItem::End(fault) => player.end_sentence(fault),
                PlayItem::Done => {
                    // Another sentence may be queued before playback ends.
                    next = timeout_at(player.played_until(), items.recv()).await.ok().flatten();
                    if next.is_none() && player.stop() {
                        return on_end();
                    }
                }
            }
        }
        if player.is_over() {
            return;
        }
    }
}

struct Player {
    shared: Arc<Shared>,
    provider: &'static str,
    frame: Duration,
    /// The current sentence until `sentence_start` is sent with its first frame.
    sentence: Option<Sentence>,
    /// Start of the frames that are being played, and their number.
    burst: Option<(Instant, u32)>,
    /// Frames of the turn.
    frames: u32,
    /// A frame of this turn has been ready.
    has_audio: bool,
}

impl Player {
    fn new(shared: Arc<Shared>, provider: &'static str) -> Self {
        let frame = Duration::from_millis(u64::from(shared.downlink.frame_ms));
        Self { shared, provider, frame, sentence: None, burst: None, frames: 0, has_audio: false }
    }

    fn is_over(&self) -> bool {
        !self.shared.state.lock().open
    }

    /// Sends a frame when it is due.
    async fn send_packet(&mut self, packet: Vec<u8>) {
        self.wait_while_paused().await;
        if !std::mem::replace(&mut self.has_audio, true) {
            if let Some(sentence) = &self.sentence {
                // Measured at the first frame that is ready: the wait that follows is for the display of the device.
                metrics::histogram!("modehost_tts_first_audio_seconds", "provider" => self.provider)
                    .record(sentence.queued.elapsed().as_secs_f64());
            }
            self.wait_for_display().await;
        }
        let now = Instant::now();
        // Everything sent has been played by now: the first frame, or an underrun.
        if self.burst.is_none_or(|(began, sent)| began + self.frame * sent <= now) {
            if self.burst.is_some() {
                metrics::counter!("modehost_tts_underruns_total").increment(1);
            }
            self.burst = Some((now, 0));
        }
        let Some((began, sent)) = self.burst else { return };
        let due = began + self.frame * (sent + 1).saturating_sub(limits::PLAYBACK_BURST);
        if due > now {
            sleep_until(due).await;
            self.wait_while_paused().await;
            let late = Instant::now().saturating_duration_since(due);
            metrics::histogram!("modehost_tts_pacing_error_seconds").record(late.as_secs_f64());
        }
        let begins = self.sentence.as_ref().map(|sentence| sentence.queued);
        self.begin_sentence();
        let timestamp = self.frames.wrapping_mul(self.shared.downlink.frame_ms);
        let mut state = self.shared.state.lock();
        if !state.open {
            return;
        }
        let _ = self.shared.outbox.audio(packet, timestamp);
        state.first_frame.record_frame(begins);
        self.frames += 1;
        self.burst = Some((began, sent + 1));
        state.progress.add_frame(began + self.frame * (sent + 1));
        metrics::counter!("modehost_tts_frames_total").increment(1);
    }

    /// Firmware drops frames that arrive while its display still handles `start` (A.12).
    async fn wait_for_display(&self) {
        let began = self.shared.state.lock().began;
        sleep_until(began + limits::FIRST_FRAME_DELAY).await;
    }

    async fn wait_while_paused(&self) {
        while self.shared.state.lock().paused {
            self.shared.play.notified().await;
        }
    }

    /// Sends `sentence_start`.
    fn begin_sentence(&mut self) {
        let Some(sentence) = self.sentence.take() else { return };
        let mut state = self.shared.state.lock();
        if !state.open {
            return;
        }
        self.shared.send_sentence("sentence_start", &sentence);
        state.in_sentence = true;
        state.progress.begin_sentence(sentence.plugin, sentence.text);
        for message in state.first_frame.release() {
            let _ = self.shared.outbox.text(message);
        }
    }

    /// Ends the sentence. One without audio is a caption.
    fn end_sentence(&mut self, fault: Option<Fault>) {
        self.begin_sentence();
        let outcome = fault.as_ref().map_or("ok", |fault| fault.kind.label());
        let provider = self.provider;
        metrics::counter!("modehost_tts_sentences_total", "provider" => provider, "outcome" => outcome).increment(1);
        let mut state = self.shared.state.lock();
        if !state.open {
            return;
        }
        state.in_sentence = false;
        state.progress.end_sentence();
        if let Some(sentence) = state.sentences.pop() {
            self.shared.send_sentence("sentence_end", &sentence);
        }
        let Some(fault) = fault.filter(|_| !state.error_sent) else { return };
        state.error_sent = true;
        let message = "this cannot be said aloud at the moment; it is shown as text";
        let error = reply::error(ErrorCode::TtsUnavailable.as_str(), message, &Reference::default());
        let _ = self.shared.outbox.text(error);
        drop(state);
        tracing::warn!(provider, kind = fault.kind.label(), "speech synthesis of a sentence failed: {fault}");
    }

    /// When everything sent has been played, with a margin.
    fn played_until(&self) -> Instant {
        let played = self.burst.map(|(began, sent)| began + self.frame * (sent + limits::PLAYBACK_MARGIN));
        played.unwrap_or_else(Instant::now)
    }

    /// Ends the turn, unless a sentence was queued meanwhile.
    fn stop(&self) -> bool {
        let mut state = self.shared.state.lock();
        if !state.open || !state.finishing || !state.sentences.is_empty() {
            // The producer sends `Done` once more.
            state.done_sent = false;
            drop(state);
            self.shared.produce.notify_one();
            return false;
        }
        self.shared.stop(&mut state);
        true
    }
}
