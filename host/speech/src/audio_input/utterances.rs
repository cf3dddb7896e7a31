//! The utterances of an input: the open one, and those whose transcript is pending. Rule: transcripts are
//! reported in the order of the utterances, whichever is ready first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::limits;
use tokio::time::Instant;

use super::AsrResult;
use crate::asr::{AsrEvent, Utterance};
use crate::config::VadConfig;
use crate::fault::{Fault, FaultKind};
use crate::service::Speech;
use crate::vad::{RATE, Voice, duration};

/// An event of an utterance.
pub(super) enum UtteranceEvent {
    Partial(AsrResult),
    Final(AsrResult),
    Failed(Fault),
    /// The recogniser failed before the end of the open utterance; with the transcript up to then, if any.
    RecogniserFailed {
        transcript: Option<AsrResult>,
        fault: Fault,
    },
}

struct TrackedUtterance {
    utterance: Utterance,
    /// Epoch of its audio.
    epoch: u64,
    source: Arc<str>,
    start_ms: u64,
    /// None while it is open.
    end_ms: Option<u64>,
    ended: Option<Instant>,
    samples: u64,
    /// The VAD has detected speech in it.
    voiced: bool,
    /// It reached the maximum length and was split.
    split: bool,
}

pub(super) struct Utterances {
    speech: Arc<Speech>,
    open: Option<TrackedUtterance>,
    /// Oldest first.
    pending: VecDeque<TrackedUtterance>,
    /// Pre-roll: the latest samples, for the start of the next utterance.
    pre_roll: VecDeque<i16>,
}

impl Utterances {
    pub(super) fn new(speech: Arc<Speech>) -> Self {
        Self { speech, open: None, pending: VecDeque::new(), pre_roll: VecDeque::new() }
    }

    /// Appends samples to the open utterance and to the pre-roll.
    pub(super) fn push(&mut self, pcm: &[i16], vad: &VadConfig) {
        if let Some(open) = &mut self.open {
            open.utterance.push(pcm);
            open.samples += pcm.len() as u64;
        }
        let samples = |ms: u64| (ms * u64::from(RATE) / 1000) as usize;
        // The VAD reports an onset with a delay.
        let max = samples(vad.pre_roll_ms + vad.start_ms) + pcm.len();
        self.pre_roll.extend(pcm);
        self.pre_roll.drain(..self.pre_roll.len().saturating_sub(max));
    }

    /// Opens an utterance, with or without pre-roll. Does nothing where no recogniser is configured.
    pub(super) fn open(&mut self, with_pre_roll: bool, epoch: u64) {
        let parts = self.speech.providers();
        let Some(recogniser) = parts.recogniser.clone() else { return };
        let source = recogniser.name().into();
        let utterance =
            Utterance::start_with_budget(self.speech.audio_budget().clone(), recogniser, parts.recognition_policy);
        let (start_ms, end_ms, ended, samples) = (unix_ms(), None, None, 0);
        let (voiced, split) = (false, false);
        let mut open = TrackedUtterance { utterance, epoch, source, start_ms, end_ms, ended, samples, voiced, split };
        if with_pre_roll {
            let pre_roll = self.pre_roll.make_contiguous();
            open.utterance.push(pre_roll);
            open.samples = pre_roll.len() as u64;
            open.start_ms = open.start_ms.saturating_sub(ms(duration(open.samples)));
        }
        self.pre_roll.clear();
        self.open = Some(open);
    }

    /// Closes the open utterance and signals the end to the recogniser at once. False if none is open.
    pub(super) fn close(&mut self) -> bool {
        let Some(mut ended) = self.open.take() else { return false };
        // Audio of one utterance is no pre-roll of the next.
        self.pre_roll.clear();
        ended.utterance.end();
        ended.ended = Some(Instant::now());
        ended.end_ms = Some(ended.start_ms + ms(duration(ended.samples)));
        metrics::counter!("modehost_utterances_total").increment(1);
        self.pending.push_back(ended);
        true
    }

    /// Drops the open utterance. Its last samples may be the pre-roll of the next.
    pub(super) fn discard(&mut self) {
        self.open = None;
    }

