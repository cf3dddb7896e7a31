//! The utterances of an input: the open one, and those whose transcript is pending. Rule: transcripts are
//! reported in the order of the utterances, whichever is ready first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::limits;
use tokio::time::Instant;

use super::Words;
use crate::asr::{AsrEvent, Utterance};
use crate::config::VadConfig;
use crate::fault::{Fault, FaultKind};
use crate::service::Speech;
use crate::vad::{RATE, Voice, duration};

/// An event of an utterance.
pub(super) enum UtteranceEvent {
    Partial(Words),
    Final(Words),
    Failed(Fault),
    /// The open utterance failed before its end; with the transcript until then, if any.
    Broken {
        said: Option<Words>,
        fault: Fault,
    },
}

struct Spoken {
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
    cut: bool,
}

pub(super) struct Utterances {
    speech: Arc<Speech>,
    open: Option<Spoken>,
    /// Oldest first.
    settling: VecDeque<Spoken>,
    /// Pre-roll: the latest samples, for the start of the next utterance.
    before: VecDeque<i16>,
}

impl Utterances {
    pub(super) fn new(speech: Arc<Speech>) -> Self {
        Self { speech, open: None, settling: VecDeque::new(), before: VecDeque::new() }
    }

    /// Appends samples to the open utterance and to the pre-roll.
    pub(super) fn hear(&mut self, pcm: &[i16], vad: &VadConfig) {
        if let Some(open) = &mut self.open {
            open.utterance.push(pcm);
            open.samples += pcm.len() as u64;
        }
        let samples = |ms: u64| (ms * u64::from(RATE) / 1000) as usize;
        // The VAD reports an onset with a delay.
        let most = samples(vad.pre_roll_ms + vad.start_ms) + pcm.len();
        self.before.extend(pcm);
        self.before.drain(..self.before.len().saturating_sub(most));
    }

    /// Opens an utterance, with or without pre-roll. Does nothing where no recogniser is configured.
    pub(super) fn open(&mut self, with_before: bool, epoch: u64) {
        let parts = self.speech.parts();
        let Some(recogniser) = parts.recogniser.clone() else { return };
        let source = recogniser.name().into();
        let utterance = Utterance::begin_in(self.speech.audio_budget().clone(), recogniser, parts.terms);
        let (start_ms, end_ms, ended, samples) = (unix_ms(), None, None, 0);
        let (voiced, cut) = (false, false);
        let mut open = Spoken { utterance, epoch, source, start_ms, end_ms, ended, samples, voiced, cut };
        if with_before {
            let before = self.before.make_contiguous();
            open.utterance.push(before);
            open.samples = before.len() as u64;
            open.start_ms = open.start_ms.saturating_sub(ms(duration(open.samples)));
        }
        self.before.clear();
        self.open = Some(open);
    }

    /// Closes the open utterance: the recogniser is told at once. False if none is open.
    pub(super) fn close(&mut self) -> bool {
        let Some(mut ended) = self.open.take() else { return false };
        // Samples of one utterance are no pre-roll of the next.
        self.before.clear();
        ended.utterance.end();
        ended.ended = Some(Instant::now());
        ended.end_ms = Some(ended.start_ms + ms(duration(ended.samples)));
        metrics::counter!("modehost_utterances_total").increment(1);
        self.settling.push_back(ended);
        true
    }

    /// Drops the open utterance. Its last samples may be the pre-roll of the next.
    pub(super) fn discard(&mut self) {
        self.open = None;
    }

    /// Drops the open utterance, a press without voice.
    pub(super) fn drop_press(&mut self) {
        if self.open.take().is_some()
            && let Some(recogniser) = &self.speech.parts().recogniser
        {
            let provider = recogniser.name();
            metrics::counter!("modehost_asr_recognitions_total", "provider" => provider, "outcome" => "no_voice")
                .increment(1);
        }
        self.before.clear();
    }

    /// Drops all utterances and the pre-roll.
    pub(super) fn forget(&mut self) {
        self.open = None;
        self.settling.clear();
        self.before.clear();
    }

    /// Marks the open utterance as split at the maximum length.
    pub(super) fn cut(&mut self) {
        if let Some(open) = &mut self.open {
            open.cut = true;
        }
    }

    /// Marks the open utterance as voiced.
    pub(super) fn voiced(&mut self) {
        if let Some(open) = &mut self.open {
            open.voiced = true;
        }
    }

    /// Adds to the amount of voice in the open utterance.
    pub(super) fn voice(&self, voice: Voice) {
        if let Some(open) = &self.open {
            open.utterance.voice(voice);
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
    pub(super) fn are_open(&self) -> bool {
        self.open.is_some() || !self.settling.is_empty()
    }

    /// The next event, with the epoch of its audio. Cancel safe.
    pub(super) async fn next(&mut self) -> (u64, UtteranceEvent) {
        if self.settling.len() > limits::EAR_SETTLING {
            let epoch = self.settling.pop_front().map_or(0, |oldest| oldest.epoch);
            let message = "more was said than could be recognised in time";
            return (epoch, UtteranceEvent::Failed(Fault::passing(FaultKind::Busy, message)));
        }
        if let Some(oldest) = self.settling.front_mut() {
            let heard = oldest.utterance.next().await;
            let (epoch, words) = (oldest.epoch, words(oldest, &heard));
            let told = match heard {
                AsrEvent::Partial(_) => return (epoch, UtteranceEvent::Partial(words)),
                AsrEvent::Final(_) => UtteranceEvent::Final(words),
                AsrEvent::Failed(fault) => UtteranceEvent::Failed(fault),
            };
            self.settling.pop_front();
            return (epoch, told);
        }
        let Some(open) = &mut self.open else { return std::future::pending().await };
        let heard = open.utterance.next().await;
        let (epoch, words) = (open.epoch, words(open, &heard));
        // The recogniser ended before the utterance: its confirmed text still counts.
        let broken = match heard {
            AsrEvent::Partial(_) => return (epoch, UtteranceEvent::Partial(words)),
            AsrEvent::Final(_) => {
                let ended = || Fault::passing(FaultKind::Garbled, "the recogniser ended before the utterance did");
                UtteranceEvent::Broken { said: Some(words), fault: open.utterance.fault().unwrap_or_else(ended) }
            }
            AsrEvent::Failed(fault) => UtteranceEvent::Broken { said: None, fault },
        };
        self.open = None;
        self.before.clear();
        (epoch, broken)
    }
}

fn words(spoken: &Spoken, heard: &AsrEvent) -> Words {
    let (text, is_final) = match heard {
        AsrEvent::Partial(text) => (text.clone(), false),
        AsrEvent::Final(text) => (text.clone(), true),
        AsrEvent::Failed(_) => ("".into(), true),
    };
    let end_ms = spoken.end_ms.unwrap_or_else(|| spoken.start_ms + ms(duration(spoken.samples)));
    let (start_ms, source) = (spoken.start_ms, spoken.source.clone());
    let took = spoken.ended.filter(|_| is_final).map(|ended| ended.elapsed());
    Words { text, is_final, cut: spoken.cut, start_ms, end_ms, took, source }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Unix ms; 0 for a clock before 1970.
fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, ms)
}
