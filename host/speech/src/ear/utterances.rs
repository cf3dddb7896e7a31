//! The utterances of an ear: the one that is open, and those whose text is awaited. Rule: texts are
//! told in the order in which things were said, whichever is known first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use modehost_limits::sound as limits;

use super::Words;
use crate::config::VadConfig;
use crate::fault::{Fault, FaultKind};
use crate::recognise::{Heard, Utterance};
use crate::service::Speech;
use crate::voice_activity::{RATE, Voice, duration};

/// What is known of an utterance.
pub(super) enum Told {
    Draft(Words),
    Final(Words),
    Failed(Fault),
    /// The one that is open has failed before its end, after what was said until then, if anything.
    Broken {
        said: Option<Words>,
        fault: Fault,
    },
}

struct Spoken {
    utterance: Utterance,
    /// Of its sound.
    epoch: u64,
    source: Arc<str>,
    start_ms: u64,
    /// None while it is open.
    end_ms: Option<u64>,
    samples: u64,
    /// Somebody has spoken in it.
    voiced: bool,
    /// It was cut since it was as long as may be.
    cut: bool,
}

pub(super) struct Utterances {
    speech: Arc<Speech>,
    open: Option<Spoken>,
    /// Oldest first.
    settling: VecDeque<Spoken>,
    /// What came just before an utterance, or last in one that may yet be discarded.
    before: VecDeque<i16>,
}

impl Utterances {
    pub(super) fn new(speech: Arc<Speech>) -> Self {
        Self { speech, open: None, settling: VecDeque::new(), before: VecDeque::new() }
    }

    /// Sound comes: to the utterance that is open, and to what may come before one.
    pub(super) fn hear(&mut self, pcm: &[i16], vad: &VadConfig) {
        if let Some(open) = &mut self.open {
            open.utterance.push(pcm);
            open.samples += pcm.len() as u64;
        }
        let samples = |ms: u64| (ms * u64::from(RATE) / 1000) as usize;
        // Speech is known a little after it has begun.
        let most = samples(vad.pre_roll_ms + vad.start_ms) + pcm.len();
        self.before.extend(pcm);
        self.before.drain(..self.before.len().saturating_sub(most));
    }

    /// Begins an utterance, with what came just before it or without. Nothing happens where nobody
    /// recognises.
    pub(super) fn open(&mut self, with_before: bool, epoch: u64) {
        let parts = self.speech.parts();
        let Some(recogniser) = parts.recogniser.clone() else { return };
        let source = recogniser.name().into();
        let utterance = Utterance::begin_in(self.speech.room().clone(), recogniser, parts.terms);
        let (start_ms, end_ms, samples) = (unix_ms(), None, 0);
        let mut open = Spoken { utterance, epoch, source, start_ms, end_ms, samples, voiced: false, cut: false };
        if with_before {
            let before = self.before.make_contiguous();
            open.utterance.push(before);
            open.samples = before.len() as u64;
            open.start_ms = open.start_ms.saturating_sub(ms(duration(open.samples)));
        }
        self.before.clear();
        self.open = Some(open);
    }

    /// Ends the utterance: the recogniser is told at once. False if there is none.
    pub(super) fn close(&mut self) -> bool {
        let Some(mut ended) = self.open.take() else { return false };
        // What was said in one utterance is not said again in the next.
        self.before.clear();
        ended.utterance.end();
        ended.end_ms = Some(ended.start_ms + ms(duration(ended.samples)));
        metrics::counter!("modehost_utterances_total").increment(1);
        self.settling.push_back(ended);
        true
    }

    /// Forgets the utterance that is open. Its last sound may be the beginning of the next.
    pub(super) fn discard(&mut self) {
        self.open = None;
    }

    /// Forgets the utterance that is open, which was silent and is over.
    pub(super) fn drop_press(&mut self) {
        if self.open.take().is_some()
            && let Some(recogniser) = &self.speech.parts().recogniser
        {
            let provider = recogniser.name();
            metrics::counter!("modehost_recognitions_total", "provider" => provider, "outcome" => "no_voice")
                .increment(1);
        }
        self.before.clear();
    }

    /// Forgets all.
    pub(super) fn forget(&mut self) {
        self.open = None;
        self.settling.clear();
        self.before.clear();
    }

    /// The utterance that is open is as long as may be; the person goes on.
    pub(super) fn cut(&mut self) {
        if let Some(open) = &mut self.open {
            open.cut = true;
        }
    }

    /// Somebody speaks in the utterance that is open.
    pub(super) fn voiced(&mut self) {
        if let Some(open) = &mut self.open {
            open.voiced = true;
        }
    }

    /// So much voice has been added to the utterance that is open.
    pub(super) fn voice(&self, voice: Voice) {
        if let Some(open) = &self.open {
            open.utterance.voice(voice);
        }
    }

    /// Whether there is not even a trace of a voice in the utterance that is open.
    pub(super) fn is_silent(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.utterance.is_silent())
    }

    pub(super) fn has_voice(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.voiced)
    }

    pub(super) fn is_too_long(&self, vad: &VadConfig) -> bool {
        self.open.as_ref().is_some_and(|open| duration(open.samples) >= Duration::from_secs(vad.max_utterance_s))
    }

    /// Whether anything will be known of an utterance.
    pub(super) fn are_open(&self) -> bool {
        self.open.is_some() || !self.settling.is_empty()
    }

    /// What is known next, with the epoch of its sound. Waits for it; cancelling loses nothing.
    pub(super) async fn next(&mut self) -> (u64, Told) {
        if self.settling.len() > limits::EAR_SETTLING {
            let epoch = self.settling.pop_front().map_or(0, |oldest| oldest.epoch);
            let message = "more was said than could be recognised in time";
            return (epoch, Told::Failed(Fault::passing(FaultKind::Busy, message)));
        }
        if let Some(oldest) = self.settling.front_mut() {
            let heard = oldest.utterance.next().await;
            let (epoch, words) = (oldest.epoch, words(oldest, &heard));
            let told = match heard {
                Heard::Draft(_) => return (epoch, Told::Draft(words)),
                Heard::Final(_) => Told::Final(words),
                Heard::Failed(fault) => Told::Failed(fault),
            };
            self.settling.pop_front();
            return (epoch, told);
        }
        let Some(open) = &mut self.open else { return std::future::pending().await };
        let heard = open.utterance.next().await;
        let (epoch, words) = (open.epoch, words(open, &heard));
        // A recogniser that has had enough before the end: what it has settled was said all the same.
        let broken = match heard {
            Heard::Draft(_) => return (epoch, Told::Draft(words)),
            Heard::Final(_) => {
                let ended = || Fault::passing(FaultKind::Garbled, "the recogniser ended before the utterance did");
                Told::Broken { said: Some(words), fault: open.utterance.fault().unwrap_or_else(ended) }
            }
            Heard::Failed(fault) => Told::Broken { said: None, fault },
        };
        self.open = None;
        self.before.clear();
        (epoch, broken)
    }
}

fn words(spoken: &Spoken, heard: &Heard) -> Words {
    let (text, confirmed) = match heard {
        Heard::Draft(text) => (text.clone(), false),
        Heard::Final(text) => (text.clone(), true),
        Heard::Failed(_) => ("".into(), true),
    };
    let end_ms = spoken.end_ms.unwrap_or_else(|| spoken.start_ms + ms(duration(spoken.samples)));
    let (start_ms, source) = (spoken.start_ms, spoken.source.clone());
    Words { text, confirmed, cut: spoken.cut, start_ms, end_ms, source }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// 0 where the clock stands before 1970.
fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, ms)
}
