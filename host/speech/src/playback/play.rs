//! Packets to a device, at the pace at which it plays them. Rule: five frames at once, then one for
//! each frame's time, reckoned from the first and not from the last, so that late wakes do not add up;
//! where the device has run dry, five at once again.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::produce::Piece;
use super::{Sentence, Shared};
use crate::fault::Fault;

/// Runs to the end of the turn.
pub(super) async fn run(
    shared: Arc<Shared>,
    provider: &'static str,
    mut pieces: mpsc::Receiver<Piece>,
    over: impl FnOnce() + Send + 'static,
) {
    let mut player = Player::new(shared, provider);
    while let Some(piece) = pieces.recv().await {
        let mut next = Some(piece);
        while let Some(piece) = next.take() {
            match piece {
                Piece::Begin(sentence) => player.sentence = Some(sentence),
                Piece::Packet(packet) => player.packet(packet).await,
                Piece::End(fault) => player.end(fault),
                Piece::Done => {
                    // More may come before all has been heard.
                    next = timeout_at(player.heard(), pieces.recv()).await.ok().flatten();
                    if next.is_none() && player.stop() {
                        return over();
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
    /// It has begun, and the device has not been told yet: that comes with its first frame.
    sentence: Option<Sentence>,
    /// When the frames that are being played began, and how many they are.
    run: Option<(Instant, u32)>,
    /// Frames of the turn.
    frames: u32,
    /// Something has been heard in this turn.
    heard: bool,
}

impl Player {
    fn new(shared: Arc<Shared>, provider: &'static str) -> Self {
        let frame = Duration::from_millis(u64::from(shared.downlink.frame_ms));
        Self { shared, provider, frame, sentence: None, run: None, frames: 0, heard: false }
    }

    fn is_over(&self) -> bool {
        !self.shared.state.lock().open
    }

    /// Sends a frame when its time has come.
    async fn packet(&mut self, packet: Vec<u8>) {
        self.wait_while_paused().await;
        if !std::mem::replace(&mut self.heard, true) {
            if let Some(sentence) = &self.sentence {
                // Reckoned to the first frame that is ready: the wait behind it is the device's.
                metrics::histogram!("modehost_tts_first_audio_seconds", "provider" => self.provider)
                    .record(sentence.queued.elapsed().as_secs_f64());
            }
            self.wait_for_screen().await;
        }
        let now = Instant::now();
        // What was sent has been played by now.
        if self.run.is_none_or(|(began, sent)| began + self.frame * sent <= now) {
            if self.run.is_some() {
                metrics::counter!("modehost_tts_underruns_total").increment(1);
            }
            self.run = Some((now, 0));
        }
        let Some((began, sent)) = self.run else { return };
        let due = began + self.frame * (sent + 1).saturating_sub(limits::SPEECH_BURST);
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
        if state.awaited.zip(begins).is_some_and(|(awaited, queued)| queued >= awaited) {
            (state.awaited, state.first_sound) = (None, Some(Instant::now()));
        }
        self.frames += 1;
        self.run = Some((began, sent + 1));
        state.account.frame(began + self.frame * (sent + 1));
        metrics::counter!("modehost_tts_frames_total").increment(1);
    }

    /// Firmware throws away what comes while its screen still works on `start` (A.12).
    async fn wait_for_screen(&self) {
        let began = self.shared.state.lock().began;
        sleep_until(began + limits::FIRST_SOUND).await;
    }

    async fn wait_while_paused(&self) {
        while self.shared.state.lock().paused {
            self.shared.play.notified().await;
        }
    }

    /// Tells the device what it is about to hear.
    fn begin_sentence(&mut self) {
        let Some(sentence) = self.sentence.take() else { return };
        let mut state = self.shared.state.lock();
        if !state.open {
            return;
        }
        let text = reply::tts("sentence_start", Some(&sentence.text), &self.shared.session_id);
        let _ = self.shared.outbox.text(text);
        state.in_sentence = true;
        state.account.begin(sentence.who, sentence.text);
        state.sounded = true;
        for message in std::mem::take(&mut state.with_sound) {
            let _ = self.shared.outbox.text(message);
        }
    }

    /// The sentence is over. One without sound is a caption.
    fn end(&mut self, fault: Option<Fault>) {
        self.begin_sentence();
        let outcome = fault.as_ref().map_or("ok", |fault| fault.kind.label());
        let provider = self.provider;
        metrics::counter!("modehost_tts_sentences_total", "provider" => provider, "outcome" => outcome).increment(1);
        let mut state = self.shared.state.lock();
        if !state.open {
            return;
        }
        state.in_sentence = false;
        state.account.end();
        if let Some(sentence) = state.sentences.pop_front() {
            state.bytes -= sentence.text.len();
            state.taken = state.taken.saturating_sub(1);
            let text = reply::tts("sentence_end", Some(&sentence.text), &self.shared.session_id);
            let _ = self.shared.outbox.text(text);
        }
        let Some(fault) = fault.filter(|_| !state.told) else { return };
        state.told = true;
        let message = "this cannot be said aloud at the moment; it is shown as text";
        let error = reply::error(ErrorCode::TtsUnavailable.as_str(), message, &Reference::default());
        let _ = self.shared.outbox.text(error);
        drop(state);
        tracing::warn!(provider, kind = fault.kind.label(), "a sentence was not spoken: {fault}");
    }

    /// When all that was sent has been heard, with a margin.
    fn heard(&self) -> Instant {
        let played = self.run.map(|(began, sent)| began + self.frame * (sent + limits::SPEECH_MARGIN));
        played.unwrap_or_else(Instant::now)
    }

    /// Ends the turn, if nothing has come meanwhile.
    fn stop(&self) -> bool {
        let mut state = self.shared.state.lock();
        if !state.open || !state.finishing || !state.sentences.is_empty() {
            // Whoever produces tells the end once more.
            state.done_told = false;
            drop(state);
            self.shared.produce.notify_one();
            return false;
        }
        self.shared.stop(&mut state);
        true
    }
}