    /// Drops the open utterance as a press without voice.
    pub(super) fn drop_silent_press(&mut self) {
        if self.open.take().is_some()
            && let Some(recogniser) = &self.speech.providers().recogniser
        {
            let provider = recogniser.name();
            metrics::counter!("modehost_asr_recognitions_total", "provider" => provider, "outcome" => "no_voice")
                .increment(1);
        }
        self.pre_roll.clear();
    }

    /// Drops all utterances and the pre-roll.
    pub(super) fn clear(&mut self) {
        self.open = None;
        self.pending.clear();
        self.pre_roll.clear();
    }

    /// Marks the open utterance as split at the maximum length.
    pub(super) fn mark_split(&mut self) {
        if let Some(open) = &mut self.open {
            open.split = true;
        }
    }

    /// Marks the open utterance as voiced.
    pub(super) fn mark_voiced(&mut self) {
        if let Some(open) = &mut self.open {
            open.voiced = true;
        }
    }

    /// Adds to the amount of voice in the open utterance.
    pub(super) fn add_voice(&self, voice: Voice) {
        if let Some(open) = &self.open {
            open.utterance.add_voice(voice);
        }
    }

    /// Whether the open utterance contains no trace of voice.
    pub(super) fn is_silent(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.utterance.is_silent())
    }

    pub(super) fn has_voice(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.voiced)
    }

    pub(super) fn is_too_long(&self, vad: &VadConfig) -> bool {
        self.open.as_ref().is_some_and(|open| duration(open.samples) >= Duration::from_secs(vad.max_utterance_s))
    }

    /// Whether an event is to be expected.
    pub(super) fn is_active(&self) -> bool {
        self.open.is_some() || !self.pending.is_empty()
    }

    /// The next event, with the epoch of its audio. Cancel safe.
    pub(super) async fn next(&mut self) -> (u64, UtteranceEvent) {
        if self.pending.len() > limits::PENDING_TRANSCRIPTS {
            let epoch = self.pending.pop_front().map_or(0, |oldest| oldest.epoch);
            let message = "too many utterances are waiting for a transcript";
            return (epoch, UtteranceEvent::Failed(Fault::transient(FaultKind::Busy, message)));
        }
        if let Some(oldest) = self.pending.front_mut() {
            let asr_event = oldest.utterance.next().await;
            let (epoch, transcript) = (oldest.epoch, transcript(oldest, &asr_event));
            let event = match asr_event {
                AsrEvent::Partial(_) => return (epoch, UtteranceEvent::Partial(transcript)),
                AsrEvent::Final(_) => UtteranceEvent::Final(transcript),
                AsrEvent::Failed(fault) => UtteranceEvent::Failed(fault),
            };
            self.pending.pop_front();
            return (epoch, event);
        }
        let Some(open) = &mut self.open else { return std::future::pending().await };
        let asr_event = open.utterance.next().await;
        let (epoch, transcript) = (open.epoch, transcript(open, &asr_event));
        // The recogniser ended before the utterance did: its confirmed text still counts.
        let failed = match asr_event {
            AsrEvent::Partial(_) => return (epoch, UtteranceEvent::Partial(transcript)),
            AsrEvent::Final(_) => {
                let ended = || {
                    Fault::transient(
                        FaultKind::Malformed,
                        "the recogniser closed the stream before the end of the utterance",
                    )
                };
                UtteranceEvent::RecogniserFailed {
                    transcript: Some(transcript),
                    fault: open.utterance.fault().unwrap_or_else(ended),
                }
            }
            AsrEvent::Failed(fault) => UtteranceEvent::RecogniserFailed { transcript: None, fault },
        };
        self.open = None;
        self.pre_roll.clear();
        (epoch, failed)
    }
}

fn transcript(tracked: &TrackedUtterance, asr_event: &AsrEvent) -> AsrResult {
    let (text, is_final) = match asr_event {
        AsrEvent::Partial(text) => (text.clone(), false),
        AsrEvent::Final(text) => (text.clone(), true),
        AsrEvent::Failed(_) => ("".into(), true),
    };
    let end_ms = tracked.end_ms.unwrap_or_else(|| tracked.start_ms + ms(duration(tracked.samples)));
    let (start_ms, source) = (tracked.start_ms, tracked.source.clone());
    let took = tracked.ended.filter(|_| is_final).map(|ended| ended.elapsed());
    AsrResult { text, is_final, split: tracked.split, start_ms, end_ms, latency: took, source }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Unix ms; 0 for a clock before 1970.
fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, ms)
}
